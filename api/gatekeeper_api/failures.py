"""How often an address failed to say who it is: a bucket of tokens for each, which fills with time."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from gatekeeper.service.errors import TooMany

_MAX_ADDRESSES = 10_000
_WINDOW_S = 60.0


class TooManyFailures(TooMany):
    """The address sent too many credentials that are none. `retry_after_s` tells when the next one counts."""

    def __init__(self, message: str, *, hint: str, retry_after_s: int) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class Failures:
    """Counts credentials that nobody knows. Thread-safe.

    Only a wrong credential is ever answered with 429: many jobs share the address of a proxy, and one that
    is set up wrongly must not lock out the others. Guessing is no way in (256 random bits); the bucket keeps
    whoever tries from learning why a try failed, and tells the broken job to slow down.
    """

    def __init__(self, per_minute: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._size = per_minute
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count(self, address: str) -> None:
        """Note one more failure of `address`.

        Raises:
            TooManyFailures: it had as many as it may within a minute.
        """
        with self._lock:
            now = self._monotonic()
            left, at = self._left.pop(address, (float(self._size), now))
            left = min(float(self._size), left + (now - at) * self._size / _WINDOW_S)
            self._left[address] = (max(left - 1, 0.0), now)
            if len(self._left) > _MAX_ADDRESSES:
                self._left.popitem(last=False)
        if left < 1:
            raise TooManyFailures(
                f"{address} sent more than {self._size} wrong credentials within a minute, the limit "
                "(GATEKEEPER_AUTH_FAILURES_PER_MINUTE)",
                hint="look at the token or id_token that is sent from there",
                retry_after_s=math.ceil((1 - left) * _WINDOW_S / self._size),
            )
