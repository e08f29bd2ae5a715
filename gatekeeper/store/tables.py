"""The tables. Rows are not the domain: they are read and written in this package and never leave it.

`None` is avoided in keys (a NULL equals nothing, so it makes nothing unique): an absent artifact is "".
"""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    UniqueConstraint,
    true,
)
from sqlmodel import Field, SQLModel

from gatekeeper.store.columns import UtcTime
from gatekeeper.store.fields import big as _big
from gatekeeper.store.fields import content as _bytes
from gatekeeper.store.fields import optional_text as _optional_text
from gatekeeper.store.fields import text as _text
from gatekeeper.store.fields import time as _time

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
APPEND_ONLY = ("receipt", "build", "decision", "policy_version")
"""Tables whose rows are never changed or deleted; triggers of the migrations refuse it."""
NEVER_EDITED = ("ledger_outbox",)
"""Rows may only be taken away, by the sequencer that moves them into the ledger."""


class Base(SQLModel):
    """All tables of the server."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=NAMING)


class ProjectRow(Base, table=True):
    """`counter` is that of the newest receipt; locking this row orders all writes of a project.

    `generation` moves with what concerns every subject of the project, such as a waiver.
    """

    __tablename__ = "project"
    __table_args__ = (UniqueConstraint("path"), UniqueConstraint("issuer", "provider_id"))
    id: str = _text(key=True)
    path: str = _text()
    policy: str = _text()
    policy_digest: str | None = _optional_text()
    is_assigned: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=true()))
    default_ref: str = _text()
    protected_refs: str = _text()
    issuer: str | None = _optional_text()
    provider_id: str | None = _optional_text()
    counter: int = _big(default="0")
    generation: int = _big(default="0")
    created_at: datetime = _time()


class CommitRow(Base, table=True):
    """Which tree a commit has. `is_proven` when the commit object itself was shown."""

    __tablename__ = "source_commit"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["project.id"]),
        Index(None, "project_id", "tree"),
    )
    project_id: str = _text(key=True)
    commit: str = _text(key=True)
    tree: str = _text()
    is_proven: bool
    created_at: datetime = _time()


class BuildRow(Base, table=True):
    """An artifact and the one source that it was built from."""

    __tablename__ = "build"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["project.id"]),
        Index(None, "project_id", "tree"),
    )
    project_id: str = _text(key=True)
    artifact: str = _text(key=True)
    tree: str = _text()
    commit: str = _text()
    image: str | None = _optional_text()
    provenance: str = _text()
    linked_at: datetime = _time()


class RevisionRow(Base, table=True):
    """How often what is known of a subject changed. `key` is `t:<tree>` or `a:<artifact>`."""

    __tablename__ = "subject_revision"
    __table_args__ = (ForeignKeyConstraint(["project_id"], ["project.id"]),)
    project_id: str = _text(key=True)
    key: str = _text(key=True)
    revision: int = _big()
    changed_at: datetime = _time()


class SetRow(Base, table=True):
    """An upload set; its parts are the receipts that name it."""

    __tablename__ = "evidence_set"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["project.id"]),
        UniqueConstraint("project_id", "tree", "name", "sender", "run", "attempt"),
    )
    id: str = _text(key=True)
    project_id: str = _text()
    tree: str = _text()
    name: str = _text()
    sender: str = _text()
    run: str = _text()
    attempt: str = _text()
    parts: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    first_at: datetime = _time()
    deadline_at: datetime = _time()
    closed_at: datetime | None = _time(is_optional=True)


class ReceiptRow(Base, table=True):
    """One arrival; see `gatekeeper.receipt.Receipt`."""

    __tablename__ = "receipt"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["project.id"]),
        ForeignKeyConstraint(["set_id"], ["evidence_set.id"]),
        UniqueConstraint("project_id", "counter"),
        Index(None, "project_id", "tree", "counter"),
        Index(None, "project_id", "artifact", "counter"),
        Index(None, "project_id", "sha256"),
        Index(None, "set_id"),
    )
    id: str = _text(key=True)
    project_id: str = _text()
    counter: int = _big()
    kind: str | None = _optional_text()
    name: str = _text()
    job: str = _text()
    format: str | None = _optional_text()
    tree: str = _text()
    commit: str = _text()
    artifact: str = _text()
    fork: str | None = _optional_text()
    set_id: str | None = _optional_text()
    part: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    sha256: str = _text()
    stored_sha256: str | None = _optional_text()
    record_sha256: str | None = _optional_text()
    size_bytes: int = _big()
    document_digest: str | None = _optional_text()
    state: str = _text()
    problems: str = _text()
    metrics: str = _text()
    producer: str | None = _optional_text()
    produced_at: datetime | None = _time(is_optional=True)
    received_at: datetime = _time()
    method: str = _text()
    trust: str = _text()
    principal: str = _text()
    ref: str | None = _optional_text()
    ref_protected: bool
    run: str = _text()
    provider_job: str | None = _optional_text()
    attempt: str = _text()


class SlotRow(Base, table=True):
    """The current receipt of a slot, and the newest, which differs while it is believed less."""

    __tablename__ = "slot"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["project.id"]),
        ForeignKeyConstraint(["current_id"], ["receipt.id"]),
        ForeignKeyConstraint(["newest_id"], ["receipt.id"]),
        Index(None, "project_id", "artifact"),
    )
    project_id: str = _text(key=True)
    tree: str = _text(key=True)
    artifact: str = _text(key=True)
    kind: str = _text(key=True)
    name: str = _text(key=True)
    job: str = _text(key=True)
    current_id: str = _text()
    newest_id: str = _text()


class PolicyVersionRow(Base, table=True):
    """An immutable version of a policy."""

    __tablename__ = "policy_version"
    name: str = _text(key=True)
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    digest: str = _text()
    text: bytes = _bytes()
    author: str = _text()
    reason: str = _text()
    created_at: datetime = _time()
    approved_by: str | None = _optional_text()
    draft: str | None = _optional_text()
    backtest: str | None = _optional_text()


class DecisionRow(Base, table=True):
    """A recorded decision; `inputs` and `body` are zstd frames."""

    __tablename__ = "decision"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["project.id"]),
        Index(None, "project_id", "stage", "recorded_at"),
        Index(None, "project_id", "tree", "stage"),
        Index(None, "project_id", "artifact", "stage"),
    )
    id: str = _text(key=True)
    project_id: str = _text()
    stage: str = _text()
    path: str = _text()
    tree: str = _text()
    commit: str = _text()
    artifact: str = _text()
    question: str = _text()
    policy_name: str = _text()
    policy_version: int = Field(sa_column=Column(Integer, nullable=False))
    policy_digest: str = _text()
    baseline_digest: str = _text()
    revision: str = _text()
    outcome: str = _text()
    allowed: bool
    score: str | None = _optional_text()
    is_protected: bool
    as_baseline: str = _text()
    as_of: datetime = _time()
    valid_until: datetime = _time()
    inputs: bytes = _bytes()
    body: bytes = _bytes()
    asked_by: str = _text()
    recorded_at: datetime = _time()


class StageStateRow(Base, table=True):
    """The two newest baselines of different sources: no source is measured against itself."""

    __tablename__ = "stage_state"
    __table_args__ = (ForeignKeyConstraint(["project_id"], ["project.id"]),)
    project_id: str = _text(key=True)
    stage: str = _text(key=True)
    newest_tree: str = _text()
    newest_decision: str = _text()
    newest_digest: str = _text()
    other_decision: str = _text()
    other_digest: str = _text()


class GateStateRow(Base, table=True):
    """The answer of a gate query. `is_current` falls with any write to the subject."""

    __tablename__ = "gate_state"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["project.id"]),
        Index(None, "project_id", "tree"),
        Index(None, "project_id", "artifact"),
    )
    project_id: str = _text(key=True)
    stage: str = _text(key=True)
    key: str = _text(key=True)
    tree: str = _text()
    artifact: str = _text()
    commit: str = _text()
    policy_digest: str = _text()
    baseline_digest: str = _text()
    as_of: datetime = _time()
    valid_until: datetime = _time()
    decision_id: str | None = _optional_text()
    allowed: bool
    is_current: bool
    generation: int = _big(default="0")
    body: bytes = _bytes()


class EvaluationDueRow(Base, table=True):
    """A subject to be judged again, written with the change that makes it necessary."""

    __tablename__ = "evaluation_due"
    __table_args__ = (ForeignKeyConstraint(["project_id"], ["project.id"]), Index(None, "due_at"))
    project_id: str = _text(key=True)
    key: str = _text(key=True)
    due_at: datetime = Field(sa_column=Column(UtcTime, primary_key=True, autoincrement=False))


class TokenRow(Base, table=True):
    """A bearer token; its secret is known only as a digest."""

    __tablename__ = "token"
    id: str = _text(key=True)
    name: str = _text()
    sha256: str = _text()
    scopes: str = _text()
    projects: str = _text()
    refs: str = _text()
    kinds: str = _text()
    created_by: str = _text()
    is_bootstrap: bool
    created_at: datetime = _time()
    expires_at: datetime = _time()
    revoked_at: datetime | None = _time(is_optional=True)
    last_used_at: datetime | None = _time(is_optional=True)


class TrackedFindingRow(Base, table=True):
    """A finding of a released ref over time."""

    __tablename__ = "tracked_finding"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["project.id"]),
        Index(None, "project_id", "fixed_at", "kind", "severity"),
    )
    project_id: str = _text(key=True)
    kind: str = _text(key=True)
    name: str = _text(key=True)
    job: str = _text(key=True)
    fingerprint: str = _text(key=True)
    rule: str = _text()
    title: str = _text()
    severity: str = _text()
    path: str | None = _optional_text()
    line: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    package: str | None = _optional_text()
    version: str | None = _optional_text()
    advisories: str = _text()
    first_seen_at: datetime = _time()
    last_seen_at: datetime = _time()
    fixed_at: datetime | None = _time(is_optional=True)


class FindingAdvisoryRow(Base, table=True):
    """Which findings an advisory id or alias names: the index behind "who has this CVE?"."""

    __tablename__ = "finding_advisory"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "kind", "name", "job", "fingerprint"],
            [
                "tracked_finding.project_id",
                "tracked_finding.kind",
                "tracked_finding.name",
                "tracked_finding.job",
                "tracked_finding.fingerprint",
            ],
        ),
    )
    advisory: str = _text(key=True)
    project_id: str = _text(key=True)
    kind: str = _text(key=True)
    name: str = _text(key=True)
    job: str = _text(key=True)
    fingerprint: str = _text(key=True)


class FindingSummaryRow(Base, table=True):
    """Open tracked findings by severity: what metrics read."""

    __tablename__ = "finding_summary"
    __table_args__ = (ForeignKeyConstraint(["project_id"], ["project.id"]),)
    project_id: str = _text(key=True)
    kind: str = _text(key=True)
    severity: str = _text(key=True)
    open: int = _big()


class DecisionCountRow(Base, table=True):
    """Recorded decisions by outcome, counted as they are made: what metrics read."""

    __tablename__ = "decision_count"
    __table_args__ = (ForeignKeyConstraint(["project_id"], ["project.id"]),)
    project_id: str = _text(key=True)
    stage: str = _text(key=True)
    outcome: str = _text(key=True)
    count: int = _big()
    score: str | None = _optional_text()
    recorded_at: datetime = _time()


class LedgerOutboxRow(Base, table=True):
    """An event on its way into the ledger, written in the transaction of what it tells."""

    __tablename__ = "ledger_outbox"
    id: int | None = Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )
    event: str = _text()
    project_id: str | None = _optional_text()
    actor: str = _text()
    at: datetime = _time()
    subject: str = _text()
    payload_sha256: str = _text()
    payload_size: int = _big()
