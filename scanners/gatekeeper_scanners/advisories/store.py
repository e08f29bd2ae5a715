"""The mirror as a reader sees it: one generation, verified when opened, unchanged until closed.

advisories/
  lock                     taken by an import
  current                  names a generation; replaced by rename
  generations/<name>/      manifest.json, records.sqlite; never written again
"""

import hashlib
import sqlite3
import threading
import zlib
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import msgspec

from gatekeeper.run_record import Rating
from gatekeeper_scanners.advisories import matching
from gatekeeper_scanners.advisories.manifest import SCHEMA, Manifest, MirrorUnavailable, Pointer
from gatekeeper_scanners.advisories.matching import Match
from gatekeeper_scanners.advisories.rating import rating_of
from gatekeeper_scanners.advisories.records import (
    CANARY_ID,
    CANARY_PACKAGE,
    CANARY_VERSION,
    PYPI,
    Advisory,
    normal_name,
    stored_record,
)

_ATTEMPTS = 3
_MAX_GROUP = 100
"""Ids that are one problem; real ones have fewer than ten."""


class Mirror:
    """One opened generation. Safe to use from several threads; close it, or use it as a context manager."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.manifest = manifest
        self._guard = threading.Lock()
        uri = f"file:{quote(str(folder / 'records.sqlite'))}?mode=ro&immutable=1"
        self._db = sqlite3.connect(uri, uri=True, check_same_thread=False)
        # A connection reads nothing until it is asked; asked now, the file stays ours when it is removed.
        self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def __enter__(self) -> "Mirror":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the generation."""
        self._db.close()

    def affecting(self, *, ecosystem: str, name: str, version: str) -> list[tuple[Advisory, Match]]:
        """The advisories that affect this version, sorted by id; none of them with `Match.NO`."""
        rows = self._rows(
            "SELECT payload FROM affects JOIN record USING (number) "
            "WHERE ecosystem = ? AND name = ? ORDER BY id",
            (ecosystem, normal_name(ecosystem, name)),
        )
        found: list[tuple[Advisory, Match]] = []
        for advisory in map(_advisory, rows):
            answer = matching.match(advisory, ecosystem=ecosystem, name=name, version=version)
            if answer is not Match.NO:
                found.append((advisory, answer))
        return found

    def payload(self, id: str) -> bytes | None:  # noqa: A002  # the word of the OSV format
        """The record called `id` as JSON with sorted keys, withdrawn or not; None when there is none."""
        rows = self._rows("SELECT payload FROM record WHERE id = ?", (id,))
        return zlib.decompress(rows[0]) if rows else None

    def rating(self, id: str) -> Rating:  # noqa: A002  # as above
        """The rating of `id` from all records that are the same problem by their aliases, not withdrawn."""
        group: dict[str, Advisory] = {}
        waiting, seen = [id], {id}
        while waiting and len(seen) <= _MAX_GROUP:
            name = waiting.pop()
            for advisory in self._known_as(name):
                group[advisory.id] = advisory
                fresh = {advisory.id, *(advisory.aliases or ())} - seen
                seen |= fresh
                waiting.extend(sorted(fresh))
        return rating_of(a for a in group.values() if a.withdrawn is None)

    def finds_canary(self) -> bool:
        """Whether our own record is found by the same search as every other."""
        found = self.affecting(ecosystem=PYPI, name=CANARY_PACKAGE, version=CANARY_VERSION)
        return [(advisory.id, answer) for advisory, answer in found] == [(CANARY_ID, Match.YES)]

    def _known_as(self, name: str) -> list[Advisory]:
        rows = self._rows(
            "SELECT payload FROM record WHERE id = ? UNION "
            "SELECT payload FROM alias JOIN record USING (number) WHERE alias = ?",
            (name, name),
        )
        return [_advisory(row) for row in rows]

    def _rows(self, query: str, values: tuple[str, ...]) -> list[bytes]:
        with self._guard:
            return [row[0] for row in self._db.execute(query, values)]


def open_mirror(folder: Path, *, allow_partial: bool = False) -> Mirror:
    """The current generation below `folder`, its file compared with the digest of its manifest.

    Raises:
        MirrorUnavailable: `advisories-missing`, `advisories-damaged`; `advisories-partial` unless allowed.
    """
    for attempt in range(_ATTEMPTS):
        try:
            return _open_current(folder, allow_partial=allow_partial)
        except FileNotFoundError as exc:
            # An import may have removed an old generation between our reading its name and opening it.
            if attempt == _ATTEMPTS - 1:
                raise _damaged(folder, f"{exc.filename} is missing") from exc
    raise AssertionError("unreachable")


def current_manifest(folder: Path) -> Manifest | None:
    """The manifest of the current generation; None when nothing was ever imported.

    Raises:
        MirrorUnavailable: `advisories-damaged`.
    """
    for attempt in range(_ATTEMPTS):
        pointer = _pointer(folder)
        try:
            return _manifest(folder, pointer) if pointer else None
        except FileNotFoundError as exc:
            if attempt == _ATTEMPTS - 1:
                raise _damaged(folder, f"{exc.filename} is missing") from exc
    raise AssertionError("unreachable")


def _open_current(folder: Path, *, allow_partial: bool) -> Mirror:
    pointer = _pointer(folder)
    if pointer is None:
        raise MirrorUnavailable("advisories-missing", f"there is no advisory mirror in {folder}")
    manifest = _manifest(folder, pointer)
    if not manifest.is_complete and not allow_partial:
        raise MirrorUnavailable(
            "advisories-partial",
            f"the advisory mirror is partial ({manifest.unreadable:,} records could not be read)",
        )
    home = folder / "generations" / pointer.generation
    with (home / "records.sqlite").open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != manifest.file_sha256:
        raise _damaged(folder, "its file has changed since the import")
    try:
        return Mirror(home, manifest)
    except sqlite3.Error as exc:
        raise _damaged(folder, str(exc)) from exc


def _pointer(folder: Path) -> Pointer | None:
    try:
        data = (folder / "current").read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise _damaged(folder, str(exc)) from exc
    try:
        pointer = msgspec.json.decode(data, type=Pointer)
    except msgspec.DecodeError as exc:
        raise _damaged(folder, f"the file `current` cannot be read: {exc}") from exc
    if "/" in pointer.generation or pointer.generation.startswith("."):
        raise _damaged(folder, "the file `current` names no generation")
    return pointer


def _manifest(folder: Path, pointer: Pointer) -> Manifest:
    data = (folder / "generations" / pointer.generation / "manifest.json").read_bytes()
    if hashlib.sha256(data).hexdigest() != pointer.manifest_sha256:
        raise _damaged(folder, "its manifest has changed since the import")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as exc:
        raise _damaged(folder, f"its manifest cannot be read: {exc}") from exc
    if manifest.schema != SCHEMA:
        raise _damaged(folder, f"its layout is {manifest.schema!r}; this version reads {SCHEMA!r}")
    return manifest


def _damaged(folder: Path, detail: str) -> MirrorUnavailable:
    return MirrorUnavailable("advisories-damaged", f"the advisory mirror in {folder} is damaged: {detail}")


def _advisory(payload: bytes) -> Advisory:
    return stored_record(zlib.decompress(payload))
