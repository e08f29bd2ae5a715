"""Cobertura XML: coverage.py, gcovr, Istanbul (nyc, c8, jest, vitest), coverlet, PHPUnit, SimpleCov, MATLAB.

The truth is what the `<line>` elements below a class say; the totals of the root are only compared with it:

- one file in several classes, and one line several times: united by file name, hit when any entry is hit;
- `<line>` elements of methods repeat those of the class and add others (Istanbul adds function headers); they
  count only where a class has none of its own;
- branches by `condition-coverage`, functions by `<method>`: covered when its `hits` or one of its lines is;
- `branches-unknown`: lines with branches that do not say how many; then the report gives no branch metric;
- file names are made relative to the `<source>` roots; the timestamp is in seconds or milliseconds.
"""

import math
from datetime import UTC, datetime

from gatekeeper.evidence import Kind, Problem, Producer
from gatekeeper.reports.coverage.cobertura_rows import Attributes, Lines, RowReader
from gatekeeper.reports.coverage.numbers import hits_of
from gatekeeper.reports.coverage.roots import MAX_CHARS, Roots
from gatekeeper.reports.coverage.tally import (
    MAX_COUNT,
    MAX_FILES,
    NOTHING,
    Count,
    compare,
    coverage_report,
    plausible,
)
from gatekeeper.reports.interface import Head, LineHits, Report, ReportFormat, UnreadableReport
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.source import ReportSource
from gatekeeper.reports.xml import EndHandler, StartHandler, TextCapture, parse_xml

MAX_SOURCES = 10_000
_OTHERS = {"generated", "clover", "profilerVersion"}
"""Attributes of the root in Clover and NCover, whose root is called `coverage` too."""
_OWN = {"line-rate", "lines-valid", "branch-rate"}


def detect(head: Head) -> bool:
    """Whether the root is `coverage` with rates or packages, and not that of Clover, NCover or SonarQube."""
    if head.root != "coverage" or _OTHERS & head.attributes.keys():
        return False
    return bool(_OWN & head.attributes.keys()) or b"<packages" in head.data


def read(source: ReportSource, limits: Limits, _kind: Kind | None) -> Report:
    """The report of one Cobertura file. See the head of this module for how its lines are counted.

    Raises:
        UnreadableReport: what `parse_xml` raises; `too-many-items`; `wrong-shape` for Clover, NCover, and a
            class without file name.
    """
    found, problems = parse_xml(source, limits, lambda text: _Cobertura(text, limits))
    return found.report(problems)


FORMAT = ReportFormat(
    name="cobertura",
    title="Cobertura XML",
    kinds=(Kind.COVERAGE,),
    tools="coverage.py, gcovr, nyc, c8, jest, vitest, coverlet, PHPUnit, SimpleCov, Cobertura",
    detect=detect,
    read=read,
)


