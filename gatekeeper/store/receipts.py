"""Receipts and the slots that they fill."""

from sqlalchemy import Connection, Select, and_, or_, select

from gatekeeper.evidence import Kind
from gatekeeper.receipt import Receipt
from gatekeeper.store.convert import receipt_of, receipt_row
from gatekeeper.store.statements import table, upsert

_RECEIPT = table("receipt")
_SLOT = table("slot")


def add(connection: Connection, receipt: Receipt) -> bool:
    """Keep a receipt, and give it the slot that it is entitled to; True when that is its slot now.

    The newest receipt of a slot is current whatever its state, unless it is believed less than the current
    one: then the slot notes it as the newest and keeps the current. What a fork sends fills no slot.
    """
    connection.execute(_RECEIPT.insert().values(**receipt_row(receipt)))
    if receipt.kind is None or receipt.fork is not None:
        return False
    before = current(connection, receipt)
    is_believed = before is None or receipt.provenance.rank >= before.provenance.rank
    held = receipt.id if is_believed or before is None else before.id
    key = {
        "project_id": receipt.project_id,
        "tree": receipt.source.tree,
        "artifact": receipt.artifact or "",
        "kind": str(receipt.kind),
        "name": receipt.name,
        "job": receipt.job,
    }
    filled = {"current_id": held, "newest_id": receipt.id}
    upsert(connection, "slot", key | filled, set_=filled)
    return held == receipt.id


def current(connection: Connection, like: Receipt) -> Receipt | None:
    """The current receipt of the slot that `like` belongs to."""
    wanted = (
        select(_RECEIPT)
        .join(_SLOT, _SLOT.c.current_id == _RECEIPT.c.id)
        .where(
            _SLOT.c.project_id == like.project_id,
            _SLOT.c.tree == like.source.tree,
            _SLOT.c.artifact == (like.artifact or ""),
            _SLOT.c.kind == str(like.kind),
            _SLOT.c.name == like.name,
            _SLOT.c.job == like.job,
        )
    )
    row = connection.execute(wanted).mappings().first()
    return receipt_of(row) if row else None


def kinds_of_slots(
    connection: Connection, project_id: str, *, tree: str, artifact: str, name: str, job: str
) -> list[Kind]:
    """The kinds that were received under this name and job: what an unreadable report may stand for."""
    wanted = select(_SLOT.c.kind).where(
        _SLOT.c.project_id == project_id,
        _SLOT.c.tree == tree,
        _SLOT.c.artifact == artifact,
        _SLOT.c.name == name,
        _SLOT.c.job == job,
    )
    return [Kind(row[0]) for row in connection.execute(wanted)]


def same_again(connection: Connection, like: Receipt) -> Receipt | None:
    """The receipt of the same bytes, by the same sender, in the same slot, that makes `like` a repetition.

    With a run, any earlier receipt of that run and attempt: a repeated request is told what was made of the
    first and cannot bring back an older report over a newer one. Without, only the current one of the slot.
    """
    wanted = (
        select(_RECEIPT)
        .where(
            _RECEIPT.c.project_id == like.project_id,
            _RECEIPT.c.sha256 == like.sha256,
            # A body that could not be decoded has the digest of its bytes on the wire: the size tells it
            # from a report that consists of these bytes.
            _RECEIPT.c.size_bytes == like.size_bytes,
            _RECEIPT.c.tree == like.source.tree,
            _RECEIPT.c.commit == like.source.commit,
            _RECEIPT.c.artifact == (like.artifact or ""),
            _RECEIPT.c.name == like.name,
            _RECEIPT.c.job == like.job,
            _RECEIPT.c.principal == like.provenance.principal,
            _RECEIPT.c.trust == str(like.provenance.trust),
            _RECEIPT.c.ref_protected == like.provenance.ref_protected,
            _RECEIPT.c.run == (like.provenance.run or ""),
            _RECEIPT.c.attempt == (like.provenance.attempt or ""),
            _RECEIPT.c.record_sha256.is_not_distinct_from(like.record_sha256),
            _RECEIPT.c.fork.is_not_distinct_from(like.fork),
            _RECEIPT.c.part.is_not_distinct_from(like.part),
        )
        .order_by(_RECEIPT.c.counter.desc())
    )
    if like.kind is not None:
        wanted = wanted.where(_RECEIPT.c.kind == str(like.kind))
    if not like.provenance.run:
        held = and_(_SLOT.c.project_id == like.project_id, _SLOT.c.current_id == _RECEIPT.c.id)
        wanted = wanted.join(_SLOT, held)
    row = connection.execute(wanted.limit(1)).mappings().first()
    return receipt_of(row) if row else None


def by_id(connection: Connection, receipt_id: str) -> Receipt | None:
    """One receipt; the caller checks whose it is."""
    row = connection.execute(select(_RECEIPT).where(_RECEIPT.c.id == receipt_id)).mappings().first()
    return receipt_of(row) if row else None


def is_current(connection: Connection, receipt: Receipt) -> bool:
    """True while the receipt holds its slot."""
    return (
        receipt.kind is not None
        and (now := current(connection, receipt)) is not None
        and now.id == receipt.id
    )


def of_subject(connection: Connection, project_id: str, *, tree: str, artifact: str) -> list[Receipt]:
    """What a question about this subject sees: of each slot the current receipt, and a newer one beside it.

    With `tree`, everything of that source; with `artifact`, also what was sent for it under another source.
    """
    mine = []
    if tree:
        mine.append(_SLOT.c.tree == tree)
    if artifact:
        mine.append(_SLOT.c.artifact == artifact)
    wanted = (
        select(_RECEIPT)
        .distinct()
        .join(_SLOT, or_(_SLOT.c.current_id == _RECEIPT.c.id, _SLOT.c.newest_id == _RECEIPT.c.id))
        .where(_SLOT.c.project_id == project_id, or_(*mine))
        .order_by(_RECEIPT.c.counter)
    )
    return [receipt_of(row) for row in connection.execute(wanted).mappings()]


def page(
    connection: Connection,
    project_id: str,
    *,
    tree: str | None,
    artifact: str | None,
    before: int | None,
    limit: int,
) -> list[Receipt]:
    """Receipts of a project, the newest first, beginning before the counter `before`."""
    wanted: Select[tuple[object, ...]] = (
        select(_RECEIPT)
        .where(_RECEIPT.c.project_id == project_id)
        .order_by(_RECEIPT.c.counter.desc())
        .limit(limit)
    )
    if tree is not None:
        wanted = wanted.where(_RECEIPT.c.tree == tree)
    if artifact is not None:
        wanted = wanted.where(_RECEIPT.c.artifact == artifact)
    if before is not None:
        wanted = wanted.where(_RECEIPT.c.counter < before)
    return [receipt_of(row) for row in connection.execute(wanted).mappings()]
