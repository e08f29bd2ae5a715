"""An export as one file: `.tar.zst`, read by a reader of our own that knows plain files and nothing else.

`tarfile` reads names and extended headers of any size into memory and knows links and devices. Here every
member is refused that is not a file of an export; nothing of it chooses where it is written.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from gatekeeper.cli.export_folder import MAX_FILE_BYTES, ExportDamaged, ExportFolder
from gatekeeper.errors import UsageError

SUFFIX = ".tar.zst"
MAX_TOTAL_BYTES = 8 * 1024**3
MAX_RATIO = 400
"""Bytes that may come out of each byte that goes in, beyond the first 64 MiB."""
MAX_MEMBERS = 1_000_000
_BLOCK = 512
_MEMBER = re.compile(
    r"export\.json|(documents|policies)/[0-9a-f]{64}\.json"
    r"|decisions/dec_[a-z2-7]{26}/(decision|inputs|behind)\.json"
)


@contextmanager
def opened(path: Path) -> Iterator[ExportFolder]:
    """The export in a folder, or in a `.tar.zst`, which is unpacked for as long as the `with` lasts.

    Raises:
        UsageError: there is no such file, or nothing here can unpack it.
        ExportDamaged: it is not an export.
    """
    if path.is_dir():
        yield ExportFolder(path)
        return
    if not path.is_file():
        raise UsageError(f"there is no export {path}", hint="`gatekeeper export decisions --output DIR`")
    with TemporaryDirectory(prefix="gatekeeper-export-") as folder:
        unpack(path, Path(folder))
        yield ExportFolder(Path(folder))


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of the archive into the empty `folder`.

    Raises:
        ExportDamaged: a name that no export has, a link, a bomb, or an archive that ends too early.
        UsageError: the extra that reads zstd is not installed.
    """
    zstandard = _zstandard()
    limit = min(MAX_TOTAL_BYTES, MAX_FILE_BYTES + MAX_RATIO * archive.stat().st_size)
    try:
        with archive.open("rb") as packed, zstandard.ZstdDecompressor().stream_reader(packed) as stream:
            _Members(stream, folder, limit).write()
    except zstandard.ZstdError as error:
        raise ExportDamaged(f"{archive} is no {SUFFIX}: {error}") from error
    except OSError as error:
        raise ExportDamaged(f"{archive} cannot be unpacked: {error.strerror or error}") from error


def pack(folder: Path, archive: Path) -> None:
    """Write the export in `folder` as one file.

    Raises:
        UsageError: the extra that writes zstd is not installed.
    """
    import tarfile

    zstandard = _zstandard()
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with (
        archive.open("xb") as target,
        zstandard.ZstdCompressor(level=6).stream_writer(target) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in files:
            tar.add(path, path.relative_to(folder).as_posix(), filter=_nameless)


class _Members:
    """The members of a tar stream, one after the other."""

    def __init__(self, stream: IO[bytes], folder: Path, limit: int) -> None:
        self._stream, self._folder, self._left = stream, folder, limit
        self._limit = limit

    def write(self) -> None:
        """Write each as a new file."""
        for _ in range(MAX_MEMBERS):
            header = self._take(_BLOCK)
            if header == bytes(_BLOCK):
                return
            name, size = _member(header)
            data = self._take(size)
            self._take(-size % _BLOCK)
            if name:
                self._keep(name, data)
        raise ExportDamaged(f"the archive has more than {MAX_MEMBERS:,} files")

    def _keep(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as target:
                target.write(data)
        except FileExistsError as error:
            raise ExportDamaged(f"the archive has {name} twice") from error

    def _take(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise ExportDamaged(f"the archive holds more than {self._limit:,} bytes for its size: a bomb?")
        pieces = []
        while size:
            piece = self._stream.read(min(size, 1 << 20))
            if not piece:
                raise ExportDamaged("the archive ends in the middle")
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def _member(header: bytes) -> tuple[str, int]:
    """Name and size of a plain file; an empty name for a folder."""
    name = header[:100].rstrip(b"\0").decode("ascii", "replace").removeprefix("./")
    kind, prefix = header[156:157], header[345:500].strip(b"\0")
    if _number(header[148:156]) != sum(header[:148]) + 8 * 0x20 + sum(header[156:]):
        raise ExportDamaged("the archive is damaged: a header has another checksum")
    if kind == b"5":
        return "", 0
    if kind not in (b"0", b"\0") or (prefix and header[257:263] == b"ustar\0") or not _MEMBER.fullmatch(name):
        raise ExportDamaged(f"the archive holds {name[:120]!r}, which is no file of an export")
    size = _number(header[124:136])
    if size > MAX_FILE_BYTES:
        raise ExportDamaged(f"{name} of the archive is {size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
    return name, size


def _number(field: bytes) -> int:
    text = field.strip(b"\0 ")
    if not re.fullmatch(rb"[0-7]{1,11}", text):
        raise ExportDamaged("the archive is damaged: a header has no number where one must be")
    return int(text, 8)


def _nameless(info: Any) -> Any:
    """Without the user, group and time of whoever packs it."""
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise UsageError(
            f"nothing here reads {SUFFIX}",
            hint="install quality-gatekeeper[server], or unpack it: tar --zstd -xf FILE, and name the folder",
        ) from error
    return zstandard
