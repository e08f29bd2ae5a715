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

import codecs
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NoReturn, Protocol, TypeVar
from xml.parsers import expat

from gatekeeper.evidence import Problem
from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.json import collector_off
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.source import ReportSource

Attributes = dict[str, str]
StartHandler = Callable[[Attributes], None]
EndHandler = Callable[[], None]

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
    encoding = _declared_encoding(source.head())
    try:
        return _parse(_transcoded(source.chunks(), encoding), encoding, limits, make), ()
    except _Repairable as exc:
        if encoding not in _UTF8:
            raise UnreadableReport(exc.problem.code, **exc.problem.params) from exc
    cleaner = _Cleaner()
    handlers = _parse(cleaner.cleaned(source.chunks()), encoding, limits, make)
    return handlers, (Problem(code="sanitised", params={"count": cleaner.replaced}),)


class _Repairable(UnreadableReport):
    """Not well-formed at a character; a second reading with forbidden characters replaced may succeed."""


def _parse(
    chunks: Iterable[bytes], encoding: str | None, limits: Limits, make: Callable[[TextCapture], H]
) -> H:
    parser = expat.ParserCreate("utf-8" if encoding in _MULTI_BYTE else None)
    parser.buffer_text = True
    parser.buffer_size = 64 * 1024
    parser.specified_attributes = True
    _refuse_declarations(parser)
    handlers = make(TextCapture(parser))
    parser.StartElementHandler, parser.EndElementHandler = _dispatchers(handlers, limits)
    fed = 0
    try:
        with collector_off():
            for chunk in _without_leading_space(chunks):
                parser.Parse(chunk, False)
                fed += len(chunk)
                _check_growth(parser, fed, limits)
            if not fed:
                raise UnreadableReport("empty")
            parser.Parse(b"", True)
    except expat.ExpatError as exc:
        raise _unreadable(exc) from exc
    except (LookupError, UnicodeError) as exc:
        if encoding is None or encoding in _UTF8:
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


_UTF8 = {None, "utf-8", "utf8"}
_MULTI_BYTE = {"gbk", "gb2312", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr"}
# expat asks Python for any other encoding by name, and Python has codecs that are no encodings of text.
_ONE_BYTE = re.compile(r"us-ascii|ascii|latin-?1|iso-8859-\d{1,2}|windows-\d{3,4}|cp\d{3,4}|koi8-[ru]")
_DECLARATION = re.compile(rb"""\s*<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


def _declared_encoding(head: bytes) -> str | None:
    """The declared encoding in lower case; `utf-16` by its mark; None when nothing is declared.

    Raises:
        UnreadableReport: `encoding`, for one that is not read here.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    found = _DECLARATION.match(head.removeprefix(codecs.BOM_UTF8))
    if not found:
        return None
    name = found[1].decode("ascii").lower()
    if name in _UTF8 or name in _MULTI_BYTE or name == "utf-16" or _ONE_BYTE.fullmatch(name):
        return name
    raise UnreadableReport("encoding", detail=f"{name} is not an encoding that is read here; write UTF-8")


def _transcoded(chunks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """UTF-8 for the encodings of East Asia, which expat does not know; all others as they are."""
    if encoding not in _MULTI_BYTE:
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def _without_leading_space(chunks: Iterable[bytes]) -> Iterator[bytes]:
    has_begun = False
    for chunk in chunks:
        rest = chunk if has_begun else chunk.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")
        if rest:
            has_begun = True
            yield rest


class _Cleaner:
    """Puts U+FFFD, which no name may hold, where XML 1.0 section 2.2 forbids the character."""

    _RAW = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
    _REFERENCE = re.compile(
        rb"&#(?:x0{0,4}(?:[0-8bcef]|1[0-9a-f]|fff[ef])|0{0,4}(?:[0-8]|1[124-9]|2\d|3[01]));", re.I
    )
    _LONGEST = 12

    def __init__(self) -> None:
        self.replaced = 0

    def cleaned(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        held = b""
        for chunk in chunks:
            data = held + chunk
            cut = self._safe_end(data)
            held = data[cut:]
            yield self._clean(data[:cut])
        yield self._clean(held)

    def _safe_end(self, data: bytes) -> int:
        """Where `data` can be cut without dividing a reference or a three-byte character."""
        start = max(0, len(data) - self._LONGEST)
        for mark in (b"&", b"\xef"):
            found = data.rfind(mark, start)
            if found >= 0:
                return found
        return len(data)

    def _clean(self, data: bytes) -> bytes:
        data, raw = self._RAW.subn(b"\xef\xbf\xbd", data)
        data, references = self._REFERENCE.subn(b"&#xFFFD;", data)
        self.replaced += raw + references
        return data
