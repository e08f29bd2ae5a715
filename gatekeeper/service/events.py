"""Events for the ledger, made from the records that they stand for."""

from datetime import datetime
from typing import Any

from gatekeeper.canonical import canonical_bytes, digest_of_bytes
from gatekeeper.recorded import Event, LedgerEvent


def event(
    kind: Event, record: Any, *, project_id: str | None, actor: str, at: datetime, subject: str
) -> LedgerEvent:
    """The event that `record` (a struct without floats) came into being. Only its digest travels."""
    data = canonical_bytes(record)
    return LedgerEvent(
        event=kind,
        project_id=project_id,
        actor=actor,
        at=at,
        subject=subject,
        payload_sha256=digest_of_bytes(data).removeprefix("sha256:"),
        payload_size=len(data),
    )
