"""What a server answers, as frozen types; a decision is `gatekeeper.decision.Decision`.

Fields that a newer server adds are ignored. Words that it may add to (kinds, states) are plain strings, so
that an old client can still show them; what it acts on (`allowed`, `state`) is compared with known values.
"""

from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from gatekeeper.decision import Decision, EvidenceInput, Inputs, Outcome, PolicyRef
from gatekeeper.evidence import Param
from gatekeeper.signoff import Records
from gatekeeper.waiver import Waiver

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    """One page of a list; `next` is the cursor of the page after it, None on the last."""

    items: tuple[Item, ...]
    next: str | None = None


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message as code and parameters; `text` is English."""

    code: str
    params: dict[str, Param] = {}
    text: str = ""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """What is released."""

    id: str
    path: str
    policy: str
    default_ref: str
    protected_refs: tuple[str, ...]
    issuer: str | None = None
    provider_id: str | None = None
    created_at: datetime


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """A report as the server received and understood it."""

    id: str
    project: str
    kind: str | None
    """None when nothing said what it is evidence of."""
    name: str
    job: str
    format: str | None = None
    state: str
    problems: tuple[Said, ...] = ()
    metrics: dict[str, int | str] = {}
    """Counts as integers, percentages as decimal strings."""
    trust: str
    ref: str | None = None
    ref_protected: bool = False
    run: str | None = None
    attempt: str | None = None
    counter: int
    sha256: str
    """Of the bytes as they arrived."""
    stored_sha256: str | None = None
    digest: str | None = None
    bytes: int
    commit: str | None = None
    tree: str | None = None
    artifact: str | None = None
    fork: str | None = None
    set: str | None = None
    part: int | None = None
    received_at: datetime
    produced_at: datetime | None = None
    is_current: bool = True
    accepted: bool
    """False for what could not be read: it stands as the newest word of its slot and fails its rules."""


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """An artifact and the source that it was built from."""

    project: str
    artifact: str
    commit: str | None = None
    tree: str
    image: str | None = None
    trust: str
    linked_at: datetime


class SetState(StrEnum):
    """Where an evidence set stands."""

    OPEN = "open"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


class EvidenceSet(msgspec.Struct, frozen=True, kw_only=True):
    """Reports that only count together."""

    project: str
    tree: str
    name: str
    run: str | None = None
    attempt: str | None = None
    parts: int | None = None
    received: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    state: SetState
    first_at: datetime | None = None
    deadline_at: datetime | None = None
    closed_at: datetime | None = None


class GateStanding(StrEnum):
    """Whether the gate can answer yet."""

    DECIDED = "decided"
    PENDING = "pending"


class GateSource(msgspec.Struct, frozen=True, kw_only=True):
    """The source that a gate speaks of."""

    tree: str | None = None
    commit: str | None = None


class GateSubject(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate speaks of."""

    project: str
    source: GateSource | None = None
    artifact: str | None = None
    ref: str | None = None


class GateReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why the gate says what it says; `rule` is None for a reason of the whole decision."""

    rule: str | None = None
    status: str | None = None
    mode: str | None = None
    """What the rule does to the decision, where the server tells it."""
    code: str
    params: dict[str, Param] = {}
    text: str = ""
    remedy: Said | None = None


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of now, which nothing has recorded. While `pending` it is no answer and never allows."""

    project: str
    stage: str
    state: GateStanding
    allowed: bool
    outcome: Outcome | None = None
    score: str | None = None
    question: str | None = None
    as_of: datetime | None = None
    valid_until: datetime | None = None
    decision: str | None = None
    policy: PolicyRef | None = None
    subject: GateSubject | None = None
    reasons: tuple[GateReason, ...] = ()
    pending: tuple[Said, ...] = ()
    retry_after_s: float | None = None

    def __post_init__(self) -> None:
        if self.allowed and (self.state is not GateStanding.DECIDED or self.outcome is None):
            raise ValueError("a gate that is not decided cannot allow")


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable version of a policy."""

    name: str
    version: int
    digest: str
    author: str = ""
    reason: str = ""
    created_at: datetime
    in_force: bool = False
    approved_by: str | None = None
    """The second person; None for what came in without one."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token; its secret is not."""

    id: str
    name: str
    scopes: tuple[str, ...]
    projects: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token with its secret, which is said once and never again."""

    token: Token
    secret: str

    def __repr__(self) -> str:
        return f"NewToken(token={self.token!r}, secret=...)"


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What a person holds on the projects that match."""

    role: str | None = None
    scopes: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """An account of a person."""

    issuer: str
    subject: str
    email: str | None = None
    email_verified: bool = False


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What was granted to a person."""

    id: str
    role: str | None = None
    scopes: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    granted_by: str = ""
    granted_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can sign."""

    id: str
    name: str
    is_active: bool
    has_totp: bool = False
    joined_into: str | None = None
    identities: tuple[Identity, ...] = ()
    grants: tuple[Grant, ...] = ()
    created_at: datetime


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A login that lasts."""

    id: str
    person: str
    ends_at: datetime


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """A session with its secret, which is said once and never again."""

    session: Session
    secret: str

    def __repr__(self) -> str:
        return f"NewSession(session={self.session!r}, secret=...)"


class Whoami(msgspec.Struct, frozen=True, kw_only=True):
    """The caller as the server sees it."""

    principal: str
    method: str
    scopes: tuple[str, ...]
    projects: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    expires_at: datetime | None = None
    person: str | None = None
    held: tuple[Held, ...] = ()


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the server can do its work now, and what time it has."""

    is_ready: bool
    says: str
    """Its own words when it is not ready."""
    date: datetime | None
    """Of its clock, to the second; None when the answer does not tell."""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """A report that arrived. `is_new` is False when the same bytes of the same run were there already."""

    evidence: Evidence
    is_new: bool


class HistoryItem(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded decision with all that a replay needs; its policy and documents are named by digest."""

    decision: Decision
    inputs: Inputs
    baseline: tuple[EvidenceInput, ...] | None = None
    waivers: tuple[Waiver, ...] = ()
    records: Records = Records()
    documents: dict[str, str] = {}
    """Digest of a document -> id of the evidence from which it can be fetched."""


class BacktestStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How far a backtest of the server is."""

    id: str
    state: str
    done: int
    of: int | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    """The JSON of `gatekeeper.policy.backtest.Backtest`; `null` until it is done."""
