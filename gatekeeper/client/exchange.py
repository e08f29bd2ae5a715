"""One try of a call: the request that carries it, the answer as it comes in, the words for no answer."""

from collections.abc import Callable
from typing import TypeVar

import httpx

from gatekeeper import __version__
from gatekeeper.client.address import Address
from gatekeeper.client.answers import Answer
from gatekeeper.client.body import BodyStream
from gatekeeper.client.call import Call
from gatekeeper.client.errors import NotUnderstood, Unreachable
from gatekeeper.client.retries import Attempts, Timing, is_untrusted

T = TypeVar("T")

MAX_ANSWER_BYTES = 256 * 1024 * 1024


class Counted:
    """Passes counts on and remembers their sum, which a failed try takes back."""

    def __init__(self, tell: Callable[[int], None] | None) -> None:
        self._tell = tell
        self._sum = 0

    def __call__(self, count: int) -> None:
        """Hear of `count` more bytes."""
        self._sum += count
        if self._tell is not None:
            self._tell(count)

    def take_back(self) -> None:
        """Tell that nothing of it counts."""
        if self._tell is not None and self._sum:
            self._tell(-self._sum)


class Collected:
    """The body of an answer as far as it has come."""

    def __init__(self, request: httpx.Request, attempts: Attempts) -> None:
        self.body = bytearray()
        self.url = str(request.url.copy_with(query=None))
        self._attempts = attempts
        self._request = request

    def take(self, chunk: bytes) -> None:
        """Add a piece.

        Raises:
            NotUnderstood: it is longer than any answer of a server.
            httpx.ReadTimeout: the deadline of the call has passed.
        """
        self.body += chunk
        if len(self.body) > MAX_ANSWER_BYTES:
            raise NotUnderstood(f"{self.url} answers with more than {MAX_ANSWER_BYTES:,} bytes")
        if self._attempts.is_late:
            raise httpx.ReadTimeout("the answer does not end", request=self._request)


def request_for(
    call: Call[T], address: Address, attempts: Attempts, timing: Timing, tell: Counted
) -> httpx.Request:
    """The request of one try, with the time that is left for it."""
    url = httpx.URL(address.url + call.path, params=dict(call.query) or None)
    headers = {"Host": url.netloc.decode("ascii"), "User-Agent": f"gatekeeper/{__version__}"}
    headers |= {"Accept": "application/json, application/problem+json", "Accept-Encoding": "gzip"}
    if address.credential is not None:
        headers["Authorization"] = f"Bearer {address.credential}"
    timeout = httpx.Timeout(
        min(timing.read_s, attempts.rest_s), connect=min(timing.connect_s, attempts.rest_s)
    )
    extensions = {"timeout": timeout.as_dict()}
    if call.body is None:
        return httpx.Request(call.method, url, headers=headers, content=b"", extensions=extensions)
    headers |= call.body.headers()
    stream = BodyStream(call.body, tell)
    return httpx.Request(call.method, url, headers=headers, stream=stream, extensions=extensions)


def answer_from(response: httpx.Response, collected: Collected) -> Answer:
    """The whole answer."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, headers=headers, body=bytes(collected.body), url=collected.url)


def unreachable(address: Address, error: httpx.TransportError) -> Unreachable:
    """What the connection did, in words, with the next step."""
    if is_untrusted(error):
        return Unreachable(
            f"the certificate of {address.url} is not trusted: {error}",
            hint="SSL_CERT_FILE names a file with the certificates of your own authority",
        )
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            what = "does not answer to connections"
        case httpx.TimeoutException():
            what = "did not answer in time"
        case httpx.ProxyError():
            what = f"cannot be reached through the proxy: {error}"
        case _:
            what = f"cannot be reached: {error}" if str(error) else "closed the connection without an answer"
    return Unreachable(
        f"{address.url} {what}", hint="nothing was decided; check GATEKEEPER_URL, the network and the server"
    )
