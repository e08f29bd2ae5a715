"""Content-addressed blobs in a folder or in S3: kept once, and read back only with their own digest."""

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from gatekeeper.errors import UsageError
from gatekeeper.store.blobs_folder import FolderShelf
from gatekeeper.store.blobs_frame import (
    BlobDamaged,
    BlobsUnavailable,
    Frame,
    compress,
    decompress,
    key_of,
)
from gatekeeper.store.blobs_s3 import S3Access, S3Shelf

__all__ = ["BlobDamaged", "BlobStore", "BlobsUnavailable", "S3Access", "blob_store"]

DEFAULT_MAX_BYTES = 2 * 1024**3

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)?")


class Shelf(Protocol):
    """Where frames lie by key. Any method raises OSError or BlobsUnavailable when it cannot do its work."""

    @property
    def name(self) -> str:
        """How a person calls the place."""
        ...

    @property
    def read_size(self) -> int:
        """Bytes to ask for at a time."""
        ...

    def seems_to_hold(self, key: str) -> bool:
        """True when asking is cheap and something lies under `key`, whatever it is."""
        ...

    def stage(self) -> AbstractContextManager[BinaryIO]:
        """A place to write a frame to before it has a key; gone afterwards."""
        ...

    def keep(self, key: str, staged: BinaryIO, *, replace: bool) -> bool:
        """Put what was staged under `key`, for good when it returns. False: something lies there already."""
        ...

    def settle(self, key: str) -> None:
        """Return when what lies under `key`, perhaps put there by another, stays there for good."""
        ...

    def open(self, key: str) -> Frame | None:
        """The frame under `key` for reading; None when there is none."""
        ...

    def check(self) -> None:
        """Return when a frame could be kept now."""
        ...


class BlobStore:
    """The `Blobs` of the use cases. Safe to use from several threads; make it after a fork, not before."""

    def __init__(self, shelf: Shelf, *, max_bytes: int) -> None:
        self._shelf = shelf
        self._max_bytes = max_bytes

    def put(self, data: bytes) -> str:
        """Keep `data`; its SHA-256 in hex. Keeping the same bytes again writes nothing.

        Raises:
            BlobsUnavailable: the store is full, gone or closed to us, or `data` is over its limit.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        with self._refusing():
            self._keep(sha256, io.BytesIO(data))
        return sha256

    def put_file(self, path: Path, sha256: str) -> None:
        """Keep the bytes of the file, whose SHA-256 is `sha256`; a piece of it is in memory at a time.

        Raises:
            BlobsUnavailable: as `put`; also when the file cannot be read or has another digest.
        """
        with self._refusing(), path.open("rb") as source:
            self._keep(sha256, source)

    def get(self, sha256: str, *, size: int | None = None) -> bytes | None:
        """The bytes; None when they are not there. With `size`, no more than that is ever unpacked.

        Raises:
            BlobDamaged: what lies there has another digest, or more than `size` bytes.
            BlobsUnavailable: the store cannot be read.
        """
        with self._refusing():
            frame = self._shelf.open(key_of(sha256))
            if frame is None:
                return None
            with closing(frame):
                return b"".join(self._unpacked(frame, sha256, size))

    def get_file(self, sha256: str, path: Path, *, size: int | None = None) -> bool:
        """Write the bytes to a new file; False when they are not there. After an error the file is gone.

        Raises:
            BlobDamaged, BlobsUnavailable: as `get`; also when `path` exists or cannot be written.
        """
        with self._refusing():
            frame = self._shelf.open(key_of(sha256))
            if frame is None:
                return False
            with closing(frame), path.open("xb") as target:
                try:
                    target.writelines(self._unpacked(frame, sha256, size))
                    target.flush()
                except BaseException:
                    path.unlink()
                    raise
        return True

    def check(self) -> None:
        """Raise BlobsUnavailable when nothing could be written now; it writes a few bytes to find out."""
        with self._refusing():
            self._shelf.check()

    def _keep(self, sha256: str, source: BinaryIO) -> None:
        key = key_of(sha256)
        if not self._shelf.seems_to_hold(key) and self._write(key, sha256, source, replace=False):
            return
        # Something lies there. A power cut, a full disk or a bad copy may have left it empty or wrong, and
        # whoever calls this is about to record that the bytes are kept: it must be read to be believed.
        if self._is_intact(key, sha256):
            self._shelf.settle(key)
        else:
            self._write(key, sha256, source, replace=True)

    def _write(self, key: str, sha256: str, source: BinaryIO, *, replace: bool) -> bool:
        source.seek(0)
        with self._shelf.stage() as staged:
            found = compress(source, staged, max_bytes=self._max_bytes)
            if found != sha256:
                raise BlobsUnavailable(f"the bytes to keep as {sha256} have the digest {found}")
            return self._shelf.keep(key, staged, replace=replace)

    def _is_intact(self, key: str, sha256: str) -> bool:
        frame = self._shelf.open(key)
        if frame is None:
            return False
        with closing(frame):
            try:
                for _ in self._unpacked(frame, sha256, None):
                    pass
            except BlobDamaged:
                return False
        return True

    def _unpacked(self, frame: Frame, sha256: str, size: int | None) -> Iterator[bytes]:
        limit = self._max_bytes if size is None else size
        return decompress(frame, sha256, max_bytes=limit, read_size=self._shelf.read_size)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            where = f" ({exc.filename})" if exc.filename else ""
            raise BlobsUnavailable(
                f"the blobs in {self._shelf.name} cannot be used: {exc.strerror or exc}{where}",
                hint="look at the free space, the mount and the permissions of the server's user",
            ) from exc


def blob_store(
    place: str | Path, *, s3: S3Access | None = None, max_bytes: int = DEFAULT_MAX_BYTES
) -> BlobStore:
    """The blobs in the folder `place`, or in S3 for `s3://bucket/prefix`. The first use touches it.

    `max_bytes` bounds one blob, unpacked: what is larger is neither kept nor read.

    Raises:
        UsageError: a URL of another kind, or a bucket or prefix that cannot be.
    """
    if isinstance(place, Path) or "://" not in place:
        return BlobStore(FolderShelf(Path(place)), max_bytes=max_bytes)
    parts = urlsplit(place)
    bucket, shown = parts.netloc, place.rpartition("@")[2]  # nobody's password goes into a message
    if parts.scheme != "s3" or parts.query or parts.fragment:
        raise UsageError(f"blobs cannot be kept at {shown!r}", hint="use a folder or s3://bucket/prefix")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            f"{bucket.rpartition('@')[2]!r} is no bucket name: S3 asks for 3 to 63 of a-z, 0-9, '.' and '-'"
        )
    prefix = parts.path.strip("/")
    if not _PREFIX.fullmatch(prefix):
        raise UsageError(f"{prefix!r} is no prefix for blobs", hint="use letters, digits, '-', '_' and '/'")
    shelf = S3Shelf(bucket, prefix=prefix, access=s3 or S3Access())
    return BlobStore(shelf, max_bytes=max_bytes)
