"""The bytes of one report, read whole or in chunks, never more than the limit."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from gatekeeper.reports.limits import Limits
from gatekeeper.reports.refusal import UnreadableReport

CHUNK_BYTES = 1024 * 1024
HEAD_BYTES = 64 * 1024


class ReportSource:
    """A seekable stream of report bytes. Not thread-safe; reading again starts from the beginning."""

    def __init__(self, stream: BinaryIO, *, name: str, limits: Limits) -> None:
        self.name = name
        """The file name without folders; it only breaks ties in detection."""
        self._stream = stream
        self._limits = limits
        self.size_bytes = stream.seek(0, 2)

    def check_size(self) -> None:
        """Refuse a report over the limit.

        Raises:
            UnreadableReport: `too-large`, with the size and the limit.
        """
        if self.size_bytes > self._limits.max_bytes:
            raise UnreadableReport("too-large", bytes=self.size_bytes, limit=self._limits.max_bytes)

    def head(self) -> bytes:
        """The first 64 KiB."""
        self._stream.seek(0)
        return self._stream.read(HEAD_BYTES)

    def chunks(self) -> Iterator[bytes]:
        """All bytes in pieces of 1 MiB.

        Smaller pieces make expat before 2.6 quadratic on one long token (CVE-2023-52425).
        """
        self._stream.seek(0)
        while chunk := self._stream.read(CHUNK_BYTES):
            yield chunk

    def whole(self) -> bytes:
        """All bytes at once, for decoders that need them in one piece."""
        self._stream.seek(0)
        return self._stream.read()

    def sha256(self) -> str:
        """Lowercase hex SHA-256 of all bytes, as `sha256sum` prints it."""
        hasher = hashlib.sha256()
        for chunk in self.chunks():
            hasher.update(chunk)
        return hasher.hexdigest()
