"""The table of formats, and the one function that turns the bytes of a report into a `Report`."""

import difflib
import sys

from gatekeeper.errors import UsageError
from gatekeeper.evidence import Kind, Problem, State
from gatekeeper.reports.coverage import cobertura, coverage_py, lcov
from gatekeeper.reports.detection import choose_format, head_of
from gatekeeper.reports.findings import bandit, pip_audit, sarif, semgrep
from gatekeeper.reports.interface import KindMismatch, Report, ReportFormat, UnreadableReport
from gatekeeper.reports.limits import DEFAULT_LIMITS, Limits
from gatekeeper.reports.source import ReportSource
from gatekeeper.reports.statements import facts
from gatekeeper.reports.tests import junit

FORMATS: tuple[ReportFormat, ...] = (
    junit.FORMAT,
    cobertura.FORMAT,
    coverage_py.FORMAT,
    lcov.FORMAT,
    sarif.FORMAT,
    bandit.FORMAT,
    semgrep.FORMAT,
    pip_audit.FORMAT,
    facts.FORMAT,
)
"""Every format that can be read, in the order in which `gatekeeper formats` lists them."""


class UnknownFormat(UsageError):
    """The caller named a format that does not exist."""

    code = "unknown-format"


def format_named(name: str) -> ReportFormat:
    """The format called `name`.

    Raises:
        UnknownFormat: there is none; the hint names the nearest one.
    """
    known = {format_.name: format_ for format_ in FORMATS}
    if found := known.get(name):
        return found
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "`gatekeeper formats` lists them"
    raise UnknownFormat(f"no report format is called {name!r}", hint=hint)


def read_report(
    source: ReportSource,
    *,
    format_name: str | None = None,
    kind: Kind | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Report:
    """What the report says. Content never raises: what cannot be read is a report in state `unreadable`.

    The format is found by content unless `format_name` fixes it. `kind` is what the sender claims: it chooses
    the kind of an open format (SARIF) and must agree with the kind of all others.

    Raises:
        UnknownFormat: `format_name` is not in the table.
        KindMismatch: the format, or the tool that wrote the report, is not evidence of `kind`.
    """
    chosen = format_named(format_name) if format_name is not None else None
    try:
        chosen = chosen or choose_format(head_of(source), FORMATS)
    except UnreadableReport as exc:
        return _unreadable(exc.problem, None, kind)
    if kind is not None and kind not in chosen.kinds:
        raise KindMismatch.of_format(chosen, kind)
    try:
        source.check_size()
        return chosen.read(source, limits, kind)
    except UnreadableReport as exc:
        return _unreadable(exc.problem, chosen, kind)
    except UnicodeDecodeError as exc:
        detail = f"{exc.reason} at byte {exc.start} of an item"
        return _unreadable(Problem(code="encoding", params={"detail": detail}), chosen, kind)
    except RecursionError:
        return _unreadable(Problem(code="too-deep", params={"limit": sys.getrecursionlimit()}), chosen, kind)
    except MemoryError:
        return _unreadable(Problem(code="out-of-memory", params={"bytes": source.size_bytes}), chosen, kind)


def _unreadable(problem: Problem, chosen: ReportFormat | None, kind: Kind | None) -> Report:
    if kind is None and chosen is not None and len(chosen.kinds) == 1:
        kind = chosen.kinds[0]
    return Report(
        format=chosen.name if chosen else None, kind=kind, state=State.UNREADABLE, problems=(problem,)
    )
