"""Overrides: whether two people let this failing subject into this stage, for a day at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gatekeeper.decision import Reason
from gatekeeper.policy.entry import Asked, after
from gatekeeper.policy.said import reason
from gatekeeper.signoff import Override

LONGEST = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Overridden:
    """What the overrides say of the question."""

    override: str | None = None
    """Id of the one that holds; None when none does."""
    refused: tuple[Reason, ...] = ()
    """Why others, which would hold by their times, do not count; for `Decision.reasons`."""
    changes_at: tuple[datetime, ...] = ()
    """Instants after `as_of` at which one begins or ends."""


def overridden(overrides: Sequence[Override], asked: Asked) -> Overridden:
    """The override that lets the subject in at `as_of`: of several the one that ends last, then by id."""
    ours = [one for one in overrides if one.stage == asked.stage and asked.is_subject(one.tree, one.artifact)]
    refusals = {one.id: why for one in ours if (why := _refusal(one)) is not None}
    good = [one for one in ours if one.id not in refusals]
    holding = [one for one in good if one.holds_at(asked.as_of)]
    refused = sorted({one.id for one in ours if one.id in refusals and one.holds_at(asked.as_of)})
    last = max((_ends_at(one) for one in holding), default=None)
    longest = sorted(one.id for one in holding if _ends_at(one) == last)
    return Overridden(
        override=longest[0] if longest else None,
        refused=tuple(refusals[id_] for id_ in refused),
        changes_at=after(
            asked.as_of, *(moment for one in ours for moment in (one.granted_at, _ends_at(one)))
        ),
    )


def _ends_at(one: Override) -> datetime:
    return one.expires_at if one.revoked_at is None else min(one.expires_at, one.revoked_at)


def _refusal(one: Override) -> Reason | None:
    """Why it may not hold, whatever its times; None when it may."""
    if len(set(one.people)) < 2 or not all(one.people):
        return reason("override-one-person", override=one.id, person=one.people[0])
    if one.expires_at - one.granted_at > LONGEST:
        return reason("override-too-long", override=one.id)
    return None
