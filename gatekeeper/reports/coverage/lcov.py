"""LCOV tracefiles (`lcov.info`): lcov, c8, nyc, jest, gcovr, coverage.py, cargo-llvm-cov, Dart.

Format: `man geninfo`, section FILES. What tools do beyond it and how it is read here:

- one file in several records (one for each `TN:`): united, a line is hit when any record hits it;
- `DA:12,3,<md5>`, counts as `1e+20` or 2^64-1, negative counts (0, with `count-out-of-range`);
- branch ids that are text (`BRDA:4,0,jump to line 5,1`), block ids with a letter (`e0`);
- functions by name (`FN`, `FNDA`) or by index (`FNL`, `FNA` of lcov 2); two functions of one name are told
  apart by their order;
- records with totals only (`LF`, `LH`): the totals are taken, problem `totals-only`, no line sets;
- a record without `end_of_record`: the file is cut off or was being written, `incomplete`.
"""

from array import array
from itertools import compress
from operator import not_

from gatekeeper.evidence import Kind
from gatekeeper.reports.coverage.lcov_blocks import plain_branches, plain_lines
from gatekeeper.reports.coverage.lcov_functions import TAGS, Function, FunctionRows
from gatekeeper.reports.coverage.numbers import hits_of, line_number
from gatekeeper.reports.coverage.roots import Roots
from gatekeeper.reports.coverage.tally import (
    MAX_COUNT,
    MAX_FILES,
    NOTHING,
    Count,
    clamped,
    compare,
    coverage_report,
)
from gatekeeper.reports.interface import Head, LineHits, Report, ReportFormat, UnreadableReport
from gatekeeper.reports.json import as_utf8, collector_off
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.source import ReportSource

_FIRST = (b"TN:", b"SF:")
_SILENT = {b"TN", b"VER", b"MCDC", b"MCF", b"MCH", b"MRF", b"MRH", b"BRL", b"KF"}
_TOTALS = {b"LF", b"LH", b"BRF", b"BRH", b"FNF", b"FNH"}
_STATED = {"line": (b"LF", b"LH"), "branch": (b"BRF", b"BRH"), "function": (b"FNF", b"FNH")}


def detect(head: Head) -> bool:
    """Whether the text begins with `TN:` or `SF:`, comments aside."""
    for line in head.data.splitlines()[:100]:
        if line.strip() and not line.startswith(b"#"):
            return line.startswith(_FIRST)
    return False


def read(source: ReportSource, limits: Limits, _kind: Kind | None) -> Report:
    """The report of one tracefile. See the head of this module for the dialects.

    Raises:
        UnreadableReport: `empty`, `encoding`, `too-large`, `too-many-items`, or `wrong-shape` when no record
            begins with `SF:`.
    """
    source.check_size()
    data = b"\n" + as_utf8(source.whole()).replace(b"\r\n", b"\n")
    if data.isspace():
        raise UnreadableReport("empty")
    with collector_off():
        return _Tracefile(limits).read(data)


FORMAT = ReportFormat(
    name="lcov",
    title="LCOV tracefile",
    kinds=(Kind.COVERAGE,),
    tools="lcov, c8, nyc, jest, vitest, gcovr, coverage.py, cargo-llvm-cov, dart",
    detect=detect,
    read=read,
)


class _File:
    """The facts of one record, or of all records of one source file."""

    __slots__ = ("branches", "functions", "hit", "miss", "stated")

    def __init__(self) -> None:
        self.hit: list[int] = []
        self.miss: list[int] = []
        self.branches: dict[bytes, bool] = {}
        """Line, block and branch id as written -> taken."""
        self.functions: dict[Function, bool] = {}
        self.stated: dict[bytes, int] = {}

    def counted(self, metric: str) -> Count:
        """What the rows of the record say, 0 of 0 when it has none."""
        if metric == "line":
            return Count(len(self.hit), len(self.hit) + len(self.miss))
        rows = self.branches if metric == "branch" else self.functions
        return Count(sum(rows.values()), len(rows))

    def unite(self, other: "_File") -> None:
        """Take in another record of the same file: hit when either is, totals the larger."""
        hit = {*self.hit, *other.hit}
        self.miss = sorted({*self.miss, *other.miss} - hit)
        self.hit = sorted(hit)
        for branch, is_taken in other.branches.items():
            self.branches[branch] = is_taken or self.branches.get(branch, False)
        for function, was_called in other.functions.items():
            self.functions[function] = was_called or self.functions.get(function, False)
        for tag, value in other.stated.items():
            self.stated[tag] = max(value, self.stated.get(tag, 0))


