"""What `submit` sends: each report with the record of its run, its slot, and its place in a set."""

import hashlib
import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.cli.files import Given
from gatekeeper.cli.identity import Identity
from gatekeeper.cli.reading import FileUnreadable
from gatekeeper.client.body import FileContent
from gatekeeper.client.upload import ReportFile
from gatekeeper.errors import UsageError
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.run_records import MAX_RECORD_BYTES, RecordRefused, record_from
from gatekeeper.run_record import RunRecord

_PART = re.compile(r"([1-9][0-9]{0,4})(?:/([1-9][0-9]{0,4}))?")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of evidence to send: a report, with the record of its run or without, or a record alone."""

    given: Given
    report: ReportFile | None
    record: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a piece stands in a set."""

    set: str
    part: str
    attempt: str | None


def pieces_of(files: Sequence[Given]) -> tuple[list[Piece], list[tuple[Given, str]]]:
    """What can be sent, in the order of the files, and what cannot, with the reason.

    A record goes with the report whose bytes it names; of several copies with the one beside it, else with
    each. One that finds none goes alone: a scanner ran and its report is gone, which is evidence too.
    """
    reports: list[tuple[Given, ReportFile]] = []
    records: list[tuple[Given, bytes, RunRecord]] = []
    refused: list[tuple[Given, str]] = []
    for given in files:
        try:
            if given.is_record:
                data = _bytes_of(given, MAX_RECORD_BYTES)
                records.append((given, data, record_from(data, place=given.job)))
            else:
                reports.append((given, report_file(given)))
        except (FileUnreadable, RecordRefused) as error:
            refused.append((given, error.message))
    owned: dict[str, bytes] = {}
    alone = []
    for given, data, record in records:
        owners = [one.job for one, report in reports if report.sha256 == record.report_sha256]
        beside = [job for job in owners if job == _beside(given, record)]
        free = [job for job in beside or owners if job not in owned]
        owned |= dict.fromkeys(free, data)
        if not free:
            alone.append(Piece(given=given, report=None, record=data))
    together = [Piece(given=one, report=report, record=owned.get(one.job)) for one, report in reports]
    return sorted([*together, *alone], key=lambda piece: piece.given.job), refused


def report_file(given: Given) -> ReportFile:
    """The file with its digest; pipes and standard input are read into memory.

    Raises:
        FileUnreadable: it cannot be read, is a device, or is larger than a report may be.
    """
    size = _regular_size(given)
    if given.path is None or size is None:
        data = _bytes_of(given, DEFAULT_LIMITS.max_bytes)
        return ReportFile(content=data, name=_name(given), sha256=hashlib.sha256(data).hexdigest())
    try:
        with given.path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(given, error) from error
    return ReportFile(content=FileContent(path=given.path, size_bytes=size), name=_name(given), sha256=sha256)


def slot_job(job: str | None, given: Given) -> str:
    """`test:unit:reports/junit.xml`: two files of one job, or of two jobs, never replace each other."""
    return f"{job}:{given.job}" if job else given.job


def places(
    pieces: Sequence[Piece], *, name: str | None, part: str | None, about: Identity, attempt: str | None
) -> list[Place | None]:
    """The place of each piece in its set; None for one file that nobody put into a set.

    Several files are one set, so that a run which dies midway leaves an incomplete one. Its name comes from
    the job and the files: doing the same again fills the same set. The parts of a set that was named may come
    from jobs with attempts of their own, so the attempt counts only when it was given (`attempt`).

    Raises:
        UsageError: `part` is none, is out of range, or has no set.
    """
    if name is None:
        if part is not None:
            raise UsageError(f"--part {part} of which set?", hint="--set names it")
        if len(pieces) < 2:
            return [None] * len(pieces)
        name, attempt = _set_name(pieces, about), about.attempt
    elif part is None:
        part = about.part
    return [Place(set=name, part=one, attempt=attempt) for one in _parts(part, len(pieces))]


def _parts(part: str | None, count: int) -> list[str]:
    """The parts that `count` files are, when all of them together are `part`.

    Part 2 of 5 with two files gives 3/10 and 4/10: every part of such a set has as many files.
    """
    if part is None:
        return [f"{index}/{count}" for index in range(1, count + 1)]
    found = _PART.fullmatch(part)
    if not found or (found[2] and int(found[1]) > int(found[2])):
        raise UsageError(f"--part {part!r} is not such as 2/5, or 2 while the number of parts is not known")
    index, total = int(found[1]), int(found[2]) if found[2] else None
    if count == 1:
        return [part]
    if total is None:
        raise UsageError(
            f"--part {part} stands for one file, and {count} are given", hint=f"write it as {part}/TOTAL"
        )
    first = (index - 1) * count
    return [f"{first + own}/{total * count}" for own in range(1, count + 1)]


def _set_name(pieces: Sequence[Piece], about: Identity) -> str:
    words = "\0".join([about.job or "", *(piece.given.job for piece in pieces)])
    return f"files-{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def _beside(given: Given, record: RunRecord) -> str:
    folder, slash, _ = given.job.rpartition("/")
    return f"{folder}{slash}{record.report}" if record.report else ""


def _name(given: Given) -> str:
    return given.path.name if given.path is not None else "stdin"


def _regular_size(given: Given) -> int | None:
    """The size of a plain file; None for a pipe or standard input."""
    if given.path is None:
        return None
    try:
        found = given.path.stat()
    except OSError as error:
        raise _unreadable(given, error) from error
    if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
        raise FileUnreadable(f"{given.job} is a device, not a report")
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _bytes_of(given: Given, limit: int) -> bytes:
    try:
        if given.path is None:
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(os.fspath(given.path)).open("rb") as stream:
                data = stream.read(limit + 1)
    except OSError as error:
        raise _unreadable(given, error) from error
    if len(data) > limit:
        raise FileUnreadable(f"{given.job} is larger than {limit:,} bytes")
    return data


def _unreadable(given: Given, error: OSError) -> FileUnreadable:
    return FileUnreadable(f"{given.job} cannot be read: {error.strerror or error}")
