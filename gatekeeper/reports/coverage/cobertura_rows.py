"""`<line>` elements of Cobertura: the hot path of a large report, so one flat function reads an element."""

import re
from array import array
from collections.abc import Callable, Collection
from operator import attrgetter

from gatekeeper.reports.coverage.numbers import hits_of
from gatekeeper.reports.coverage.tally import MAX_LINE, Count, clamped
from gatekeeper.reports.notes import Notes

Attributes = dict[str, str]

_FRACTION = re.compile(r"\(\s*(-?\d{1,15})\s*/\s*(-?\d{1,15})\s*\)")
_NO_BRANCH = {"false", "False", "FALSE", "0", ""}
_COVERED, _TOTAL = attrgetter("covered"), attrgetter("total")
_SMALL = {str(number): number for number in range(1, 2_000)}
"""Looking a number up takes half the time of `int`."""
_MAX_REMEMBERED = 10_000


class Lines:
    """The lines of one file; the same line may be there several times until `settle`."""

    __slots__ = ("branch_counts", "branch_lines", "functions", "hit", "miss")

    def __init__(self) -> None:
        self.hit = array("I")
        self.miss = array("I")
        self.branch_lines = array("I")
        self.branch_counts: list[Count] = []
        """One for each of `branch_lines`; equal ones are one object."""
        self.functions: dict[str, bool] = {}

    def take(self, other: "Lines") -> None:
        """Add the entries of `other`."""
        self.hit.extend(other.hit)
        self.miss.extend(other.miss)
        self.branch_lines.extend(other.branch_lines)
        self.branch_counts.extend(other.branch_counts)
        for function, was_called in other.functions.items():
            self.functions[function] = was_called or self.functions.get(function, False)

    def settle(self) -> int:
        """Leave each line once, sorted, hit when any entry was; how many were dropped as no line.

        gcovr writes a line once for each function that holds it; C++ templates and PHP traits do the same.
        """
        hit, miss = sorted(self.hit), sorted(self.miss)
        if len({*hit, *miss}) != len(hit) + len(miss):
            hit = sorted(set(hit))
            miss = sorted(set(miss).difference(hit))
        found = len(hit) + len(miss)
        if any(numbers and (numbers[0] == 0 or numbers[-1] > MAX_LINE) for numbers in (hit, miss)):
            hit = [number for number in hit if 1 <= number <= MAX_LINE]
            miss = [number for number in miss if 1 <= number <= MAX_LINE]
        self.hit, self.miss = array("I", hit), array("I", miss)
        return found - len(hit) - len(miss)

    def branch_count(self) -> Count:
        """Branches over all lines; of a line that is there several times, the entry with most covered.

        A lower bound: "1 of 2" twice may be both branches together, which the report does not tell.
        """
        if len(set(self.branch_lines)) == len(self.branch_lines):
            return _sum(self.branch_counts)
        best: dict[int, Count] = {}
        for line, count in zip(self.branch_lines, self.branch_counts, strict=True):
            before = best.setdefault(line, count)
            if (count.covered, count.total) > (before.covered, before.total):
                best[line] = count
        return _sum(best.values())


def _sum(counts: Collection[Count]) -> Count:
    return Count(sum(map(_COVERED, counts)), sum(map(_TOTAL, counts)))


class RowReader:
    """Makes the handlers of `<line>` elements."""

    def __init__(self) -> None:
        self._positive: set[str] = {"1"}
        self._fractions: dict[str, Count] = {}

    def handler(self, into: Lines, notes: Notes) -> Callable[[Attributes], None]:
        """A function that adds one element to `into`; one that cannot be read is counted as `unparsed`."""
        add_hit, add_miss, positive = into.hit.append, into.miss.append, self._positive
        add_line, add_count, fractions = into.branch_lines.append, into.branch_counts.append, self._fractions

        def on_line(row: Attributes) -> None:
            # Arrays of 4 bytes refuse what is negative or beyond 2^32; `settle` drops what else is no line.
            try:
                text, hits = row["number"], row["hits"]
                number = _SMALL.get(text) or int(text)
                if hits == "0":
                    add_miss(number)
                elif hits in positive or self._is_hit(hits, notes):
                    add_hit(number)
                else:
                    add_miss(number)
            except (KeyError, ValueError, OverflowError):
                notes.count("unparsed")
                return
            if len(row) > 2 and row.get("branch") not in _NO_BRANCH:
                text = row.get("condition-coverage", "")
                count = fractions.get(text) or self._fraction(text, notes)
                if count is not None:
                    add_line(number)
                    add_count(count)
                elif text or "branch" in row:
                    notes.count("branches-unknown")

        return on_line

    def _is_hit(self, hits: str, notes: Notes) -> bool:
        was_hit = hits_of(hits, notes)
        if was_hit is None:
            raise ValueError(hits)
        if was_hit and len(self._positive) < _MAX_REMEMBERED:
            self._positive.add(hits)
        return was_hit

    def _fraction(self, text: str, notes: Notes) -> Count | None:
        """The count in `50% (1/2)`, None when there is none."""
        found = _FRACTION.search(text)
        if not found:
            return None
        stated = int(found[1]), int(found[2])
        count = clamped(*stated, notes)
        if stated == (count.covered, count.total) and len(self._fractions) < _MAX_REMEMBERED:
            self._fractions[text] = count
        return count
