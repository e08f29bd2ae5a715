"""Frames as files. What `keep` returned for survives a power cut: the file is synced, then its folders.

Not by `obstore.LocalStore`, which syncs nothing (seen with strace in 0.12.1): a power cut after its link
leaves an empty file under a digest. Here a file is whole on the disk before it gets its name.
"""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, cast

from gatekeeper.store.blobs_frame import PIECE, BlobsUnavailable

ABANDONED_AFTER_S = 24 * 3600
"""A staged file of this age belongs to a process that was killed."""


class FolderShelf:
    """Files below `root`, which is made at the first use. Several threads and processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.abspath(root))  # noqa: PTH100 - absolute() keeps "..", resolve() asks the disk
        self._staging = self._root / "incoming"
        self._lock = threading.Lock()
        self._synced: set[Path] = set()

    @property
    def name(self) -> str:
        """The folder."""
        return str(self._root)

    @property
    def read_size(self) -> int:
        """Bytes to ask for at a time."""
        return PIECE

    def seems_to_hold(self, key: str) -> bool:
        """True when there is a file, whatever is in it."""
        return (self._root / key).exists()

    @contextmanager
    def stage(self) -> Iterator[BinaryIO]:
        """A file of this file system, so that it can be linked to its place; readable by its owner only."""
        self._make(self._staging)
        with tempfile.NamedTemporaryFile(dir=self._staging, delete=False) as staged:
            try:
                yield cast("BinaryIO", staged)
            finally:
                Path(staged.name).unlink(missing_ok=True)

    def keep(self, key: str, staged: BinaryIO, *, replace: bool) -> bool:
        """Sync the staged file, give it the name of `key`, sync the folder. False: the name is taken."""
        place = self._root / key
        self._make(place.parent)
        staged.flush()
        os.fsync(staged.fileno())
        source = Path(staged.name)
        if replace:
            source.replace(place)
        else:
            try:
                place.hardlink_to(source)
            except FileExistsError:
                return False
        _sync_folder(place.parent)
        return True

    def settle(self, key: str) -> None:
        """Sync the file and its folder: the process that linked it may not have come to that."""
        place = self._root / key
        with place.open("rb") as file:
            os.fsync(file.fileno())
        self._make(place.parent)
        _sync_folder(place.parent)

    def open(self, key: str) -> BinaryIO | None:
        """The file; None when there is none in a folder that is there.

        Raises:
            BlobsUnavailable: the whole folder is missing, as with a disk that is not mounted.
        """
        try:
            return (self._root / key).open("rb")
        except FileNotFoundError:
            if self._root.is_dir():
                return None
        raise BlobsUnavailable(f"the blob folder {self._root} is not there", hint="is its disk mounted?")

    def check(self) -> None:
        """Write, sync and link a small file, and remove it: a full disk is often seen by the sync alone."""
        with self.stage() as staged:
            staged.write(bytes(4096))
            staged.flush()
            os.fsync(staged.fileno())
            source = Path(staged.name)
            linked = source.with_suffix(".linked")
            try:
                linked.hardlink_to(source)
            finally:
                linked.unlink(missing_ok=True)

    def _make(self, folder: Path) -> None:
        """Make `folder` and those above it, and sync what names them, once in the life of this process.

        Also for a folder that is there: another process may have made it a moment ago and not synced it yet.
        """
        with self._lock:
            if folder in self._synced and folder.is_dir():
                return
            first_found = next(above for above in folder.parents if above.exists())
            folder.mkdir(parents=True, exist_ok=True)
            root_was_there = first_found.is_relative_to(self._root)
            for above in folder.parents:
                # What holds the root may be closed to us (/var/lib, 0711) when the root was made for us.
                may_be_closed = root_was_there and above in self._root.parents
                with suppress(PermissionError) if may_be_closed else nullcontext():
                    _sync_folder(above)
                if above in self._root.parents and first_found.is_relative_to(above):
                    break
            if folder == self._staging:
                _remove_abandoned(folder)
            self._synced.add(folder)


def _remove_abandoned(staging: Path) -> None:
    for file in staging.iterdir():
        with suppress(FileNotFoundError):
            if file.stat().st_mtime < time.time() - ABANDONED_AFTER_S:
                file.unlink()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