class _Tracefile:
    """One reading of one file."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._notes = Notes()
        self._items = 0
        self._stated: dict[str, Count] = {}
        self._beside: dict[str, Count] = {}
        """What was counted in the records that state a total."""

    def read(self, data: bytes) -> Report:
        """The report of the whole text."""
        self._refuse_more_than(MAX_FILES, data.count(b"\nSF:"))
        self._refuse_more_than(2 * self._limits.max_items, data.count(b"\n"))
        counts = dict.fromkeys(_STATED, NOTHING)
        lines: dict[str, LineHits] = {}
        for name, spans in self._by_file(data).items():
            file = self._record(data, *spans[0])
            for span in spans[1:]:
                file.unite(self._record(data, *span))
            for metric in counts:
                counts[metric] += self._final(file, metric)
            if file.hit or file.miss or not file.stated.get(b"LF"):
                lines[name] = LineHits(array("I", file.hit), array("I", file.miss))
        for metric, stated in self._stated.items():
            compare(metric, self._notes, stated=stated, counted=self._beside[metric])
        return coverage_report("lcov", counts=counts, lines=lines, notes=self._notes)

    def _by_file(self, data: bytes) -> dict[str, list[tuple[int, int]]]:
        """Where the records of each source file lie, without their `SF:` line."""
        files: dict[str, list[tuple[int, int]]] = {}
        roots = Roots()
        start = data.find(b"\nSF:")
        if start < 0:
            raise UnreadableReport("wrong-shape", detail="no record begins with SF:")
        self._stray(data[:start])
        while start >= 0:
            end = data.find(b"\nSF:", start + 4)
            line_end = data.find(b"\n", start + 4)
            stop = len(data) if end < 0 else end
            line_end = stop if line_end < 0 else line_end
            files.setdefault(roots.path(_text(data[start + 4 : line_end])), []).append((line_end, stop))
            start = end
        return files

    def _record(self, data: bytes, start: int, stop: int) -> _File:
        body, end, rest = data[start:stop].partition(b"\nend_of_record")
        if not end or rest[:1].strip():
            self._notes.count("no-end-of-record")
        else:
            self._stray(rest)
        file = _File()
        self._take_items(body.count(b"\nDA:"))
        if lines := plain_lines(body):
            file.hit, file.miss, body = lines
        if branches := plain_branches(body):
            file.branches, body = branches
        self._rows(body, file)
        for metric, (total, covered) in _STATED.items():
            counted = file.counted(metric)
            if total in file.stated and covered in file.stated and counted.total:
                stated = Count(file.stated[covered], file.stated[total])
                self._stated[metric] = self._stated.get(metric, NOTHING) + stated
                self._beside[metric] = self._beside.get(metric, NOTHING) + counted
        return file

    def _final(self, file: _File, metric: str) -> Count:
        counted = file.counted(metric)
        total, covered = (file.stated.get(tag, 0) for tag in _STATED[metric])
        if counted.total or not total:
            return counted
        self._notes.count("totals-only")
        return clamped(covered, total, self._notes)

    def _rows(self, body: bytes, file: _File) -> None:
        """Read the rows of a record one by one."""
        lines: dict[int, bool] = {}
        functions = FunctionRows(self._notes)
        for row in body.split(b"\n"):
            tag, _, value = row.partition(b":")
            if tag in TAGS:
                is_read = functions.add(tag, value)
            elif tag == b"DA":
                is_read = self._line(value, lines)
            elif tag == b"BRDA":
                is_read = self._branch(value, file.branches)
            elif tag in _TOTALS:
                is_read = self._total(tag, value, file)
            else:
                is_read = tag in _SILENT or not row.strip() or row.startswith(b"#")
            if not is_read:
                self._notes.count("unparsed")
        file.functions = functions.called()
        if lines:
            file.hit = sorted(compress(lines, lines.values()))
            file.miss = sorted(compress(lines, map(not_, lines.values())))

    def _branch(self, value: bytes, branches: dict[bytes, bool]) -> bool:
        identity, _, taken = value.rpartition(b",")
        number, comma, _ = identity.partition(b",")
        if not comma or line_number(number) is None:
            return False
        # "-" is a branch that was never reached, "0" one that was reached and not taken.
        is_taken = False if taken in (b"-", b"0") else hits_of(taken, self._notes)
        branches[identity] = bool(is_taken) or branches.get(identity, False)
        return is_taken is not None

    def _line(self, value: bytes, lines: dict[int, bool]) -> bool:
        fields = value.split(b",", 2)
        number = line_number(fields[0])
        was_hit = hits_of(fields[1], self._notes) if len(fields) > 1 else None
        if number is None or was_hit is None:
            return False
        lines[number] = was_hit or lines.get(number, False)
        return True

    def _total(self, tag: bytes, value: bytes, file: _File) -> bool:
        if not value.isdigit() or len(value) > len(str(MAX_COUNT)):
            return False
        file.stated[tag] = int(value)
        return True

    def _stray(self, text: bytes) -> None:
        """Rows between records: only the test name and comments belong there."""
        for row in text.split(b"\n"):
            if row.strip() and not row.startswith((b"TN:", b"#")):
                self._notes.count("unparsed")

    def _take_items(self, count: int) -> None:
        self._items += count
        self._refuse_more_than(self._limits.max_items, self._items)

    def _refuse_more_than(self, limit: int, count: int) -> None:
        if count > limit:
            raise UnreadableReport("too-many-items", limit=limit)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        # A file system may hold any bytes; Latin-1 keeps two names two.
        return name.decode("latin-1")
