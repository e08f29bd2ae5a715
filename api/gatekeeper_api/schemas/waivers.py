"""Waivers, as the API writes and takes them."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.service.waivers import Listed, WaiverState
from gatekeeper.waiver import WaiverScope
from gatekeeper_api.schemas.approvals import Text
from gatekeeper_api.schemas.base import ID, Line, Page, ProjectPath, Sent, Shape, Stage

PersonId = Annotated[str, Field(pattern=ID, max_length=80, examples=["usr_06b1"])]


class NewWaiver(Sent):
    """An exception that somebody asks for. It holds when another person has granted it."""

    project: ProjectPath
    scope: WaiverScope
    match: Line = Field(
        min_length=1,
        description="Fingerprint, advisory, `<ecosystem>/<package>`, glob of paths, or id of a rule.",
    )
    stages: list[Stage] = Field(default=[], max_length=20, description="To be entered; empty: all.")
    accept: Line | None = Field(default=None, description="For a rule: the floor, such as `>= 70`.")
    reason: Text = Field(min_length=1)
    ticket: Line = Field(min_length=1, examples=["PAY-17"])
    owner: PersonId | None = Field(default=None, description="Who answers for it; left out: the asker.")
    expires_at: AwareDatetime = Field(strict=False, description="The first instant at which it is over.")


class CoveredFinding(Shape):
    """A finding that was open when the waiver was granted."""

    kind: Kind
    fingerprint: str
    severity: Severity


class Waiver(Shape):
    """An exception, as it stands now."""

    id: str = Field(examples=["wvr_06b1"])
    project: str
    state: WaiverState
    scope: WaiverScope
    match: str
    stages: list[str]
    accept: str | None
    reason: str
    ticket: str
    owner: str
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    covered: list[CoveredFinding] = Field(description="What it sets aside, as bad as it was then.")
    approver: str | None
    approver_roles: list[str]
    granted_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, listed: Listed) -> "Waiver":
        """The waiver as the API writes it."""
        one = listed.waiver
        return cls(
            id=one.id,
            project=listed.project,
            state=listed.state,
            scope=one.scope,
            match=one.match,
            stages=list(one.stages),
            accept=one.accept,
            reason=one.reason,
            ticket=one.ticket,
            owner=one.owner,
            requested_by=one.requested_by,
            requested_at=one.requested_at,
            expires_at=one.expires_at,
            covered=[
                CoveredFinding(kind=each.kind, fingerprint=each.fingerprint, severity=each.severity)
                for each in one.covered
            ],
            approver=one.approver,
            approver_roles=list(one.approver_roles),
            granted_at=one.granted_at,
            revoked_at=one.revoked_at,
        )


class WaiverPage(Page[Waiver]):
    """Waivers by id."""
