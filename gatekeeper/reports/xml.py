"""The one way to read an XML report: expat, fed in large chunks, with every bound checked and no entity read.

A reader gives handlers by local element name and keeps its own state in them:

    class Cases:
        roots = ("testsuites", "testsuite")
        def __init__(self, text: TextCapture) -> None:
            self.starts = {"testcase": self.begin_case}
            self.ends = {"testcase": self.end_case}

    cases, problems = parse_xml(source, limits, Cases)

Handlers run once per element, so they are the hot path: a table lookup by name replaces the reader's own
chain of comparisons, which pays for the checks made here. Elements without a handler cost one failed lookup.
Text is not delivered at all unless a handler asks `TextCapture` for it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NoReturn, Protocol, TypeVar
from xml.parsers import expat

from gatekeeper.evidence import Problem
from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.json import collector_off
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.source import ReportSource
from gatekeeper.reports.xml_text import (
    UTF8,
    Cleaner,
    declared_encoding,
    parser_encoding,
    transcoded,
    without_leading_space,
)

Attributes = dict[str, str]
StartHandler = Callable[[Attributes], None]
EndHandler = Callable[[], None]

_FIRST_TAG_STEP = 4096
MAX_NAMES = 20_000
"""Distinct element and attribute names; real reports have fewer than a hundred, and expat keeps each one."""


class XmlHandlers(Protocol):
    """What a reader hands to `parse_xml`. Names are local: a namespace prefix is cut off."""

    @property
    def roots(self) -> Collection[str]:
        """Names that the first element may have."""

    @property
    def starts(self) -> Mapping[str, StartHandler]:
        """Called at a start tag with its attributes; defaults from a DTD are not among them."""

    @property
    def ends(self) -> Mapping[str, EndHandler]:
        """Called at an end tag, and after the start handler of an empty element."""


class TextCapture:
    """The text of an element, only where a handler asks for it and no more than it asked for."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self._parser = parser
        self._parts: list[str] = []
        self._room = 0

    def begin(self, max_chars: int) -> None:
        """Collect at most `max_chars` from here on, text of children included; drop what was held."""
        self._parts = []
        self._room = max_chars
        self._parser.CharacterDataHandler = self._add

    def take(self) -> str:
        """The text since `begin`; collecting stops. Empty when nothing was begun."""
        self._parser.CharacterDataHandler = None
        text = "".join(self._parts)
        self._parts = []
        return text

    def _add(self, data: str) -> None:
        self._parts.append(data[: self._room])
        self._room -= len(data)
        if self._room <= 0:
            self._parser.CharacterDataHandler = None


H = TypeVar("H", bound=XmlHandlers)


def parse_xml(
    source: ReportSource, limits: Limits, make: Callable[[TextCapture], H]
) -> tuple[H, tuple[Problem, ...]]:
    """Run the whole document through `make(text)` and return that object with the problems of reading.

    White space before the XML declaration is accepted. UTF-8 (declared or implied) with characters that XML
    1.0 forbids, raw or as `&#x1b;`, is read again from the start by a second object with U+FFFD in their
    place; the problem `sanitised` counts them. Nothing else is repaired: a truncated document is unreadable,
    since what is cut off may be the failures.

    Raises:
        UnreadableReport: `empty`, `encoding`, `malformed`, `hostile` (entity, attribute or notation
            declarations, too many names), `too-deep`, `too-many-items` (attributes), `wrong-shape` (root).
    """
    source.check_size()
    encoding = declared_encoding(source.head())
    try:
        return _parse(transcoded(source.chunks(), encoding), encoding, limits, make), ()
    except _Repairable as exc:
        if encoding not in UTF8:
            raise UnreadableReport(exc.problem.code, **exc.problem.params) from exc
    cleaner = Cleaner()
    handlers = _parse(cleaner.cleaned(source.chunks()), encoding, limits, make)
    return handlers, (Problem(code="sanitised", params={"count": cleaner.replaced}),)


class _Repairable(UnreadableReport):
    """Not well-formed at a character; a second reading with forbidden characters replaced may succeed."""


def _parse(
    chunks: Iterable[bytes], encoding: str | None, limits: Limits, make: Callable[[TextCapture], H]
) -> H:
    parser = expat.ParserCreate(parser_encoding(encoding))
    parser.buffer_text = True
    parser.buffer_size = 64 * 1024
    parser.specified_attributes = True
    _refuse_declarations(parser)
    handlers = make(TextCapture(parser))
    parser.StartElementHandler, parser.EndElementHandler = _dispatchers(handlers, limits)
    fed = 0
    try:
        with collector_off():
            for chunk in without_leading_space(chunks):
                parser.Parse(chunk, False)
                fed += len(chunk)
                _check_growth(parser, fed, limits)
            if not fed:
                raise UnreadableReport("empty")
            parser.Parse(b"", True)
    except expat.ExpatError as exc:
        raise _unreadable(exc) from exc
    except (LookupError, UnicodeError) as exc:
        if encoding is None or encoding in UTF8:
            raise
        raise UnreadableReport("encoding", detail=str(exc)[:300]) from exc
    return handlers


