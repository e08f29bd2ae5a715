"""What the runner of a scanner saw: it travels with the report, and is evidence even without one."""

from datetime import datetime
from enum import StrEnum

import msgspec

from gatekeeper.evidence import Database, Kind, Problem
from gatekeeper.finding import Severity

SCHEMA = "gatekeeper/run/v1"


class Ending(StrEnum):
    """How the process ended. Only `finished` can be followed by a usable report."""

    FINISHED = "finished"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    OUTPUT_LIMIT = "output-limit"
    MEMORY_LIMIT = "memory-limit"
    NOT_STARTED = "not-started"


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """What the advisory database says of one advisory, for reports that leave the severity out."""

    severity: Severity
    cvss: str | None = None
    """Base score as a decimal string."""
    aliases: tuple[str, ...] = ()


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one scanner. Written as `<tool>.run.json` beside the report `<tool>.json`."""

    schema: str = SCHEMA
    tool: str
    tool_version: str | None
    kind: Kind
    argv: tuple[str, ...]
    """The command without folders of this machine: `{target}`, `{output}`, `{rules}` stand for them."""
    requirements_digest: str
    """Digest of the tool's pinned requirement file."""
    rules_digest: str | None
    started_at: datetime
    duration_ms: int
    ending: Ending
    exit_code: int | None
    report: str | None
    """File name of the report beside this record."""
    report_sha256: str | None
    files_seen: int | None
    """Files of the target that the tool should have read (`sast`) or dependency lists found (`sca`)."""
    excludes: tuple[str, ...] = ()
    """Names of folders that were left out at any depth."""
    problems: tuple[Problem, ...] = ()
    database: Database | None = None
    ratings: dict[str, Rating] = {}
    """By advisory id as the report writes it."""
    stderr_tail: str = ""
    """The last 4,000 characters, control characters removed."""
