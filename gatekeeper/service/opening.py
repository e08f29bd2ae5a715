"""Obligations that a decision opens, in the transaction that records it."""

from datetime import datetime

from gatekeeper.decision import Decision
from gatekeeper.policy.obligations import opened_by
from gatekeeper.recorded import Event, StoredObligation
from gatekeeper.service.events import event
from gatekeeper.service.ids import new_id
from gatekeeper.service.questions import Known
from gatekeeper.service.server import Server
from gatekeeper.signoff import Obligation
from gatekeeper.store import gate_states, obligations, outbox
from gatekeeper.store.database import Connection


def open_obligations(
    server: Server, connection: Connection, found: Known, decision: Decision, *, actor: str, at: datetime
) -> None:
    """Keep what follows from the decision, once for each source. They concern the whole project."""
    path = server.policy(found.version).path(decision.path)
    drafts = opened_by(path, decision) if path is not None and found.tree else ()
    for draft in drafts:
        owed = Obligation(
            id=new_id("obl", at),
            title=draft.title,
            owner_role=draft.owner_role,
            decision=draft.decision,
            opened_at=draft.opened_at,
            due_at=draft.due_at,
        )
        stored = StoredObligation(
            project_id=found.project.id, tree=found.tree, key=draft.key, obligation=owed
        )
        if not obligations.add(connection, stored):
            continue
        gate_states.touch_project(connection, found.project.id, at)
        told = event(
            Event.OBLIGATION_OPENED, owed, project_id=found.project.id, actor=actor, at=at, subject=owed.id
        )
        outbox.tell(connection, told)
