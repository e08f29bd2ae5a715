"""What the use cases need from outside, as Protocols; `api` and `worker` put the real parts in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gatekeeper.evidence import EvidenceDocument, Kind, Problem


class Blobs(Protocol):
    """Content-addressed bytes. What `put` has returned for is on the disk (or in S3) and stays."""

    def put(self, data: bytes) -> str:
        """Keep `data`; its SHA-256 in hex. Keeping the same bytes again writes nothing.

        Raises:
            Unavailable: the store is full, gone or closed to us; nothing counts as kept.
        """
        ...

    def put_file(self, path: Path, sha256: str) -> None:
        """Keep the bytes of the file, whose SHA-256 is `sha256`; never loads them whole.

        Raises:
            Unavailable: as `put`.
        """
        ...

    def get(self, sha256: str) -> bytes | None:
        """The bytes; None when they are not there.

        Raises:
            Unavailable: the store cannot be read, or what it holds has another digest.
        """
        ...

    def check(self) -> None:
        """Raise Unavailable when nothing could be written now."""
        ...


@dataclass(frozen=True, kw_only=True)
class ParseTask:
    """One upload to understand: a report, its run's record, or both, in files that the caller removes."""

    report: Path | None
    report_name: str
    """The file name as sent; it only breaks ties in detection."""
    record: Path | None
    """The runner's record (`gatekeeper/run/v1`) that came with it."""
    name: str
    job: str
    format_name: str | None
    kind: Kind | None


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """What a child process understood. `kind` is None when nothing says what the report is evidence of."""

    kind: Kind | None
    document: EvidenceDocument | None
    """None only when `kind` is None."""
    document_bytes: bytes
    """The canonical bytes of `document`, those behind `digest`; empty without one."""
    digest: str
    """`sha256:<hex>` of `document_bytes`; empty without one."""
    stored: Path | None
    """For secrets: a file with the redacted bytes that are kept instead of the report. The caller removes it.

    Without a `kind` it may still be a report of secrets: then nothing of it may be kept.
    """
    format: str | None = None
    """The format that was found; None when none was."""
    problems: tuple[Problem, ...] = ()
    """Those of `document`; without one, why there is none."""


class Parser(Protocol):
    """Reads reports away from the event loop, within limits of memory and time."""

    def parse(self, task: ParseTask) -> Parsed:
        """What the upload says. Content never raises: hostile, slow or huge is state `unreadable`.

        Raises:
            KindMismatch, UnknownFormat: as `reports.registry.read_report`.
            Unavailable: every child is busy for longer than the limit, the pool is closed, or the files of
                the task cannot be read.
        """
        ...


class Jobs(Protocol):
    """The five-method port of the job engine. Jobs run at least once; their effects are keyed."""

    def enqueue(self, name: str, key: str, argument: str = "") -> str:
        """Queue the job `name`; while one with the same `key` waits, nothing is added. Its id."""
        ...

    def cancel(self, job_id: str) -> None:
        """Stop it before it starts; a running job ends by itself."""
        ...

    def status(self, job_id: str) -> str:
        """`queued`, `running`, `done`, `failed`, `cancelled` or `unknown`."""
        ...

    def progress(self, job_id: str) -> str | None:
        """What the job last said of itself."""
        ...

    def schedule(self, name: str, every_s: int) -> None:
        """Queue the job `name` again and again."""
        ...


Clock = Callable[[], datetime]
