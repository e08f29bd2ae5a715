"""Exit codes: the part of the command line that pipelines read."""

from gatekeeper.client.errors import CouldNotAsk
from gatekeeper.errors import GatekeeperError, UsageError

ALLOWED = 0
NO = 1
"""The answer is no: the gate failed, a file is unreadable, tests failed, a report or policy was refused."""
USAGE = 2
PENDING = 3
COULD_NOT_ASK = 4
INTERNAL = 5
INTERRUPTED = 130

TABLE: tuple[tuple[int, str], ...] = (
    (ALLOWED, "allowed: pass or warn (`--warn-exit N` gives a warn its own code)"),
    (NO, "no: gate failed, file unreadable, tests failed, policy or report refused"),
    (USAGE, "the command is wrong: an unknown option, a file that does not exist"),
    (PENDING, "still pending when the wait ended"),
    (COULD_NOT_ASK, "could not ask: unreachable, unauthorised, a scanner cannot be installed"),
    (INTERNAL, "internal error; please report it"),
)


def exit_code(error: GatekeeperError) -> int:
    """The code for an error that is shown to a person; whatever is neither usage nor silence means no."""
    if isinstance(error, CouldNotAsk):
        return COULD_NOT_ASK
    return USAGE if isinstance(error, UsageError) else NO
