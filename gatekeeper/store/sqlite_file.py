"""The files of an open SQLite database, watched: SQLite itself goes on reading and writing removed ones."""

import os
from contextlib import suppress
from pathlib import Path

from gatekeeper.store.errors import StoreUnavailable

_Seen = tuple[tuple[int, int] | None, ...]


class DatabaseFiles:
    """The database and its write-ahead log, as they are when this is made: while the database is open.

    The log goes away, and another one comes, only when nobody has the database open. So as long as we have
    it open, another file under either name is somebody's mistake, and every answer from ours would be a lie.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names = (str(path), f"{path}-wal")
        self._seen = self._look()

    def settle(self) -> None:
        """Return when all that the log holds is on the disk, whoever wrote it.

        A process that was killed between its last write and the sync of it left what SQLite now takes for
        committed. Whoever sends that again is told that it was there: a power cut must not take it away.

        Only the log: closing another descriptor of the database itself would drop SQLite's locks on it
        (POSIX; sqlite.org/howtocorrupt.html, 2.2), and what is there was synced before it left the log.

        Raises:
            OSError: the disk is full or gone.
        """
        with suppress(FileNotFoundError), Path(self._names[1]).open("rb") as log:
            os.fsync(log.fileno())

    def demand_same(self) -> None:
        """Return while both are the files that were opened. It costs a few microseconds.

        Raises:
            StoreUnavailable: one was removed or replaced.
        """
        if self._look() != self._seen:
            raise StoreUnavailable(
                f"the database {self._path} or its log was removed or replaced: it cannot be used",
                hint="put the file back with its -wal beside it, and start the server again",
            )

    def _look(self) -> _Seen:
        return tuple(_identity(name) for name in self._names)


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)  # noqa: PTH116 - the gate query cannot spare what a Path costs
    except OSError:
        return None
    return (found.st_dev, found.st_ino)
