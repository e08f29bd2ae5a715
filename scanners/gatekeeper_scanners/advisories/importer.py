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
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path

import msgspec

from gatekeeper.errors import GatekeeperError
from gatekeeper_scanners.advisories.archive import DEFAULT_LIMITS, Archive, ArchiveLimits
from gatekeeper_scanners.advisories.manifest import Manifest, MirrorUnavailable, Pointer
from gatekeeper_scanners.advisories.records import (
    PYPI,
    Advisory,
    UnreadableRecord,
    canary,
    read_record,
    stored_record,
)
from gatekeeper_scanners.advisories.store import Mirror, current_manifest

Progress = Callable[[int, int], None]
"""Called with (members done, members in all), about every 500 members."""

_PROGRESS_STEP = 500
_NAMED = 5
"""Unreadable members named in a refusal."""

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


class ImportRefused(GatekeeperError):
    """The records would not make a mirror that can be trusted; the old one stays in use."""

    code = "import-refused"


@dataclass
class _Tally:
    """What is counted while records go by."""

    digests: dict[str, str] = field(default_factory=dict)
    withdrawn: int = 0
    undated: int = 0
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    unreadable_count: int = 0
    ecosystems: dict[str, int] = field(default_factory=dict)
    newest_at: datetime | None = None

    def add(self, advisory: Advisory, canonical: bytes, now: datetime) -> None:
        self.digests[advisory.id] = hashlib.sha256(canonical).hexdigest()
        self.withdrawn += advisory.withdrawn is not None
        for ecosystem in {ecosystem for ecosystem, _ in advisory.packages}:
            self.ecosystems[ecosystem] = self.ecosystems.get(ecosystem, 0) + 1
        at = advisory.newest_at(now)
        if at is None:
            self.undated += 1
        elif self.newest_at is None or at > self.newest_at:
            self.newest_at = at

    def refuse(self, name: str, reason: str) -> None:
        self.unreadable_count += 1
        if len(self.unreadable) < _NAMED:
            self.unreadable.append((name, reason))

    @property
    def digest(self) -> str:
        lines = (f"{name} {hexdigest}\n" for name, hexdigest in sorted(self.digests.items()))
        return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


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
            tally = _write_records(archive, building / "records.sqlite", now, progress)
            _judge(tally, previous, archive, is_partial=is_partial, allow_shrink=allow_shrink)
            manifest = _seal(building, tally, source=source, now=now, is_partial=is_partial)
            _swap(folder, building, manifest)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return manifest, tally.unreadable


def _write_records(archive: Archive, file: Path, now: datetime, progress: Progress | None) -> _Tally:
    tally = _Tally()
    db = sqlite3.connect(file)
    try:
        db.executescript(_SCHEMA)
        own = canary(now)
        for number, (advisory, canonical) in enumerate(
            chain([(stored_record(own), own)], _readable(archive, now, tally, progress))
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
    return tally


def _readable(
    archive: Archive, now: datetime, tally: _Tally, progress: Progress | None
) -> Iterator[tuple[Advisory, bytes]]:
    for done, member in enumerate(archive.members(), start=1):
        if progress is not None and (done % _PROGRESS_STEP == 0 or done == archive.count):
            progress(done, archive.count)
        if member.refused:
            tally.refuse(member.name, member.refused)
            continue
        try:
            advisory, canonical = read_record(member.data)
        except UnreadableRecord as exc:
            tally.refuse(member.name, str(exc))
            continue
        if advisory.id in tally.digests:
            tally.refuse(member.name, f"the id {advisory.id} was already in the archive")
            continue
        tally.add(advisory, canonical, now)
        yield advisory, canonical


def _judge(
    tally: _Tally, previous: Manifest | None, archive: Archive, *, is_partial: bool, allow_shrink: bool
) -> None:
    if tally.unreadable_count and not is_partial:
        named = "; ".join(f"{name}: {reason}" for name, reason in tally.unreadable)
        raise ImportRefused(
            f"{tally.unreadable_count:,} of {archive.count:,} files cannot be read: {named}",
            hint="get the file again; --partial imports the rest, for `evaluate` only",
        )
    if not tally.ecosystems.get(PYPI):
        raise ImportRefused(
            f"{archive.path.name} holds {len(tally.digests):,} OSV records and none of them for {PYPI}",
            hint="give the OSV export of the ecosystem PyPI: one JSON file per advisory",
        )
    if tally.newest_at is None:
        raise ImportRefused(
            "no record has a date that can be used: all are unreadable or later than now",
            hint="check the clock of this machine",
        )
    if previous is None or not previous.is_complete or allow_shrink:
        return
    if is_partial:
        raise ImportRefused(
            "a partial import would replace a complete mirror", hint="add --allow-shrink if that is meant"
        )
    for ecosystem, before in sorted(previous.ecosystems.items()):
        after = tally.ecosystems.get(ecosystem, 0)
        if after * 10 < before * 9:
            raise ImportRefused(
                f"{after:,} records for {ecosystem}, the mirror in use has {before:,}: more than 10 % fewer",
                hint="get the file again, or add --allow-shrink if that is meant",
            )


def _seal(building: Path, tally: _Tally, *, source: Path, now: datetime, is_partial: bool) -> Manifest:
    file = building / "records.sqlite"
    with file.open("rb") as stream:
        file_sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    manifest = Manifest(
        source=source.resolve().name,
        digest=tally.digest,
        records=len(tally.digests),
        withdrawn=tally.withdrawn,
        unreadable=tally.unreadable_count,
        undated=tally.undated,
        newest_at=tally.newest_at,
        ecosystems=dict(sorted(tally.ecosystems.items())),
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
        _fsync(building / name)
    _fsync(building)
    name = f"{manifest.imported_at:%Y%m%dT%H%M%S}-{building.name.removeprefix('.building-')}"
    manifest_sha256 = hashlib.sha256((building / "manifest.json").read_bytes()).hexdigest()
    building.rename(generations / name)
    _fsync(generations)
    before = _named_by(folder / "current")
    fresh = folder / f".current-{secrets.token_hex(8)}"
    fresh.write_bytes(msgspec.json.encode(Pointer(generation=name, manifest_sha256=manifest_sha256)))
    _fsync(fresh)
    fresh.replace(folder / "current")
    _fsync(folder)
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


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
