"""The tables of policies on their way: drafts, versions that wait for their time, and whom they apply to."""

from datetime import datetime

from sqlalchemy import Column, Index, Integer
from sqlmodel import Field

from gatekeeper.store.fields import big, content, optional_text, time
from gatekeeper.store.fields import text as _text
from gatekeeper.store.tables import Base


class PolicyDraftRow(Base, table=True):
    """A version to be; see `gatekeeper.policy_draft.PolicyDraft`."""

    __tablename__ = "policy_draft"
    __table_args__ = (Index(None, "policy"),)
    id: str = _text(key=True)
    policy: str = _text()
    based_on: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    revision: int = big()
    state: str = _text()
    text: bytes = content()
    checked: str = _text()
    reason: str = _text()
    in_force_from: datetime | None = time(is_optional=True)
    authors: str = _text()
    created_at: datetime = time()
    changed_at: datetime = time()
    judged_by: str | None = optional_text()
    comment: str = _text()
    backtest: str | None = optional_text()
    version: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))


class PolicyScheduleRow(Base, table=True):
    """A version that is not in force yet. The row goes when it is, or when a newer version overtakes it."""

    __tablename__ = "policy_schedule"
    __table_args__ = (Index(None, "at"),)
    name: str = _text(key=True)
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: datetime = time()
    globs: str = _text()


class PolicyGlobRow(Base, table=True):
    """Which projects a policy in force applies to."""

    __tablename__ = "policy_glob"
    glob: str = _text(key=True)
    policy: str = _text(key=True)
