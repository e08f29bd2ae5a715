"""Obligations: what is owed after an exception. An open one is listed, an overdue one blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gatekeeper.decision import Decision
from gatekeeper.policy.entry import OBLIGATION, Held, after, failed
from gatekeeper.policy.promotion import Path
from gatekeeper.policy.said import reason, remedy
from gatekeeper.policy.spelling import later
from gatekeeper.policy.verdict import Judged
from gatekeeper.signoff import Obligation


@dataclass(frozen=True, kw_only=True)
class Owing(Held):
    """What is still owed."""

    open: tuple[str, ...] = ()
    """Ids of the open obligations, sorted, for `Decision.obligations`."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An obligation that a decision opens; it has no id of its own yet.

    Every allowed decision on the path gives it again: one per source and `key` is enough.
    """

    key: str
    """Its id in the policy."""
    title: str
    owner_role: str
    decision: str
    opened_at: datetime
    due_at: datetime


def owing(obligations: Sequence[Obligation], as_of: datetime) -> Owing:
    """The open obligations, and a failing `obligation.<id>` for each that is overdue, by id.

    One that was opened after `as_of` is owed too: nothing that is owed may be hidden by a clock.
    """
    still = sorted(
        (one for one in obligations if one.is_open_at(as_of)), key=lambda one: (one.id, one.due_at)
    )
    overdue = {one.id: one for one in reversed(still) if one.due_at <= as_of}
    moments = [moment for one in still for moment in (_due(one), one.settled_at)]
    return Owing(
        judged=tuple(_overdue(overdue[id_]) for id_ in sorted(overdue)),
        changes_at=after(as_of, *moments),
        open=tuple(sorted({one.id for one in still})),
    )


def opened_by(path: Path, decision: Decision) -> tuple[Draft, ...]:
    """What `decision` opens on `path`: nothing unless it is a gate's, allowed, and on this path."""
    if not (decision.allowed and decision.gate and decision.path == path.name):
        return ()
    return tuple(
        Draft(
            key=owed.id,
            title=owed.title,
            owner_role=owed.owner_role,
            decision=decision.id,
            opened_at=decision.as_of,
            due_at=later(decision.as_of, owed.within_s),
        )
        for owed in sorted(path.obligations, key=lambda owed: owed.id)
    )


def _due(one: Obligation) -> datetime | None:
    """When it begins to block; None when it is settled before."""
    return one.due_at if one.is_open_at(one.due_at) else None


def _overdue(one: Obligation) -> Judged:
    shown = {"title": one.title, "role": one.owner_role}
    return failed(
        OBLIGATION + one.id,
        one.title,
        reason("obligation-overdue", due=f"{one.due_at:%Y-%m-%dT%H:%M:%SZ}", decision=one.decision, **shown),
        remedy("settle-obligation", obligation=one.id, **shown),
    )