class _Cobertura:
    """The handlers of one reading."""

    roots = ("coverage",)

    def __init__(self, text: TextCapture, limits: Limits) -> None:
        self._text = text
        self._max_items = limits.max_items
        self._items = 0
        self._notes = Notes()
        self._reader = RowReader()
        self._root: Attributes = {}
        self._sources: list[str] = []
        self._files: dict[str, Lines] = {}
        self._class = _Class({})
        self._is_in_class = False
        self.starts: dict[str, StartHandler] = {
            "coverage": self._begin_root,
            "source": lambda _: text.begin(MAX_CHARS),
            "class": self._begin_class,
            "method": self._begin_method,
            "line": self._stray_line,
        }
        self.ends: dict[str, EndHandler] = {
            "source": self._end_source,
            "class": self._end_class,
            "method": self._end_method,
        }

    def report(self, problems: tuple[Problem, ...]) -> Report:
        """The report, with the `problems` of reading the XML."""
        counts = dict.fromkeys(("line", "branch", "function"), NOTHING)
        lines: dict[str, LineHits] = {}
        for path, file in self._by_path().items():
            if dropped := file.settle():
                self._notes.count("unparsed", n=dropped)
            lines[path] = LineHits(file.hit, file.miss)
            counts["line"] += Count(len(file.hit), len(file.hit) + len(file.miss))
            counts["branch"] += file.branch_count()
            counts["function"] += Count(sum(file.functions.values()), len(file.functions))
        self._compare("line", counts["line"])
        if self._notes.total("branches-unknown"):
            counts["branch"] = NOTHING
        else:
            self._compare("branch", counts["branch"])
        return coverage_report(
            FORMAT.name,
            counts=counts,
            lines=lines,
            notes=self._notes,
            producer=_producer(self._root.get("version", "")),
            produced_at=_moment(self._root.get("timestamp", ""), self._notes),
            problems=problems,
        )

    def _begin_root(self, attributes: Attributes) -> None:
        if _OTHERS & attributes.keys():
            raise UnreadableReport("wrong-shape", detail="this is Clover or NCover XML, not Cobertura")
        self._root = self._root or attributes

    def _end_source(self) -> None:
        self._sources.append(self._text.take().strip())
        if len(self._sources) > MAX_SOURCES:
            raise UnreadableReport("too-many-items", limit=MAX_SOURCES)

    def _begin_class(self, attributes: Attributes) -> None:
        if self._is_in_class:
            # The outer one would be forgotten with its missed lines.
            raise UnreadableReport("wrong-shape", detail="a class within a class")
        self._is_in_class = True
        self._class = _Class(attributes)
        self._collect()

    def _begin_method(self, attributes: Attributes) -> None:
        self._class.begin_method(attributes)
        self._collect()

    def _end_method(self) -> None:
        self._class.end_method(self._notes)
        self._collect()

    def _collect(self) -> None:
        self.starts["line"] = self._reader.handler(*self._class.now())

    def _end_class(self) -> None:
        self._is_in_class = False
        self.starts["line"] = self._stray_line
        lines, notes = self._class.result()
        self._notes.count_all(notes)
        self._items += len(lines.hit) + len(lines.miss) + len(lines.functions)
        for limit, count in ((self._max_items, self._items), (MAX_FILES, len(self._files))):
            if count > limit:
                raise UnreadableReport("too-many-items", limit=limit)
        name = self._class.file_name
        if name in self._files:
            self._files[name].take(lines)
        else:
            self._files[name] = lines

    def _stray_line(self, _: Attributes) -> None:
        self._notes.count("unparsed")

    def _by_path(self) -> dict[str, Lines]:
        """The files by normalised path; several spellings of one path are united."""
        found: dict[str, Lines] = {}
        roots = Roots(self._sources)
        for name, lines in self._files.items():
            path = roots.path(name)
            if path in found:
                found[path].take(lines)
            else:
                found[path] = lines
        return found

    def _compare(self, metric: str, counted: Count) -> None:
        many = {"line": "lines", "branch": "branches"}[metric]
        total, covered = (self._stated(f"{many}-{what}") for what in ("valid", "covered"))
        self._check_rate(f"{metric}-rate")
        if total is not None and covered is not None:
            compare(metric, self._notes, stated=Count(covered, total), counted=counted)

    def _stated(self, attribute: str) -> int | None:
        text = self._root.get(attribute, "").strip()
        if text.isdigit() and len(text) <= _MAX_DIGITS:
            return int(text)
        if text:
            self._notes.count("not-a-number")
        return None

    def _check_rate(self, attribute: str) -> None:
        # The rate itself is not used: it is rounded, and NaN where there is nothing to cover.
        text = self._root.get(attribute, "0")
        try:
            is_number = math.isfinite(float(text))
        except ValueError:
            is_number = False
        if not is_number:
            self._notes.count("not-a-number")


class _Class:
    """One `<class>` while it is read: its own lines, and those of its methods."""

    def __init__(self, attributes: Attributes) -> None:
        self.file_name = attributes.get("filename") or attributes.get("name", "")
        self._own, self._own_notes = Lines(), Notes()
        self._of_methods, self._method_notes = Lines(), Notes()
        self._method: Attributes | None = None
        self._method_lines = Lines()

    def now(self) -> tuple[Lines, Notes]:
        """Where a `<line>` that stands here belongs."""
        if self._method is None:
            return self._own, self._own_notes
        return self._method_lines, self._method_notes

    def begin_method(self, attributes: Attributes) -> None:
        """Lines from here on are those of a method."""
        self._method = attributes
        self._method_lines = Lines()

    def end_method(self, notes: Notes) -> None:
        """Note whether the method was called and keep its lines beside those of the class."""
        method, lines = self._method or {}, self._method_lines
        self._method = None
        was_called = bool(lines.hit)
        if not was_called and "hits" in method:
            was_called = bool(hits_of(method["hits"], notes))
        first = min((*lines.hit[:1], *lines.miss[:1]), default=0)
        identity = "\0".join((method.get("name", ""), method.get("signature", ""), str(first)))
        self._own.functions[identity] = was_called or self._own.functions.get(identity, False)
        self._of_methods.take(lines)

    def result(self) -> tuple[Lines, Notes]:
        """The lines of the class, else those of its methods, and what is to be said about them."""
        if self._own.hit or self._own.miss:
            return self._own, self._own_notes
        self._of_methods.functions = self._own.functions
        self._own_notes.count_all(self._method_notes)
        return self._of_methods, self._own_notes


def _producer(version: str) -> Producer | None:
    """`gcovr 8.8` names its tool; a bare number does not."""
    name, _, number = version.strip().rpartition(" ")
    return Producer(name=name[:80], version=number[:80]) if name else None


def _moment(text: str, notes: Notes) -> datetime | None:
    """The time in seconds, milliseconds or less since 1970, told apart by size."""
    if not text.strip():
        return None
    try:
        value = float(text)
        while math.isfinite(value) and value > _YEAR_5138:
            value /= 1000
        found = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        found = datetime.min.replace(tzinfo=UTC)
    return plausible(found, text, notes)


_YEAR_5138 = 1e11
_MAX_DIGITS = len(str(MAX_COUNT))
