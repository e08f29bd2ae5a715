"""The tables of what people sign: approvals, waivers, overrides, obligations; and of deployments."""

from datetime import datetime

from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, UniqueConstraint
from sqlmodel import Field

from gatekeeper.store.fields import optional_text, text, time
from gatekeeper.store.tables import Base


class ApprovalRow(Base, table=True):
    """A person's word on a subject; only `withdrawn_at` is ever set later."""

    __tablename__ = "approval"
    __table_args__ = (ForeignKeyConstraint(["project_id"], ["project.id"]), Index(None, "project_id", "tree"))
    id: str = text(key=True)
    project_id: str = text()
    stage: str = text()
    path: str = text()
    tree: str = text()
    artifact: str = text()
    person: str = text()
    role: str = text()
    verdict: str = text()
    shown: str = text()
    comment: str = text()
    given_at: datetime = time()
    withdrawn_at: datetime | None = time(is_optional=True)


class WaiverRow(Base, table=True):
    """An exception, asked for and perhaps granted. `covered` is empty until it is."""

    __tablename__ = "waiver"
    __table_args__ = (ForeignKeyConstraint(["project_id"], ["project.id"]), Index(None, "project_id"))
    id: str = text(key=True)
    project_id: str = text()
    stages: str = text()
    scope: str = text()
    match: str = text()
    accept: str | None = optional_text()
    reason: str = text()
    ticket: str = text()
    owner: str = text()
    requested_by: str = text()
    requested_at: datetime = time()
    expires_at: datetime = time()
    covered: str = text()
    approver: str | None = optional_text()
    approver_roles: str = text()
    granted_at: datetime | None = time(is_optional=True)
    revoked_at: datetime | None = time(is_optional=True)


class OverrideRow(Base, table=True):
    """A break-glass permission, asked for by one person and perhaps agreed to by another."""

    __tablename__ = "break_glass"
    __table_args__ = (ForeignKeyConstraint(["project_id"], ["project.id"]), Index(None, "project_id", "tree"))
    id: str = text(key=True)
    project_id: str = text()
    stage: str = text()
    tree: str = text()
    artifact: str = text()
    reason: str = text()
    hours: int = Field(sa_column=Column(Integer, nullable=False))
    asked_by: str = text()
    asked_at: datetime = time()
    agreed_by: str | None = optional_text()
    granted_at: datetime | None = time(is_optional=True)
    revoked_at: datetime | None = time(is_optional=True)


class ObligationRow(Base, table=True):
    """What is owed after an exception: one for each source and `key` of the policy."""

    __tablename__ = "obligation"
    __table_args__ = (
        ForeignKeyConstraint(["project_id"], ["project.id"]),
        UniqueConstraint("project_id", "tree", "key"),
    )
    id: str = text(key=True)
    project_id: str = text()
    tree: str = text()
    key: str = text()
    title: str = text()
    owner_role: str = text()
    decision: str = text()
    opened_at: datetime = time()
    due_at: datetime = time()
    settled_at: datetime | None = time(is_optional=True)
    settled_by: str | None = optional_text()
    comment: str = text()


class DeploymentRow(Base, table=True):
    """What was rolled out where, and how that went. Never changed."""

    __tablename__ = "deployment"
    __table_args__ = (ForeignKeyConstraint(["project_id"], ["project.id"]), Index(None, "project_id", "at"))
    id: str = text(key=True)
    project_id: str = text()
    stage: str = text()
    tree: str = text()
    commit: str = text()
    artifact: str = text()
    status: str = text()
    told_by: str = text()
    at: datetime = time()
    received_at: datetime = time()
