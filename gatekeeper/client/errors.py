"""How asking a server can end without an answer that counts. Nothing here is ever a pass.

GatekeeperError
+-- CouldNotAsk          nobody answered the question; exit code 4
|   +-- Unreachable      no connection, or none in time
|   +-- Unauthorised     401 or 403
|   +-- ServerFailed     429 or 5xx to the end of all tries
|   +-- NotUnderstood    an answer, but not one of a Gatekeeper server of this version
+-- ServerRefused        the server says no to the request itself; exit code 1
"""

from typing import TYPE_CHECKING

from gatekeeper.errors import GatekeeperError, UsageError

if TYPE_CHECKING:  # every command line starts by importing this module
    from gatekeeper.client.model import Evidence


class BadAddress(UsageError):
    """The address of the server cannot be used, or not safely."""

    code = "bad-address"


class Answered(GatekeeperError):
    """An error that may come from an answer: then `code` is the server's and `request_id` finds its log."""

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code or type(self).code
        self.status = status
        self.request_id = request_id

    @property
    def reference(self) -> str:
        """` [kind-mismatch, request req_1]`: what a person quotes to whoever runs the server."""
        if self.status is None:
            return ""
        return f" [{self.code}" + (f", request {self.request_id}" if self.request_id else "") + "]"


class CouldNotAsk(Answered):
    """There is no answer. Whoever promotes must stop, as after a no."""

    code = "could-not-ask"


class Unreachable(CouldNotAsk):
    """No connection to the server, or no answer in time."""

    code = "unreachable"


class Unauthorised(CouldNotAsk):
    """The server does not know the caller, or does not let it do this."""

    code = "unauthorised"


class ServerFailed(CouldNotAsk):
    """The server has a fault or too much to do, and had it at each try."""

    code = "server-failed"


class NotUnderstood(CouldNotAsk):
    """What answered does not speak the API of this version: another server, a proxy, a login page."""

    code = "answer-not-understood"


class ServerRefused(Answered):
    """The server understood the request and refuses it. `evidence` is the receipt of a refused report."""

    code = "refused"
    evidence: "Evidence | None" = None
