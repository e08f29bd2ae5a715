"""Events on their way into the ledger, written in the transaction of what they tell."""

from sqlalchemy import Connection

from gatekeeper.recorded import LedgerEvent
from gatekeeper.store.statements import table

_OUTBOX = table("ledger_outbox")


def tell(connection: Connection, *events: LedgerEvent) -> None:
    """Keep the events, or nothing of the transaction is kept."""
    if events:
        rows = [
            {
                "event": str(one.event),
                "project_id": one.project_id,
                "actor": one.actor,
                "at": one.at,
                "subject": one.subject,
                "payload_sha256": one.payload_sha256,
                "payload_size": one.payload_size,
            }
            for one in events
        ]
        connection.execute(_OUTBOX.insert(), rows)
