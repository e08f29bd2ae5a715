"""Records out of a zip file or a folder, one after the other, never more bytes than the limits allow."""

import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from gatekeeper.errors import GatekeeperError


class ArchiveRefused(GatekeeperError):
    """The archive or folder as a whole is not safe or not readable; nothing of it is imported."""

    code = "archive-refused"


class MemberRefused(Exception):
    """One member cannot be read; the text says why."""


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """Bounds of one import. A full OSV export of one ecosystem stays far below each."""

    max_members: int = 2_000_000
    max_member_bytes: int = 16 * 1024 * 1024
    max_total_bytes: int = 16 * 1024**3
    max_ratio: int = 500
    """Uncompressed to compressed bytes, for members over 1 MiB."""
    max_directory_bytes: int = 256 * 1024 * 1024
    """The table of contents of a zip file, which is read into memory at once."""


DEFAULT_LIMITS = ArchiveLimits()
_RATIO_FLOOR_BYTES = 1024 * 1024
_DRIVE = re.compile(r"[A-Za-z]:")
_TEXTS = (".md", ".txt", ".rst")
_NESTED = (".zip", ".gz", ".tgz", ".tar", ".xz", ".bz2", ".zst", ".7z", ".whl")
_BAD_MEMBER = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Member:
    """One record file: `data` are its bytes, or `refused` says why they cannot be had."""

    name: str
    data: bytes = b""
    refused: str = ""


class Archive:
    """An opened source of records. `count` members will come; use as a context manager."""

    def __init__(self, path: Path, *, limits: ArchiveLimits = DEFAULT_LIMITS) -> None:
        """Open `path`.

        Raises:
            ArchiveRefused: it is neither a folder nor a zip file, or one that could do harm.
        """
        self._limits = limits
        self._zip: zipfile.ZipFile | None = None
        self._files: list[Path] = []
        self._infos: list[zipfile.ZipInfo] = []
        self.path = path
        if path.is_dir():
            self._files = list(_files_below(path, limits))
        elif path.is_file():
            self._zip, self._infos = _open_zip(path, limits)
        else:
            raise ArchiveRefused(f"{path} is neither a zip file nor a folder")
        self.count = len(self._files) + len(self._infos)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        if self._zip is not None:
            self._zip.close()

    def members(self) -> Iterator[Member]:
        """Every member that should be a record, in the order of the archive (folders: sorted by path).

        Raises:
            ArchiveRefused: the bytes of all members together pass the limit.
        """
        left = self._limits.max_total_bytes
        for item in self._infos or self._files:
            name = item.filename if isinstance(item, zipfile.ZipInfo) else str(item.relative_to(self.path))
            try:
                data = self._read(item, name)
            except MemberRefused as exc:
                yield Member(name, refused=str(exc))
                continue
            left -= len(data)
            if left < 0:
                raise ArchiveRefused(
                    f"{self.path} holds more than {self._limits.max_total_bytes:,} bytes uncompressed"
                )
            yield Member(name, data)

    def _read(self, item: zipfile.ZipInfo | Path, name: str) -> bytes:
        if name.lower().endswith(_NESTED):
            raise MemberRefused("an archive inside the archive is not opened")
        if not name.lower().endswith(".json"):
            raise MemberRefused("not a .json file")
        try:
            if isinstance(item, Path):
                with item.open("rb") as stream:
                    return _bounded(stream, self._limits)
            if self._zip is None:
                raise MemberRefused("the archive is closed")
            with self._zip.open(item) as packed:
                data = _bounded(packed, self._limits)  # type: ignore[arg-type]  # ZipExtFile reads like one
        except _BAD_MEMBER as exc:
            raise MemberRefused(f"cannot be read: {exc}") from exc
        if len(data) > _RATIO_FLOOR_BYTES and len(data) > self._limits.max_ratio * max(item.compress_size, 1):
            raise MemberRefused(f"unpacks to more than {self._limits.max_ratio} times its size")
        return data


def _bounded(stream: BinaryIO, limits: ArchiveLimits) -> bytes:
    # The size in the header is a claim; only what was read counts.
    data = stream.read(limits.max_member_bytes + 1)
    if len(data) > limits.max_member_bytes:
        raise MemberRefused(f"larger than {limits.max_member_bytes:,} bytes")
    return data


def _files_below(folder: Path, limits: ArchiveLimits) -> Iterator[Path]:
    count = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names) + [name for name in folders if Path(parent, name).is_symlink()]:
            path = Path(parent, name)
            if path.is_symlink() or not path.is_file():
                raise ArchiveRefused(f"{path} is not a regular file; links are not followed")
            if name.startswith(".") or name.lower().endswith(_TEXTS) or name == "LICENSE":
                continue
            count += 1
            if count > limits.max_members:
                raise ArchiveRefused(f"{folder} holds more than {limits.max_members:,} files")
            yield path


def _open_zip(path: Path, limits: ArchiveLimits) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    _refuse_large_directory(path, limits)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, struct.error) as exc:
        raise ArchiveRefused(f"{path} is not a readable zip file: {exc}") from exc
    infos = archive.infolist()
    try:
        if len(infos) > limits.max_members:
            raise ArchiveRefused(f"{path} holds {len(infos):,} files; the limit is {limits.max_members:,}")
        for info in infos:
            _refuse_unsafe(path, info)
    except ArchiveRefused:
        archive.close()
        raise
    return archive, [i for i in infos if not i.is_dir() and not _is_text(i.filename)]


def _is_text(name: str) -> bool:
    return name.lower().endswith(_TEXTS) or PurePosixPath(name).name == "LICENSE"


def _refuse_unsafe(path: Path, info: zipfile.ZipInfo) -> None:
    # Nothing is ever written under a member's name; a name that tries is still reason to trust nothing here.
    pure = PurePosixPath(info.filename.replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or _DRIVE.match(info.filename):
        raise ArchiveRefused(f"{path}: the member {info.filename[:200]!r} points outside the archive")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveRefused(f"{path}: the member {info.filename[:200]!r} is a link or device")
    if info.flag_bits & 0x1:
        raise ArchiveRefused(f"{path}: the member {info.filename[:200]!r} is encrypted")


_END = struct.Struct("<4s4H2LH")
_END_64_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")


def _refuse_large_directory(path: Path, limits: ArchiveLimits) -> None:
    """Look at the end record before zipfile reads the whole table of contents into memory.

    Raises:
        ArchiveRefused: the table of contents is larger than the limit.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - (1 << 16) - _END.size - _END_64_LOCATOR.size))
        tail = stream.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            raise ArchiveRefused(f"{path} is not a zip file, or it was cut off")
        directory: int = _END.unpack_from(tail, at)[5]
        locator = at - _END_64_LOCATOR.size
        if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
            stream.seek(min(_END_64_LOCATOR.unpack_from(tail, locator)[2], size))
            end = stream.read(_END_64.size)
            directory = max(directory if directory != 0xFFFFFFFF else 0, _size_64(end))
    if directory > limits.max_directory_bytes:
        raise ArchiveRefused(
            f"{path}: its table of contents has {directory:,} bytes; "
            f"the limit is {limits.max_directory_bytes:,}"
        )


def _size_64(end: bytes) -> int:
    if len(end) < _END_64.size:
        return 0  # zipfile refuses it next
    size: int = _END_64.unpack(end)[8]
    return size
