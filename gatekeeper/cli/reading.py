"""Opens the given files and hands their bytes to the readers and the run record decoder."""

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from gatekeeper.canonical import digest_of_bytes
from gatekeeper.cli.files import Given
from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import Kind
from gatekeeper.reports.interface import KindMismatch, Report
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.run_records import MAX_RECORD_BYTES, record_from
from gatekeeper.reports.source import ReportSource
from gatekeeper.run_record import RunRecord


class FileUnreadable(GatekeeperError):
    """The file exists, and the system does not let us read it."""

    code = "file-unreadable"


@dataclass(frozen=True, kw_only=True)
class ReadReport:
    """A report with the digest and size of its bytes."""

    given: Given
    report: Report
    sha256: str
    size_bytes: int


def read(given: Given, *, format_name: str | None = None, kind: Kind | None = None) -> ReadReport:
    """What the file says. Its content never raises: it is `unreadable` then.

    Raises:
        FileUnreadable: no permission, a device error.
        KindMismatch: it is not evidence of `kind`.
    """
    with _opened(given) as stream:
        name = given.path.name if given.path is not None else ""
        source = ReportSource(stream, name=name, limits=DEFAULT_LIMITS)
        try:
            report = read_report(source, format_name=format_name, kind=kind)
        except KindMismatch as error:
            raise KindMismatch(f"{given.job}: {error.message}", hint=error.hint) from error
        return ReadReport(given=given, report=report, sha256=source.sha256(), size_bytes=source.size_bytes)


def read_record(given: Given) -> tuple[RunRecord, str]:
    """The run record in the file, and the SHA-256 of its bytes in hex.

    Raises:
        FileUnreadable: no permission, a device error.
        RecordRefused: it is not a run record, or one of another version.
    """
    with _opened(given) as stream:
        data = stream.read(MAX_RECORD_BYTES + 1)
    return record_from(data, place=given.job), digest_of_bytes(data).removeprefix("sha256:")


@contextmanager
def _opened(given: Given) -> Iterator[BinaryIO]:
    """A seekable stream of the file; pipes and standard input go through memory, up to the limit."""
    try:
        if given.path is None:
            yield _in_memory(sys.stdin.buffer)
            return
        with given.path.open("rb") as stream:
            before = os.fstat(stream.fileno())
            mode = before.st_mode
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                # /dev/zero says that it is empty and can be read for ever.
                raise FileUnreadable(f"{given.job} is a device, not a report", hint="name a file, or -")
            if not stat.S_ISREG(mode):
                yield _in_memory(stream)
                return
            yield stream
            after = os.fstat(stream.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                # It is read for its content and again for its digest: both must be of the same bytes.
                raise FileUnreadable(
                    f"{given.job} changed while it was read", hint="wait until its tool has finished"
                )
    except OSError as error:
        raise FileUnreadable(
            f"{given.job} cannot be read: {error.strerror or error}", hint="check the permissions of the file"
        ) from error


def _in_memory(stream: BinaryIO) -> BinaryIO:
    return io.BytesIO(stream.read(DEFAULT_LIMITS.max_bytes + 1))
