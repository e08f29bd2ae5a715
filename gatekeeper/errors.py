"""The error tree: every failure a person can cause or meet has a stable `code` and a `hint`."""


class GatekeeperError(Exception):
    """Base of all errors that are shown to a user without a traceback.

    `code` is stable and documented; `hint` names the next action and may be empty.
    """

    code: str = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(GatekeeperError):
    """The command or its arguments are wrong (exit code 2)."""

    code = "usage"


class NotCanonical(GatekeeperError):
    """A value cannot be written as RFC 8785 JSON: a float, a huge integer, a lone surrogate."""

    code = "not-canonical"


class UnknownMetric(GatekeeperError):
    """No metric of this name is in the registry."""

    code = "unknown-metric"
