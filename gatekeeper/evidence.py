"""Evidence: what a report says, in the normalised form that rules and replay read."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from gatekeeper.canonical import digest
from gatekeeper.finding import Finding
from gatekeeper.subject import Source

SCHEMA = "gatekeeper/evidence/v1"


class Kind(StrEnum):
    """What a report is evidence of. The format fixes it, except where the format is open (SARIF)."""

    TESTS = "tests"
    COVERAGE = "coverage"
    SAST = "sast"
    SCA = "sca"
    SECRETS = "secrets"
    CONTAINER = "container"
    IAC = "iac"
    DAST = "dast"
    REVIEW = "review"
    DEFECTS = "defects"
    CHANGE = "change"


class State(StrEnum):
    """A fact of the report. Only `ok` can be counted as proof."""

    OK = "ok"
    INCOMPLETE = "incomplete"
    """It does not prove what it claims: files skipped, no data, an advisory database that is partial."""
    FAILED = "failed"
    """The tool did not finish."""
    UNREADABLE = "unreadable"


class Use(StrEnum):
    """A fact of the question: how the decision used a piece of evidence."""

    USED = "used"
    SUPERSEDED = "superseded"
    STALE = "stale"
    MISMATCHED = "mismatched"
    UNLINKED = "unlinked"
    UNTRUSTED = "untrusted"
    REUSED = "reused"


class Trust(StrEnum):
    """How far the sender can be believed; each is more than the one before."""

    CLAIMED = "claimed"
    BOUND = "bound"
    OBSERVED = "observed"


Param = int | str | tuple[str | tuple[str, int], ...]
"""A parameter of a message: a count, a word, or a list of words or (word, count) pairs."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A code with parameters; the words are rendered late, in the reader's language."""

    code: str
    params: dict[str, Param] = {}


class Problem(Message, frozen=True, kw_only=True):
    """Something about a report that a reader must know; the words stand in `messages/problems.py`."""


class Ratio(msgspec.Struct, frozen=True):
    """An exact fraction of two counts, `n` of `d`; read as a percentage 100 * n / d. `d` is at least 1."""

    n: int
    d: int

    def __post_init__(self) -> None:
        if self.d < 1 or self.n < 0:
            raise ValueError(f"a ratio needs n >= 0 and d >= 1, not {self.n}/{self.d}")


Value = int | Ratio


class Producer(msgspec.Struct, frozen=True, kw_only=True):
    """The tool that wrote the report, as the report names it."""

    name: str
    version: str | None = None


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """The advisory database a scan was made with."""

    digest: str
    records: int
    newest_at: datetime | None
    is_complete: bool


class Lines(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Line coverage of one file as sorted, disjoint, inclusive ranges: `1-5,7,9-12` ("" for none)."""

    hit: str
    miss: str


class Failure(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One failed or errored test; `message` is the first line, at most 300 characters."""

    name: str
    suite: str
    message: str
    is_error: bool = False
    """True when it broke before it could pass or fail, and counts as an error."""


class EvidenceDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`gatekeeper/evidence/v1`: everything a rule or a replay may read of one report."""

    schema: str = SCHEMA
    kind: Kind
    format: str | None
    parser: Producer
    producer: Producer | None
    produced_at: datetime | None
    state: State
    problems: tuple[Problem, ...]
    metrics: dict[str, Value]
    lines: dict[str, Lines]
    failures: tuple[Failure, ...]
    findings: tuple[Finding, ...]
    """Sorted by fingerprint, then canonical bytes."""
    database: Database | None


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """Who sent a piece of evidence and how."""

    method: str
    """`token`, `oidc`, `runner`, `human`, or `local` for files read by `evaluate`."""
    trust: Trust
    principal: str | None = None
    ref: str | None = None
    """Branch or tag: a claim, except where the trust is `bound`."""
    ref_protected: bool = False
    """True when the CI provider says so, or when only jobs of protected refs hold the token."""
    run: str | None = None
    job: str | None = None
    """The provider's name or number of the job, for people; the slot's `job` is what rules see."""
    attempt: str | None = None

    @property
    def rank(self) -> tuple[int, bool]:
        """How far this can be believed; evidence of a lower rank never supersedes one of a higher."""
        return (tuple(Trust).index(self.trust), self.ref_protected)


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A report received for a subject. `order` is the receipt's counter: newest = largest, never a clock."""

    id: str
    kind: Kind
    name: str
    job: str
    order: int
    sha256: str
    digest: str
    """Digest of the document."""
    provenance: Provenance
    received_at: datetime
    source: Source | None
    artifact: str | None
    document: EvidenceDocument
    set_id: str | None = None
    """The upload set that it came with; it only counts when that set is complete."""

    @property
    def slot(self) -> tuple[Kind, str, str]:
        """(kind, name, job): the newest evidence of a slot is current, whatever its state."""
        return (self.kind, self.name, self.job)


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence behind an earlier allowed decision: what `new`, `fixed`, `no_worse_than` compare with."""

    evidence: tuple[Evidence, ...]

    @property
    def digest(self) -> str:
        """Digest over (kind, name, job, document digest) of each piece, whatever their order."""
        return digest(sorted((str(e.kind), e.name, e.job, e.digest) for e in self.evidence))


def plain(value: Any) -> Any:
    """`value` as JSON-ready builtins with the published field names."""
    return msgspec.to_builtins(value)
