"""Content-Encoding, streamed: pieces of bounded size come out, however small what went in was.

gzip reaches 1032 times, zstd 32768 times (an RLE block: 4 bytes for 128 KiB), so neither a buffer nor a limit
that is looked at afterwards would do; `max_output_size` of zstandard did not stop a bomb.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import zstandard

from gatekeeper.reports.refusal import UnreadableReport
from gatekeeper.service.errors import Refused

PIECE_BYTES = 1024 * 1024
_ZSTD_INPUT_BYTES = 1024
"""zstandard gives all that an input holds at once: at most 32 MiB for this much."""
_ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
"""RFC 9659, section 3: a decoder of the content coding zstd need not accept more, so memory is bounded."""
_MAX_MEMBERS = 100_000
"""Members of gzip, frames of zstd: an empty one costs 20 or 9 bytes and as much time as a full one."""


class UnknownEncoding(Refused):
    """The body has a Content-Encoding that is not read here (415)."""

    code = "unknown-encoding"


class Decoder(Protocol):
    """One body. Raises UnreadableReport for what no sender writes by itself."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The decoded pieces of `data`, each bounded; stop when there were enough."""
        ...

    def finish(self) -> None:
        """Raise UnreadableReport when the body ended before it was complete."""
        ...


class Identity:
    """No encoding."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """`data` itself."""
        yield data

    def finish(self) -> None:
        """Complete at any length: HTTP itself says where it ends."""


class Gzip:
    """RFC 1952: one or more members, then nothing but zero bytes."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self._members = 0
        self._is_inside = False
        self._seen = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        while data:
            if not self._is_inside and not (data := self._begin(data)):
                return
            before = len(data)
            try:
                piece = self._inflate.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise _malformed("gzip", self._seen, str(error)) from error
            data = self._inflate.unconsumed_tail or self._inflate.unused_data
            self._seen += before - len(data)
            if piece:
                yield piece
            if self._inflate.eof:
                self._is_inside = False
            elif not data:
                # zlib may hold back output although it has taken all input
                while piece := self._inflate.decompress(b"", PIECE_BYTES):
                    yield piece

    def finish(self) -> None:
        """See `Decoder`."""
        if self._is_inside or not self._members:
            raise _malformed("gzip", self._seen, "it ends early")

    def _begin(self, data: bytes) -> bytes:
        """`data` from where a member begins; gzip(1) allows zero bytes after the last one."""
        data = data.lstrip(b"\0") if self._members else data
        if data:
            self._members = _counted("gzip", self._members)
            self._inflate = zlib.decompressobj(wbits=31)
            self._is_inside = True
        return data


class Zstd:
    """RFC 8878: one or more frames."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._frames = 0
        self._seen = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        for start in range(0, len(data), _ZSTD_INPUT_BYTES):
            yield from self._slice(data[start : start + _ZSTD_INPUT_BYTES])

    def finish(self) -> None:
        """See `Decoder`."""
        if self._frame is not None or not self._frames:
            raise _malformed("zstd", self._seen, "it ends early")

    def _slice(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._frame is None:
                self._frames = _counted("zstd", self._frames)
                self._frame = self._context.decompressobj()
            try:
                piece = self._frame.decompress(data)
            except zstandard.ZstdError as error:
                raise _malformed("zstd", self._seen, str(error)) from error
            rest = self._frame.unused_data if self._frame.eof else b""
            self._seen += len(data) - len(rest)
            if piece:
                yield piece
            if self._frame.eof:
                self._frame = None
            data = rest


_DECODERS: dict[str, Callable[[], Decoder]] = {
    "": Identity,
    "identity": Identity,
    "gzip": Gzip,
    "x-gzip": Gzip,
    "zstd": Zstd,
}


def decoder_for(encoding: str) -> Decoder:
    """A decoder for the value of Content-Encoding.

    Raises:
        UnknownEncoding: another coding, or more than one.
    """
    made = _DECODERS.get(encoding.strip().lower())
    if made is None:
        raise UnknownEncoding(
            f"Content-Encoding {encoding[:80]!r} is not read here",
            hint="send it as it is, with gzip, or with zstd",
        )
    return made()


def _counted(name: str, count: int) -> int:
    if count >= _MAX_MEMBERS:
        raise UnreadableReport("hostile", detail=f"more than {_MAX_MEMBERS:,} {name} streams in one body")
    return count + 1


def _malformed(name: str, seen: int, detail: str) -> UnreadableReport:
    return UnreadableReport("malformed", where=f"byte {seen:,} of the {name} stream", detail=detail[:200])
