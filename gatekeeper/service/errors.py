"""How a use case refuses. Each leaf has a stable code; the API turns the branch into a status."""

from gatekeeper.errors import GatekeeperError


class ServiceError(GatekeeperError):
    """Base of what a server refuses to do."""

    code = "service-error"


class NotAuthenticated(ServiceError):
    """Nobody knows who is asking: no token, a wrong, expired or revoked one, a forged identity."""

    code = "not-authenticated"


class Denied(ServiceError):
    """The caller is known and may not do this. The message names the missing scope, project, ref or kind."""

    code = "scope-missing"


class NotFound(ServiceError):
    """What was named does not exist, or not for this caller."""

    code = "not-found"


class Refused(ServiceError):
    """The request is understood and its content is not acceptable."""

    code = "refused"


class Conflict(ServiceError):
    """It contradicts something that was recorded and never changes."""

    code = "conflict"


class TooLarge(ServiceError):
    """Over a limit; the message has the value, the limit and the setting."""

    code = "too-large"


class TooMany(ServiceError):
    """Too many requests."""

    code = "too-many-requests"


class Unavailable(ServiceError):
    """The database, the blob store or another part cannot be used now; nothing was written."""

    code = "unavailable"


def coded(error: type[ServiceError], code: str, message: str, *, hint: str = "") -> ServiceError:
    """An `error` with a code of its own."""
    made = error(message, hint=hint)
    made.code = code
    return made
