"""coverage.py JSON (`coverage json`), formats 1 to 3.

Source: coverage.py, `coverage/jsonreport.py`. What it gives and how it is read here:

- coverage.py counts statements and knows each by its first line, so `line` and `statement` are the same
  numbers, those that `coverage report` and its XML print;
- the counts are those of each file's `summary`: `executed_lines` may also list lines that are no statements
  (docstrings and excluded lines, seen in 7.8), so its length is not a count. Excluded lines are taken out of
  the line set; what is left too many cannot be told apart and stays in it, problem `lines-not-statements`;
- `missing_lines` are always statements: when a summary says more covered than they leave, they win;
- branches only when measured; functions from format 3 on: one is covered when a statement in it ran (as in
  coverage.py's LCOV report), one without statements does not count, nor does the module level ("").
"""

from array import array
from datetime import datetime

import msgspec

from gatekeeper.evidence import Kind, Producer
from gatekeeper.reports.coverage.roots import Roots
from gatekeeper.reports.coverage.tally import (
    MAX_LINE,
    NOTHING,
    Count,
    clamped,
    compare,
    coverage_report,
    plausible,
)
from gatekeeper.reports.interface import Head, LineHits, Report, ReportFormat, UnreadableReport
from gatekeeper.reports.json import decode
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.repeated_keys import refuse_all_repeated_keys
from gatekeeper.reports.source import ReportSource
from gatekeeper.reports.times import utc_time


class _Summary(msgspec.Struct, frozen=True, gc=False):
    covered_lines: int
    num_statements: int
    covered_branches: int | None = None
    num_branches: int | None = None


class _Function(msgspec.Struct, frozen=True, gc=False):
    summary: _Summary


class _File(msgspec.Struct, frozen=True, gc=False):
    summary: _Summary
    executed_lines: list[int] = []
    missing_lines: list[int] = []
    excluded_lines: list[int] = []
    functions: dict[str, _Function] = {}


class _Meta(msgspec.Struct, frozen=True, gc=False):
    version: str
    timestamp: str | None = None


class _Document(msgspec.Struct, frozen=True, gc=False):
    meta: _Meta
    files: dict[str, _File]
    totals: _Summary | None = None


def detect(head: Head) -> bool:
    """Whether the top level has `meta`, which nobody else writes beside `files` or `totals`."""
    return {"meta", "files"} <= head.keys or {"meta", "totals"} <= head.keys


def read(source: ReportSource, limits: Limits, _kind: Kind | None) -> Report:
    """The report of one `coverage json`. See the head of this module for what its numbers mean.

    Raises:
        UnreadableReport: `too-large`, `too-many-items`, and what `reports.json.decode` raises.
    """
    source.check_size()
    document = decode(source, _Document)
    notes = Notes()
    files = _Files(notes, limits)
    for name in list(document.files):
        # Taken out one by one: the lists of a large report need more room than everything kept of it.
        files.add(name, document.files.pop(name))
    counts = files.totals(document.totals)
    if document.totals is None or counts["line"].total != document.totals.num_statements:
        # Of two files of one name only the last is seen, and the totals of coverage.py count both.
        refuse_all_repeated_keys(source)
    return coverage_report(
        FORMAT.name,
        counts=counts,
        lines=files.lines,
        notes=notes,
        producer=Producer(name="coverage.py", version=document.meta.version),
        produced_at=_moment(document.meta.timestamp, notes),
    )


FORMAT = ReportFormat(
    name="coverage-py",
    title="coverage.py JSON",
    kinds=(Kind.COVERAGE,),
    tools="coverage.py, pytest-cov",
    detect=detect,
    read=read,
)


