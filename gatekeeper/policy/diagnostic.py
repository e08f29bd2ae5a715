"""What is wrong with a policy file: each fault with its place, and the error that carries them."""

import difflib
from collections.abc import Iterable

import msgspec

from gatekeeper.errors import GatekeeperError


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One fault. `key` is a path such as `rules[2].pass`; `line` is 1-based."""

    file: str
    line: int
    key: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: {self.key}: " if self.key else f"{self.file}:{self.line}: "
        return place + self.message + (f" ({self.hint})" if self.hint else "")


class PolicyRefused(GatekeeperError):
    """The file is not a policy that can decide; `errors` holds every fault found, in file order."""

    code = "policy-refused"

    def __init__(self, errors: tuple[Diagnostic, ...]) -> None:
        first, count = errors[0], len(errors)
        more = f" and {count - 1} more {'fault' if count == 2 else 'faults'}" if count > 1 else ""
        super().__init__(f"policy refused: {first}{more}", hint="`gatekeeper policy lint` lists all of them")
        self.errors = errors


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the valid word most like `word`, or lists a few when none is like it."""
    options = sorted(known)
    near = difflib.get_close_matches(word, options, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?"
    if len(options) <= 12:
        return "valid: " + ", ".join(options)
    return ""
