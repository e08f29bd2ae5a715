"""Coverage of several reports: the union of their line sets, where those are all that was counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from gatekeeper.evidence import EvidenceDocument, Kind, Ratio, Value
from gatekeeper.line_ranges import count, ranges_in, union, without
from gatekeeper.policy.facts import CANNOT_UNITE, Facts, FileLines, left_out, summed

_WITHOUT_SETS = (
    ("branch", "branches"),
    ("function", "functions"),
    ("statement", "statements"),
)
"""Metrics of which reports give totals alone, one and many."""


def united_coverage(documents: Sequence[EvidenceDocument]) -> Facts:
    """What the reports say together; one alone keeps its own numbers."""
    if len(documents) == 1:
        return Facts(kind=Kind.COVERAGE, values=dict(documents[0].metrics), files=_LinesOfOne(documents[0]))
    sets = [_line_sets(document) for document in documents]
    values: dict[str, Value] = {}
    files: dict[str, FileLines] = {}
    if documents and all(_agrees(s, d) for s, d in zip(sets, documents, strict=True)):
        known = [s for s in sets if s is not None]
        files = _united(known)
        values |= _line_values(files)
        if sum(len(s) for s in known) == len(files):
            for one, many in _WITHOUT_SETS:
                values |= _added(documents, one, many)
    return Facts(
        kind=Kind.COVERAGE, values=values, absent=left_out(values, documents, CANNOT_UNITE), files=files
    )


class _LinesOfOne(Mapping[str, FileLines]):
    """The line sets of one document; none when one of them cannot be read.

    Read when somebody looks, which only a missed threshold makes worth it: they are most of what judging a
    build would cost.
    """

    def __init__(self, document: EvidenceDocument) -> None:
        self._document = document

    def __getitem__(self, path: str) -> FileLines:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    @cached_property
    def _files(self) -> Mapping[str, FileLines]:
        return _line_sets(self._document) or {}


def _line_sets(document: EvidenceDocument) -> dict[str, FileLines] | None:
    """The line sets by path; None when one of them cannot be read."""
    files = {}
    for path, lines in sorted(document.lines.items()):
        try:
            hit, miss = ranges_in(lines.hit), ranges_in(lines.miss)
        except ValueError:
            return None
        files[path] = FileLines(hit=hit, miss=without(miss, hit))
    return files


def _agrees(files: Mapping[str, FileLines] | None, document: EvidenceDocument) -> bool:
    """True when the line sets are all that the document counted: only then can they stand for it."""
    if files is None:
        return False
    counted = _line_values(files)
    return all(
        document.metrics.get(name) == counted[name]
        for name in ("coverage.lines_covered", "coverage.lines_total")
    )


def _united(sets: Iterable[Mapping[str, FileLines]]) -> dict[str, FileLines]:
    files: dict[str, FileLines] = {}
    for one in sets:
        for path, lines in one.items():
            before = files.get(path, FileLines(hit=(), miss=()))
            hit = union(before.hit, lines.hit)
            miss = without(union(before.miss, lines.miss), hit)
            files[path] = FileLines(hit=hit, miss=miss)
    return files


def _line_values(files: Mapping[str, FileLines]) -> dict[str, Value]:
    covered = sum(count(lines.hit) for lines in files.values())
    total = covered + sum(count(lines.miss) for lines in files.values())
    values: dict[str, Value] = {"coverage.lines_covered": covered, "coverage.lines_total": total}
    if total:
        values["coverage.line"] = Ratio(covered, total)
    return values


def _added(documents: Sequence[EvidenceDocument], one: str, many: str) -> dict[str, Value]:
    """A metric without line sets, of reports that have no file in common."""
    covered = summed(documents, f"coverage.{many}_covered")
    total = summed(documents, f"coverage.{many}_total")
    if covered is None or total is None:
        return {}
    values: dict[str, Value] = {f"coverage.{many}_covered": covered, f"coverage.{many}_total": total}
    if total:
        values[f"coverage.{one}"] = Ratio(covered, total)
    return values
