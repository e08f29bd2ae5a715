"""The function rows of one LCOV record, which name a function in one row and its calls in another."""

from collections import Counter

from gatekeeper.reports.coverage.numbers import hits_of, line_number
from gatekeeper.reports.notes import Notes

Function = tuple[bytes, int]
"""(name, how many of that name came before in the record), or (b"", start line) for the indexes of lcov 2."""

TAGS = frozenset((b"FN", b"FNDA", b"FNL", b"FNA"))


class FunctionRows:
    """Collects rows in any order; two functions of one name are told apart by their order."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._named: Counter[bytes] = Counter()
        self._calls: list[tuple[bytes, bool]] = []
        self._starts: dict[bytes, int] = {}
        self._indexed: list[tuple[bytes, bool]] = []

    def add(self, tag: bytes, value: bytes) -> bool:
        """Take one row in; False when it cannot be read."""
        first, comma, rest = value.partition(b",")
        if not comma:
            return False
        if tag == b"FN":
            end, _, name = rest.partition(b",")
            self._named[name if name and end.isdigit() else rest] += 1
            return line_number(first) is not None
        if tag == b"FNL":
            start = line_number(rest.partition(b",")[0])
            self._starts[first] = start or 0
            return start is not None
        index, hits = (first, rest.partition(b",")[0]) if tag == b"FNA" else (b"", first)
        was_called = hits_of(hits, self._notes)
        if tag == b"FNA":
            self._indexed.append((index, bool(was_called)))
        else:
            self._calls.append((rest, bool(was_called)))
        return was_called is not None

    def called(self) -> dict[Function, bool]:
        """Every function of the record, and whether it was called."""
        found = {(name, nth): False for name, times in self._named.items() for nth in range(times)}
        order: Counter[bytes] = Counter()
        for name, was_called in self._calls:
            function = (name, min(order[name], max(self._named[name], 1) - 1))
            found[function] = was_called or found.get(function, False)
            order[name] += 1
        for index, start in self._starts.items():
            found[_indexed(index, start)] = False
        for index, was_called in self._indexed:
            function = _indexed(index, self._starts.get(index, 0))
            found[function] = was_called or found.get(function, False)
        return found


def _indexed(index: bytes, start: int) -> Function:
    # Indexes are local to a record; the start line is what two records of one file have in common.
    return (b"", start) if start else (b"\n" + index, 0)
