"""Request bodies that can be sent again: bytes and files in a row, read piece by piece.

Files are read while they are sent, also by the async client: a read of 64 KiB blocks its loop for that long.
"""

import secrets
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from gatekeeper.errors import GatekeeperError

CHUNK_BYTES = 64 * 1024


class FileChanged(GatekeeperError):
    """A file is not what it was when it was looked at; what was sent of it does not count."""

    code = "file-changed"


@dataclass(frozen=True, kw_only=True)
class FileContent:
    """A file as part of a body, with the size that was announced for it."""

    path: Path
    size_bytes: int

    def chunks(self) -> Iterator[bytes]:
        """The bytes of the file.

        Raises:
            FileChanged: it can no longer be read, or has another size.
        """
        rest = self.size_bytes
        try:
            with self.path.open("rb") as stream:
                while rest and (chunk := stream.read(min(CHUNK_BYTES, rest))):
                    rest -= len(chunk)
                    yield chunk
                if rest or stream.read(1):
                    raise FileChanged(
                        f"{self.path} changed while it was sent", hint="wait until its tool has finished"
                    )
        except OSError as error:
            raise FileChanged(f"{self.path} cannot be read any more: {error.strerror or error}") from error

    def head(self, size: int) -> bytes:
        """The first bytes of the file; none when it cannot be read, which `chunks` will tell."""
        try:
            with self.path.open("rb") as stream:
                return stream.read(size)
        except OSError:
            return b""


Content = bytes | FileContent


@dataclass(frozen=True, kw_only=True)
class Body:
    """What is sent: contents in a row, compressed on the way when `is_gzip`."""

    contents: tuple[Content, ...]
    content_type: str
    is_gzip: bool = False

    @property
    def size_bytes(self) -> int:
        """Bytes before compression."""
        return sum(len(part) if isinstance(part, bytes) else part.size_bytes for part in self.contents)

    def headers(self) -> dict[str, str]:
        """The headers that describe the body; the length of a compressed one is not known before."""
        own = {"Content-Type": self.content_type}
        if self.is_gzip:
            return own | {"Content-Encoding": "gzip", "Transfer-Encoding": "chunked"}
        return own | {"Content-Length": str(self.size_bytes)}

    def chunks(self, tell: Callable[[int], None] | None = None) -> Iterator[bytes]:
        """The bytes on the wire, from the beginning each time; `tell` gets the count before compression."""
        packer = zlib.compressobj(level=6, wbits=31) if self.is_gzip else None
        for part in self.contents:
            for chunk in [part] if isinstance(part, bytes) else part.chunks():
                packed = packer.compress(chunk) if packer else chunk
                if packed:
                    yield packed
                if tell is not None:
                    tell(len(chunk))
        if packer:
            yield packer.flush()


class BodyStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body for either of httpx's clients."""

    def __init__(self, body: Body, tell: Callable[[int], None] | None) -> None:
        self._body = body
        self._tell = tell

    def __iter__(self) -> Iterator[bytes]:
        return self._body.chunks(self._tell)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._body.chunks(self._tell):
            yield chunk


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a form."""

    name: str
    filename: str
    content: Content


def form(parts: tuple[Part, ...], *, boundary: str | None = None) -> Body:
    """`parts` as multipart/form-data (RFC 7578); the boundary is random, so no content can hold it."""
    mark = boundary or secrets.token_hex(16)
    contents: list[Content] = []
    for part in parts:
        names = f'name="{_quoted(part.name)}"; filename="{_quoted(part.filename)}"'
        head = (
            f"--{mark}\r\nContent-Disposition: form-data; {names}\r\n"
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        contents += [head.encode(), part.content, b"\r\n"]
    contents.append(f"--{mark}--\r\n".encode())
    return Body(contents=tuple(contents), content_type=f"multipart/form-data; boundary={mark}")


def _quoted(text: str) -> str:
    """As browsers do (WHATWG, multipart form data): nothing in a name can end its header."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
