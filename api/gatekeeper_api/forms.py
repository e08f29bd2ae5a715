"""multipart/form-data, streamed: the parts `report`, `record`, `commit`, each into a file, each bounded."""

import hashlib
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from gatekeeper.reports.refusal import UnreadableReport
from gatekeeper.service.errors import Refused
from gatekeeper.service.settings import ServerSettings

PARTS = ("report", "record", "commit")
_NAME_CHARS = 200
_MAX_HEADERS = 8
_MAX_HEADER_BYTES = 4096


class BadForm(Refused):
    """The form is not the one that this route takes: a mistake of its sender, and no report."""

    code = "bad-parameter"


class Spooled:
    """A file that is written once, counted and hashed while it grows."""

    def __init__(self, path: Path, limit: int, setting: str) -> None:
        self.path = path
        self.bytes = 0
        self.is_whole = False
        self.filename = ""
        self._limit, self._setting = limit, setting
        self._hash = hashlib.sha256()
        self._file: BinaryIO = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0)

    @property
    def sha256(self) -> str:
        """Hex digest of what was written so far."""
        return self._hash.hexdigest()

    def write(self, data: bytes | memoryview) -> None:
        """Append `data`.

        Raises:
            UnreadableReport: `too-large`; nothing of `data` was written.
            OSError: the disk is full or gone.
        """
        self.bytes += len(data)
        if self.bytes > self._limit:
            raise UnreadableReport(
                "too-large", bytes=self.bytes, limit=self._limit, part=self.path.name, setting=self._setting
            )
        self._hash.update(data)
        while data:  # a raw file may write less than it was given
            data = memoryview(data)[self._file.write(data) :]

    def close(self) -> None:
        """Let go of the file; the bytes stay until their folder is removed."""
        self._file.close()


class Form:
    """One form. Feed it decoded bytes; `parts` fills as they come."""

    def __init__(self, content_type: str, folder: Path, settings: ServerSettings) -> None:
        _, options = parse_options_header(content_type)
        if not (boundary := options.get(b"boundary")):
            raise BadForm(
                "Content-Type multipart/form-data has no boundary", hint="let the HTTP client set it"
            )
        self.parts: dict[str, Spooled] = {}
        self._folder = folder
        self._limits = {
            "report": (settings.max_decoded_bytes, "GATEKEEPER_MAX_DECODED_BYTES"),
            "record": (settings.max_record_bytes, "GATEKEEPER_MAX_RECORD_BYTES"),
            "commit": (settings.max_commit_bytes, "GATEKEEPER_MAX_COMMIT_BYTES"),
        }
        self._headers: dict[str, bytes] = {}
        self._name, self._value = bytearray(), bytearray()
        self._part: Spooled | None = None
        self._is_complete = False
        self._parser = self._parser_for(boundary)

    def write(self, data: bytes) -> None:
        """Parse the next bytes.

        Raises:
            UnreadableReport: a part is too large, or the form is not well-formed.
            BadForm: a part that nobody asked for, or the same one twice.
        """
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise UnreadableReport("malformed", where="the form", detail=str(error)[:200]) from error

    def finish(self) -> None:
        """Raise when the form ended early, or had no report."""
        if not self._is_complete:
            raise UnreadableReport("malformed", where="the form", detail="it ends before its last boundary")
        if "report" not in self.parts:
            raise BadForm("the form has no part `report`", hint="send the file as the part `report`")

    def close(self) -> None:
        """Let go of all files."""
        for part in self.parts.values():
            part.close()

    def _parser_for(self, boundary: bytes) -> MultipartParser:
        spans: dict[str, Callable[[bytes, int, int], None]] = {
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_part_data": self._data,
        }
        moments: dict[str, Callable[[], None]] = {
            "on_part_begin": self._headers.clear,
            "on_header_end": self._header,
            "on_headers_finished": self._begin,
            "on_part_end": self._end,
            "on_end": self._complete,
        }
        try:
            return MultipartParser(
                boundary,
                {**spans, **moments},  # type: ignore[arg-type]
                max_header_count=_MAX_HEADERS,
                max_header_size=_MAX_HEADER_BYTES,
            )
        except ValueError as error:
            raise BadForm(f"the boundary of the form cannot be used: {error}") from error

    def _header(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _begin(self) -> None:
        """A part begins: its headers are known."""
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name not in PARTS:
            raise BadForm(f"the form has a part {name[:80]!r}", hint=f"its parts are {', '.join(PARTS)}")
        if name in self.parts:
            raise BadForm(f"the form has more than one part `{name}`", hint="send each file by itself")
        transfer = self._headers.get("content-transfer-encoding", b"binary").strip().lower()
        if transfer not in {b"binary", b"8bit", b"7bit"}:
            raise BadForm(
                f"part `{name}` has Content-Transfer-Encoding {transfer[:40].decode('latin-1')!r}",
                hint="HTTP is binary (RFC 7578, section 4.7): leave the header out",
            )
        self._part = self.parts[name] = Spooled(self._folder / name, *self._limits[name])
        self._part.filename = display_name(options.get(b"filename", b"").decode("utf-8", "replace"))

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part is not None:
            self._part.write(memoryview(data)[start:end])

    def _end(self) -> None:
        if self._part is not None:
            self._part.is_whole = True
            self._part = None

    def _complete(self) -> None:
        self._is_complete = True


def display_name(sent: str) -> str:
    """The last part of a file name as sent, for people: never a path to open, no control characters, cut."""
    name = sent.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in name if unicodedata.category(char)[0] != "C")[:_NAME_CHARS]
