"""The characters of an XML report before expat sees them: encodings, leading space, forbidden characters."""

import codecs
import re
from collections.abc import Iterable, Iterator

from gatekeeper.reports.interface import UnreadableReport

UTF8 = {None, "utf-8", "utf8"}
MULTI_BYTE = {"gbk", "gb2312", "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr"}
_MARKED_UTF16 = "utf-16 (marked)"
# expat asks Python for any other encoding by name, and Python has codecs that are no encodings of text.
_ONE_BYTE = re.compile(r"us-ascii|ascii|latin-?1|iso-8859-\d{1,2}|windows-\d{3,4}|cp\d{3,4}|koi8-[ru]")
_DECLARATION = re.compile(rb"""\s*<\?xml\s[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


def declared_encoding(head: bytes) -> str | None:
    """The declared encoding in lower case, `utf-16 (marked)` by its mark, None when nothing is declared.

    Raises:
        UnreadableReport: `encoding`, for one that is not read here.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _MARKED_UTF16
    found = _DECLARATION.match(head.removeprefix(codecs.BOM_UTF8))
    if not found:
        return None
    name = found[1].decode("ascii").lower()
    if name in UTF8 or name in MULTI_BYTE or name == "utf-16" or _ONE_BYTE.fullmatch(name):
        return name
    raise UnreadableReport("encoding", detail=f"{name} is not an encoding that is read here; write UTF-8")


def parser_encoding(encoding: str | None) -> str | None:
    """What expat is told to use instead of the declaration; None where the declaration holds.

    The mark of UTF-16 is stronger than a declared `utf-8`: PowerShell writes such files by redirection.
    """
    if encoding in MULTI_BYTE:
        return "utf-8"  # after `transcoded`
    # Never None for what is not declared: where the declaration is hidden from us, by more space than it
    # may have, expat would find it and ask Python for a codec of that name.
    return "utf-16" if encoding == _MARKED_UTF16 else "utf-8" if encoding in UTF8 else None


def transcoded(chunks: Iterable[bytes], encoding: str | None) -> Iterator[bytes]:
    """UTF-8 for the encodings of East Asia, which expat does not know; all others as they are."""
    if encoding not in MULTI_BYTE:
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def without_leading_space(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks from the first character on, without byte order mark and white space before it."""
    has_begun = False
    for chunk in chunks:
        rest = chunk if has_begun else chunk.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")
        if rest:
            has_begun = True
            yield rest


class Cleaner:
    """Puts U+FFFD, which no name may hold, where XML 1.0 section 2.2 forbids the character."""

    _RAW = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
    _REFERENCE = re.compile(
        rb"&#(?:x0{0,4}(?:[0-8bcef]|1[0-9a-f]|fff[ef])|0{0,4}(?:[0-8]|1[124-9]|2\d|3[01]));", re.I
    )
    _LONGEST = 12

    def __init__(self) -> None:
        self.replaced = 0

    def cleaned(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks with every forbidden character replaced; `replaced` counts them."""
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
