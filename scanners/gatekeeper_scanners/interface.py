"""The seam of the scanners: what a tool is, how it is asked to run, and what its report is worth.

The contract of a scanner module:
- `prepare` is a context manager around the run: it writes configuration into `job.workspace`, may start
  helpers (a loopback server) and yields the `Command`; its end tears the helpers down, however the run ended;
- it raises `CannotRun` when running would prove nothing: no file to read, no rules, no advisory database;
- it never imports, builds or executes anything of the target, and reads no configuration of the target;
- `review` looks at the report of a finished run and says what it does not prove; it never hides a finding.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from gatekeeper.evidence import Database, Kind, Param, Problem
from gatekeeper.run_record import Rating
from gatekeeper.settings import Settings
from gatekeeper_scanners.manifest import Manifest, manifest_in, tools_folder


class CannotRun(Exception):
    """The scanner would prove nothing; the run is recorded as not started, with `problem`."""

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code, params)
        self.problem = Problem(code=code, params=params)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run of one scanner."""

    target: Path
    """The folder that the user named, absolute. Read only what `files` lists; never write here."""
    source: Path
    """A private copy of the files of the target that any scanner reads, without symbolic links and
    without configuration of scanners. Shared by the scanners of one scan: do not change it."""
    files: tuple[str, ...]
    """The files of `source` that match the manifest's `files`, sorted, relative, with forward slashes."""
    workspace: Path
    """A private, empty, writable folder (0700) of this run; removed afterwards."""
    settings: Settings

    @property
    def report(self) -> Path:
        """Where the tool has to write its report."""
        return self.workspace / "report.json"


@dataclass(frozen=True, kw_only=True)
class Command:
    """How to start the tool, and what is known before it starts."""

    arguments: tuple[str, ...]
    """What follows `python -I -m <module of the manifest>`."""
    cwd: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    """Added to the scrubbed environment of the run."""
    finished_codes: frozenset[int]
    """Exit codes after which the report may be read; every other one is a crash."""
    files_seen: int
    """Files of the target that the tool should read (`sast`), or dependency lists found (`sca`)."""
    rules_digest: str | None = None
    database: Database | None = None
    placeholders: Mapping[str, Path] = field(default_factory=dict)
    """Folders to write as `{name}` in the record, beside `{source}` and `{output}`: `{"rules": folder}`."""


@dataclass(frozen=True, kw_only=True)
class Review:
    """What the tool's own report says about how much it proves."""

    report: bytes
    """The bytes to keep: as the tool wrote them, unless the scanner itself put something in (a canary)."""
    problems: tuple[Problem, ...] = ()
    ratings: Mapping[str, Rating] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """One row of the scanner table (`registry.SCANNERS`)."""

    name: str
    """Also the name of its folder `scanners/<name>/`, of its report and of its run record."""
    kind: Kind
    prepare: Callable[[Job], AbstractContextManager[Command]]
    review: Callable[[Job, Command, bytes], Review]
    """Called only after the tool finished; the bytes are the report."""
    folder: Path | None = None
    """The folder `<name>/` with manifest and requirements; None for the one that ships with Gatekeeper."""

    @property
    def manifest(self) -> Manifest:
        """What the folder says of the tool."""
        return manifest_in(self.folder or tools_folder() / self.name)
