"""Drafts of policies. Every change names the revision that it builds on."""

from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from gatekeeper.policy_draft import Checked, DraftState, PolicyDraft
from gatekeeper.store.convert import Row, text_of, value_of
from gatekeeper.store.statements import table

_DRAFT = table("policy_draft")


def add(connection: Connection, draft: PolicyDraft) -> None:
    """Keep a new draft."""
    connection.execute(_DRAFT.insert().values(**_row(draft)))


def change(connection: Connection, draft: PolicyDraft, *, was: int) -> bool:
    """Keep the draft as it is now; False when its revision is not `was` any more."""
    wanted = (_DRAFT.c.id == draft.id) & (_DRAFT.c.revision == was)
    return connection.execute(update(_DRAFT).where(wanted).values(**_row(draft))).rowcount == 1


def by_id(connection: Connection, draft_id: str) -> PolicyDraft | None:
    """The draft with this id."""
    row = connection.execute(select(_DRAFT).where(_DRAFT.c.id == draft_id)).mappings().first()
    return _draft_of(row) if row else None


def page(
    connection: Connection, *, policy: str | None, state: DraftState | None, before: str | None, limit: int
) -> list[PolicyDraft]:
    """Drafts, the newest first, beginning before the id `before`."""
    wanted = select(_DRAFT).order_by(_DRAFT.c.id.desc()).limit(limit)
    if policy is not None:
        wanted = wanted.where(_DRAFT.c.policy == policy)
    if state is not None:
        wanted = wanted.where(_DRAFT.c.state == str(state))
    if before is not None:
        wanted = wanted.where(_DRAFT.c.id < before)
    return [_draft_of(row) for row in connection.execute(wanted).mappings()]


def _row(draft: PolicyDraft) -> dict[str, Any]:
    columns = msgspec.structs.asdict(draft)
    return columns | {
        "state": str(draft.state),
        "checked": text_of(draft.checked),
        "authors": text_of(draft.authors),
    }


def _draft_of(row: Row) -> PolicyDraft:
    found = {name: row[name] for name in PolicyDraft.__struct_fields__}
    found |= {
        "state": DraftState(row["state"]),
        "checked": value_of(row["checked"], Checked),
        "authors": value_of(row["authors"], tuple[str, ...]),
    }
    return PolicyDraft(**found)
