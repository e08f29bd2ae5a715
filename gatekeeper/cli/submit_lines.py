"""What `submit` says of each file: one line for people, one object for programs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gatekeeper.cli.files import Given
from gatekeeper.cli.output import one_line
from gatekeeper.client.errors import Answered, ServerRefused
from gatekeeper.client.model import Evidence, Said
from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import State, plain

_KEY_METRICS = (
    "total",
    "failed",
    "errors",
    "skipped",
    "line",
    "branch",
    "critical",
    "high",
    "medium",
    "unknown",
)
_FEW = 3


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the sending of one file ended: with evidence, with an error, or, for a bad report, with both."""

    given: Given
    evidence: Evidence | None = None
    is_new: bool = True
    error: GatekeeperError | None = None

    @property
    def counts(self) -> bool:
        """True when the server has it as evidence that can be read."""
        found = self.evidence
        return self.error is None and found is not None and found.accepted and found.state != State.UNREADABLE


def ending_of_refusal(given: Given, error: ServerRefused) -> Ending:
    """A refusal; a report that could not be read has a receipt all the same."""
    return Ending(given=given, evidence=error.evidence, error=error)


def line(ending: Ending) -> str:
    """`ok  tests  reports/junit.xml  total 7, failed 0`, cleaned and without an end of line."""
    found = ending.evidence
    if found is None:
        reason = ending.error.message if ending.error is not None else "no answer"
        code = f" [{ending.error.code}]" if ending.error is not None else ""
        return _joined("refused", "-", _where(ending.given, "default"), f"{one_line(reason, 400)}{code}")
    facts = "; ".join([*_metrics(found), *_problems(found.problems)])
    if not facts and ending.error is not None:
        facts = f"{one_line(ending.error.message, 400)} [{ending.error.code}]"
    again = "  (was there already)" if not ending.is_new else ""
    return _joined(found.state, found.kind or "unknown", _where(ending.given, found.name), f"{facts}{again}")


def as_document(ending: Ending) -> dict[str, Any]:
    """The line for programs."""
    error = ending.error
    return {
        "path": ending.given.job,
        "counts": ending.counts,
        "is_new": ending.is_new,
        "evidence": plain(ending.evidence),
        "error": None
        if error is None
        else {
            "code": error.code,
            "detail": error.message,
            "hint": error.hint,
            "request_id": error.request_id if isinstance(error, Answered) else None,
        },
    }


def _joined(state: str, kind: str, where: str, facts: str) -> str:
    return f"{one_line(state).ljust(10)}  {one_line(kind).ljust(9)}  {where}  {facts}".rstrip()


def _where(given: Given, name: str) -> str:
    return one_line(given.job) + (f" as {one_line(name)}" if name != "default" else "")


def _metrics(found: Evidence) -> Iterable[str]:
    """The few that tell most; a percentage has a point in it."""
    words = []
    for short in _KEY_METRICS:
        value = found.metrics.get(f"{found.kind}.{short}")
        if value is not None:
            words.append(f"{short} {value:,}" if isinstance(value, int) else f"{short} {one_line(value)} %")
    if words:
        yield ", ".join(words)


def _problems(problems: Iterable[Said]) -> Iterable[str]:
    told = [f"{one_line(problem.text or problem.code)} [{one_line(problem.code)}]" for problem in problems]
    yield from told[:_FEW]
    if len(told) > _FEW:
        yield f"and {len(told) - _FEW} more problems"
