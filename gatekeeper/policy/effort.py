"""How much work a remedy is: what a person should do first, because it costs least."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from gatekeeper.decision import Remedy


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the order, and why it stands where it does."""

    name: str
    why: str
    codes: tuple[str, ...]
    """Remedy codes; every code stands in exactly one step (a test holds it)."""


EFFORTS = (
    Effort(
        name="say",
        why="somebody says a word; nothing is built or run again",
        codes=("sign", "name-parties", "link-artifact", "name-artifact"),
    ),
    Effort(
        name="wait",
        why="time does it, or the stage before, and no work is lost meanwhile",
        codes=("wait-for-window", "enter-before"),
    ),
    Effort(
        name="supply",
        why="one job runs once more or sends what it has; the code stays as it is",
        codes=(
            "supply", "supply-name", "supply-tool", "supply-for-subject", "supply-bound", "supply-observed",
            "supply-protected", "complete-set", "run-again", "set-clock", "update-database",
            "complete-report", "readable-report", "report-with-metric", "one-report", "check-report",
        ),
    ),
    Effort(
        name="upgrade",
        why="a line in a list of dependencies changes; the tests tell whether it went well",
        codes=("upgrade-packages", "upgrade-many"),
    ),
    Effort(
        name="ask-for-policy",
        why="another team changes the policy and a second person approves it",
        codes=("change-window", "name-zone", "make-baseline", "mend-expression"),
    ),
    Effort(
        name="fix",
        why="code changes at places that are known",
        codes=("fix-findings", "upgrade-and-fix", "replace-packages"),
    ),
    Effort(
        name="mend-tests",
        why="first the cause of each failure must be found",
        codes=("mend-tests", "mend-tests-unnamed"),
    ),
    Effort(
        name="cover",
        why="tests must be thought of and written",
        codes=("cover-lines", "cover-more", "settle-obligation"),
    ),
    Effort(
        name="reach",
        why="only the goal is known, not the way",
        codes=("raise-metric", "lower-metric", "change-metric", "restore-amount", "reach-guard",
               "meet-expression"),
    ),
)  # fmt: skip
"""Least work first."""

_STEPS: Mapping[str, int] = MappingProxyType(
    {code: step for step, effort in enumerate(EFFORTS) for code in effort.codes}
)
_AMOUNTS = ("lines", "count", "days")


def effort_of(remedy: Remedy | None) -> tuple[int, int]:
    """A key that sorts the least work first: the step, then how many things are to be done.

    Without a remedy, or with one of a code that is not known here, nobody can tell: these come last.
    """
    if remedy is None or remedy.code not in _STEPS:
        return (len(EFFORTS), 0)
    for name in _AMOUNTS:
        amount = remedy.params.get(name)
        if isinstance(amount, int):
            return (_STEPS[remedy.code], amount)
    return (_STEPS[remedy.code], max(_listed(remedy), default=1))


def _listed(remedy: Remedy) -> list[int]:
    return [len(value) for value in remedy.params.values() if isinstance(value, tuple)]
