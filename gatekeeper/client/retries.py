"""When a call is tried again: after faults that pass, with growing pauses, never beyond the deadline.

The calls of the API are idempotent, so one that may have arrived can be sent again; making a token is not.
"""

import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

RETRIED_STATUS = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long a call may take, in seconds."""

    total_s: float = 300.0
    """All tries and pauses together; an upload gets more by its size."""
    connect_s: float = 10.0
    read_s: float = 150.0
    """Between two bytes of the answer; reading a large report takes the server its time."""
    tries: int = 5
    first_pause_s: float = 0.5
    most_pause_s: float = 20.0


@dataclass
class Attempts:
    """The tries of one call. Ask `pause_after` each time, wait that long, try again."""

    timing: Timing
    allowance_s: float = 0.0
    """More time for a large body."""
    clock: Callable[[], float] = time.monotonic
    dice: Callable[[], float] = random.random
    made: int = 0
    _ends_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._ends_at = self.clock() + self.timing.total_s + self.allowance_s

    @property
    def rest_s(self) -> float:
        """Seconds until the deadline; at least a little, so that a timeout is never zero."""
        return max(0.05, self._ends_at - self.clock())

    @property
    def is_late(self) -> bool:
        """True when the deadline has passed."""
        return self.clock() >= self._ends_at

    def pause_after(
        self,
        fault: httpx.TransportError | int,
        retry_after: str | None = None,
        *,
        is_idempotent: bool = True,
    ) -> float | None:
        """Seconds to wait before the next try; None when there must be none.

        `fault` is what the connection did, or the status of the answer; `retry_after` its header. What is not
        idempotent is tried again only when the server cannot have done it.
        """
        self.made += 1
        if self.made >= self.timing.tries or not _can_pass(fault):
            return None
        if not is_idempotent and not _was_not_done(fault):
            return None
        grown = min(self.timing.most_pause_s, self.timing.first_pause_s * 2 ** (self.made - 1))
        pause = grown * (0.5 + self.dice() / 2)
        asked = seconds_of(retry_after)
        if asked is not None:
            pause = max(pause, asked)
        return pause if self.clock() + pause < self._ends_at else None


def seconds_of(retry_after: str | None) -> float | None:
    """The header `Retry-After` (RFC 9110, 10.2.3) in seconds from now; None when it says nothing usable."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def is_untrusted(fault: BaseException | None) -> bool:
    """True when the server's certificate was not accepted; waiting does not mend it."""
    while fault is not None:
        if isinstance(fault, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(fault):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def _was_not_done(fault: httpx.TransportError | int) -> bool:
    if isinstance(fault, int):
        return fault in (429, 503)
    return isinstance(fault, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def _can_pass(fault: httpx.TransportError | int) -> bool:
    if isinstance(fault, int):
        return fault in RETRIED_STATUS
    if isinstance(fault, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return False
    return not is_untrusted(fault)