class _Files:
    """Sums over the files of a report."""

    def __init__(self, notes: Notes, limits: Limits) -> None:
        self.lines: dict[str, LineHits] = {}
        self._notes = notes
        self._limits = limits
        self._roots = Roots()
        self._items = 0
        self._statements = NOTHING
        self._branches = NOTHING
        self._functions = NOTHING

    def add(self, name: str, file: _File) -> None:
        """Count one file in; a file that stands there under two spellings of its name is refused."""
        path = self._roots.path(name)
        if path in self.lines:
            raise UnreadableReport("wrong-shape", detail=f"the file {path[:200]} stands there twice")
        hit, miss = _sorted(file.executed_lines), _sorted(file.missing_lines)
        if len({*hit, *miss}) != len(hit) + len(miss):
            miss = sorted(set(miss))
            hit = sorted(set(hit).difference(miss))
        self._items += len(hit) + len(miss)
        if self._items > self._limits.max_items:
            raise UnreadableReport("too-many-items", limit=self._limits.max_items)
        summary = file.summary
        count = self._statements_of(summary, len(miss))
        if len(hit) > count.covered:
            hit = self._without_others(hit, file, count)
        if len(hit) < count.covered:
            self._notes.count("file-totals-disagree")
            count = Count(len(hit), count.total)
        self._statements += count
        self._branches += self._branches_of(summary)
        self._functions += _functions_of(file)
        self.lines[path] = LineHits(array("I", hit), array("I", miss))

    def totals(self, stated: _Summary | None) -> dict[str, Count]:
        """The sums, or the report's own totals when it lists no file."""
        statements, branches = self._statements, self._branches
        if stated is not None:
            line = clamped(stated.covered_lines, stated.num_statements, self._notes)
            branch = self._branches_of(stated)
            if not self.lines and line.total:
                self._notes.count("totals-only")
                statements, branches = line, branch
            compare("line", self._notes, stated=line, counted=statements)
            compare("branch", self._notes, stated=branch, counted=branches)
        return {"line": statements, "statement": statements, "branch": branches, "function": self._functions}

    def _statements_of(self, summary: _Summary, missing: int) -> Count:
        count = clamped(summary.covered_lines, summary.num_statements, self._notes)
        if count.covered + missing == count.total:
            return count
        # A total below what is listed as missing hides lines; a covered count above the rest invents some.
        self._notes.count("file-totals-disagree")
        total = max(count.total, missing)
        return Count(min(count.covered, total - missing), total)

    def _branches_of(self, summary: _Summary) -> Count:
        if not summary.num_branches:
            return NOTHING
        return clamped(summary.covered_branches or 0, summary.num_branches, self._notes)

    def _without_others(self, hit: list[int], file: _File, count: Count) -> list[int]:
        """`hit` without excluded lines."""
        statements = sorted(set(hit).difference(file.excluded_lines))
        if len(statements) > count.covered:
            self._notes.count("lines-not-statements", n=len(statements) - count.covered)
        return statements


def _functions_of(file: _File) -> Count:
    # A loop without `sum` over a generator: large reports have as many functions as small ones have lines.
    covered = total = 0
    for name, function in file.functions.items():
        if name and function.summary.num_statements > 0:
            total += 1
            covered += function.summary.covered_lines > 0
    return Count(covered, total)


def _sorted(numbers: list[int]) -> list[int]:
    """`numbers` in order, without 0, which is the place of no statement.

    Raises:
        UnreadableReport: `wrong-shape`, for one that is no line (coverage.py never writes such).
    """
    numbers.sort()
    if numbers and (numbers[0] < 0 or numbers[-1] > MAX_LINE):
        wrong = numbers[0] if numbers[0] < 0 else numbers[-1]
        raise UnreadableReport(
            "wrong-shape", detail=f"line {str(wrong)[:40]} is not between 1 and {MAX_LINE}"
        )
    return [number for number in numbers if number] if numbers and not numbers[0] else numbers


def _moment(text: str | None, notes: Notes) -> datetime | None:
    found = utc_time(text, lambda code: notes.add(code, value=(text or "")[:40]))
    return plausible(found, text or "", notes) if found else None