def _dispatchers(
    handlers: XmlHandlers, limits: Limits
) -> tuple[Callable[[str, Attributes], None], Callable[[str], None]]:
    find_start, find_end = handlers.starts.get, handlers.ends.get
    max_depth, max_attributes = limits.max_depth, limits.max_attributes
    depth = 0

    def on_start(name: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        handler = find_start(name)
        if handler is None and ":" in name:
            handler = find_start(_local(name))
        if depth == 1:
            _check_root(_local(name), handlers.roots)
        elif depth > max_depth:
            raise UnreadableReport("too-deep", limit=max_depth)
        if len(attributes) > max_attributes:
            raise UnreadableReport("too-many-items", limit=max_attributes)
        if handler is not None:
            handler(attributes)

    def on_end(name: str) -> None:
        nonlocal depth
        depth -= 1
        handler = find_end(name)
        if handler is None and ":" in name:
            handler = find_end(_local(name))
        if handler is not None:
            handler()

    return on_start, on_end


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _check_root(name: str, roots: Collection[str]) -> None:
    if name not in roots:
        wanted = " or ".join(f"<{root}>" for root in roots)
        raise UnreadableReport("wrong-shape", detail=f"the root element is <{name[:80]}>, not {wanted}")


def _check_growth(parser: expat.XMLParserType, fed: int, limits: Limits) -> None:
    # expat delivers text piece by piece, so only markup (an attribute, a comment) can stay pending.
    if fed - parser.CurrentByteIndex > limits.max_token_bytes:
        raise UnreadableReport("hostile", detail=f"one tag is longer than {limits.max_token_bytes} bytes")
    if len(parser.intern) > MAX_NAMES:
        raise UnreadableReport("hostile", detail=f"more than {MAX_NAMES} different names")


def _refuse_declarations(parser: expat.XMLParserType) -> None:
    """Refuse what a document type may do beyond naming itself. An external one is never loaded.

    Attribute declarations are refused as well: expat searches the declared ones linearly for each new one.
    """

    def refuse(*_: Any) -> NoReturn:
        raise UnreadableReport("hostile", detail="the document declares its own entities or attributes")

    def skipped(name: str, _is_parameter: bool) -> NoReturn:
        where = f"line {parser.CurrentLineNumber}, column {parser.CurrentColumnNumber + 1}"
        raise UnreadableReport("malformed", where=where, detail=f"undefined entity &{name[:80]};")

    parser.EntityDeclHandler = refuse
    parser.AttlistDeclHandler = refuse
    parser.NotationDeclHandler = refuse
    parser.SkippedEntityHandler = skipped


_CODES = expat.errors.codes
_REPAIRABLE = {
    _CODES[expat.errors.XML_ERROR_INVALID_TOKEN],
    _CODES[expat.errors.XML_ERROR_BAD_CHAR_REF],
}
_ENCODING = {
    _CODES[expat.errors.XML_ERROR_UNKNOWN_ENCODING],
    _CODES[expat.errors.XML_ERROR_INCORRECT_ENCODING],
}


def _unreadable(error: expat.ExpatError) -> UnreadableReport:
    detail = expat.ErrorString(error.code) or "not XML"
    where = f"line {error.lineno}, column {error.offset + 1}"
    if error.code in _ENCODING:
        return UnreadableReport("encoding", detail=f"{detail} ({where})")
    kind = _Repairable if error.code in _REPAIRABLE else UnreadableReport
    return kind("malformed", where=where, detail=detail)


def first_tag(head: bytes) -> tuple[str | None, Attributes]:
    """Local name and attributes of the first start tag within `head`, UTF-8; (None, {}) when it has none."""
    found: list[tuple[str, Attributes]] = []

    def on_start(name: str, attributes: Attributes) -> None:
        parser.StartElementHandler = None
        found.append((_local(name), attributes))

    parser = expat.ParserCreate("utf-8")
    parser.specified_attributes = True
    parser.StartElementHandler = on_start
    try:
        for start in range(0, len(head), _FIRST_TAG_STEP):
            parser.Parse(head[start : start + _FIRST_TAG_STEP], False)
            if found:
                break
    except expat.ExpatError:
        pass  # the reader meets the same fault again and names it with its place
    return found[0] if found else (None, {})
