"""One import: read all records, build a new generation beside the old one, then swap.

1. Take the lock; other imports wait.
2. Write every record into a new SQLite file in `generations/.building-*`.
3. Judge the whole: unreadable members, no records, a shrink, the canary not found. A refusal leaves no trace.
4. fsync, rename to its final name, fsync the folders.
5. Rename the new `current` over the old one: before it readers see the old mirror, after it the new one.
6. Remove generations that are neither current nor the one before.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path

import msgspec

from gatekeeper_scanners.advisories.archive import DEFAULT_LIMITS, Archive, ArchiveLimits
from gatekeeper_scanners.advisories.census import Census, ImportRefused, judge
from gatekeeper_scanners.advisories.manifest import Manifest, MirrorUnavailable, Pointer
from gatekeeper_scanners.advisories.records import (
    Advisory,
    UnreadableRecord,
    canary,
    read_record,
    stored_record,
)
from gatekeeper_scanners.advisories.store import Mirror, current_manifest
from gatekeeper_scanners.durable import sync

Progress = Callable[[int, int], None]
"""Called with (members done, members in all), about every 500 members."""

_PROGRESS_STEP = 500

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA page_size = 8192;
CREATE TABLE record (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payload BLOB NOT NULL);
CREATE TABLE affects (
    ecosystem TEXT, name TEXT, number INTEGER, PRIMARY KEY (ecosystem, name, number)
) WITHOUT ROWID;
CREATE TABLE alias (alias TEXT, number INTEGER, PRIMARY KEY (alias, number)) WITHOUT ROWID;
"""


def import_advisories(
    source: Path,
    folder: Path,
    *,
    now: datetime,
    is_partial: bool = False,
    allow_shrink: bool = False,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
    limits: ArchiveLimits = DEFAULT_LIMITS,
) -> tuple[Manifest, list[tuple[str, str]]]:
    """The manifest of the new current generation of `folder`, and the first unreadable members with reasons.

    `waiting` is called once when another import holds the lock.

    Raises:
        ArchiveRefused: `source` is not a zip file or folder that can be read safely.
        ImportRefused: the records do not make a mirror to be trusted. The old mirror stays as it was.
        OSError: the disk is full or the folder cannot be written. The same holds.
    """
    with Archive(source, limits=limits) as archive, _locked(folder, waiting):
        previous = _previous(folder)
        building = folder / "generations" / f".building-{secrets.token_hex(8)}"
        building.mkdir(parents=True)
        try:
            census = _write_records(archive, building / "records.sqlite", now, progress)
            judge(census, previous, archive, is_partial=is_partial, allow_shrink=allow_shrink)
            manifest = _seal(building, census, source=source, now=now, is_partial=is_partial)
            _swap(folder, building, manifest)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return manifest, census.unreadable


def _write_records(archive: Archive, file: Path, now: datetime, progress: Progress | None) -> Census:
    census = Census()
    db = sqlite3.connect(file)
    try:
        db.executescript(_SCHEMA)
        own = canary(now)
        for number, (advisory, canonical) in enumerate(
            chain([(stored_record(own), own)], _readable(archive, now, census, progress))
        ):
            db.execute(
                "INSERT INTO record VALUES (?, ?, ?)", (number, advisory.id, zlib.compress(canonical, 3))
            )
            db.executemany(
                "INSERT INTO affects VALUES (?, ?, ?)",
                [(ecosystem, name, number) for ecosystem, name in sorted(advisory.packages)],
            )
            db.executemany(
                "INSERT INTO alias VALUES (?, ?)",
                [(alias, number) for alias in sorted(set(advisory.aliases or ()))],
            )
        db.commit()
    except sqlite3.Error as exc:
        raise ImportRefused(f"the new mirror cannot be written: {exc}", hint="check the free space") from exc
    finally:
        db.close()
    return census


def _readable(
    archive: Archive, now: datetime, census: Census, progress: Progress | None
) -> Iterator[tuple[Advisory, bytes]]:
    for done, member in enumerate(archive.members(), start=1):
        if progress is not None and (done % _PROGRESS_STEP == 0 or done == archive.count):
            progress(done, archive.count)
        if member.refused:
            census.refuse(member.name, member.refused)
            continue
        try:
            advisory, canonical = read_record(member.data)
        except UnreadableRecord as exc:
            census.refuse(member.name, str(exc))
            continue
        if advisory.id in census.digests:
            census.refuse(member.name, f"the id {advisory.id} was already in the archive")
            continue
        census.add(advisory, canonical, now)
        yield advisory, canonical


def _seal(building: Path, census: Census, *, source: Path, now: datetime, is_partial: bool) -> Manifest:
    file = building / "records.sqlite"
    with file.open("rb") as stream:
        file_sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    manifest = Manifest(
        source=source.resolve().name,
        digest=census.digest,
        records=len(census.digests),
        withdrawn=census.withdrawn,
        unreadable=census.unreadable_count,
        undated=census.undated,
        newest_at=census.newest_at,
        ecosystems=dict(sorted(census.ecosystems.items())),
        is_complete=not is_partial,
        imported_at=now,
        file_sha256=file_sha256,
    )
    (building / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))
    with Mirror(building, manifest) as mirror:
        if not mirror.finds_canary():
            raise ImportRefused(
                "the canary advisory is not found in the new mirror", hint="report this fault"
            )
    return manifest


def _swap(folder: Path, building: Path, manifest: Manifest) -> None:
    generations = building.parent
    for name in ("records.sqlite", "manifest.json"):
        sync(building / name)
    sync(building)
    name = f"{manifest.imported_at:%Y%m%dT%H%M%S}-{building.name.removeprefix('.building-')}"
    manifest_sha256 = hashlib.sha256((building / "manifest.json").read_bytes()).hexdigest()
    building.rename(generations / name)
    sync(generations)
    before = _named_by(folder / "current")
    fresh = folder / f".current-{secrets.token_hex(8)}"
    fresh.write_bytes(msgspec.json.encode(Pointer(generation=name, manifest_sha256=manifest_sha256)))
    sync(fresh)
    fresh.replace(folder / "current")
    sync(folder)
    _prune(folder, keep={name, before})


def _prune(folder: Path, *, keep: set[str]) -> None:
    # The generation before stays: a reader may have read its name a moment ago. One that is open already
    # outlives its removal, for POSIX keeps the file until it is closed.
    for generation in (folder / "generations").iterdir():
        if generation.name not in keep:
            shutil.rmtree(generation, ignore_errors=True)
    for left in folder.glob(".current-*"):
        left.unlink(missing_ok=True)


def _previous(folder: Path) -> Manifest | None:
    try:
        return current_manifest(folder)
    except MirrorUnavailable:
        return None  # A damaged mirror cannot be compared with; importing again is how it is mended.


def _named_by(pointer: Path) -> str:
    try:
        return msgspec.json.decode(pointer.read_bytes(), type=Pointer).generation
    except (OSError, msgspec.DecodeError):
        return ""


@contextmanager
def _locked(folder: Path, waiting: Callable[[], None] | None) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
