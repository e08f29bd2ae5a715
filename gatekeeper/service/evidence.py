"""What was received: one receipt, its bytes, and lists of them."""

from dataclasses import dataclass

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.project import Project
from gatekeeper.receipt import EvidenceSet, Receipt
from gatekeeper.service import projects, upload_sets
from gatekeeper.service.errors import NotFound, Refused, coded
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper.store import projects as project_rows
from gatekeeper.store import receipts
from gatekeeper.store.database import Connection


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A receipt with what stands around it."""

    project: Project
    receipt: Receipt
    is_current: bool
    set: EvidenceSet | None


def get(server: Server, caller: Caller, receipt_id: str) -> Shown:
    """One receipt.

    Raises:
        Denied, NotFound: the caller may not read; there is none of this id in its reach.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> Shown | None:
        found = receipts.by_id(connection, receipt_id)
        project = project_rows.by_id(connection, found.project_id) if found else None
        if found is None or project is None or not projects.is_reached(caller, project):
            return None
        return _shown(connection, project, found)

    shown = server.database.read(work)
    if shown is None:
        raise coded(NotFound, "evidence-not-found", f"there is no evidence {receipt_id[:40]!r} in reach")
    return shown


def report(server: Server, caller: Caller, receipt_id: str) -> tuple[Receipt, bytes]:
    """The bytes that are kept of a report: redacted ones for secrets.

    Raises:
        Denied, NotFound: as `get`; `report-not-kept` when nothing of it was kept.
        Unavailable: the blob store cannot be read.
    """
    caller = authorize.demand(caller, Scope.AUDIT_READ)
    receipt = get(server, _reader(caller), receipt_id).receipt
    data = server.blobs.get(receipt.stored_sha256) if receipt.stored_sha256 else None
    if data is None:
        raise coded(
            NotFound,
            "report-not-kept",
            "the bytes of this report were not kept",
            hint="reports over a limit, of unknown kind, or of secrets that could not be redacted are not",
        )
    return receipt, data


def page(
    server: Server,
    caller: Caller,
    project: str,
    *,
    commit: str | None,
    tree: str | None,
    artifact: str | None,
    before: int | None,
    limit: int,
) -> tuple[list[Shown], int | None]:
    """Receipts of a project, the newest first, and the cursor of the next page.

    Raises:
        Denied, NotFound: the caller does not reach the project; nobody told the tree of the commit.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[list[Shown], int | None]:
        found = projects.named(connection, caller, project)
        wanted = tree
        if commit is not None:
            told = project_rows.tree_of(connection, found.id, commit)
            if told is None:
                raise coded(
                    NotFound, "unknown-source", f"nothing was ever submitted for commit {commit[:64]}"
                )
            if tree not in (None, told[0]):
                raise coded(Refused, "bad-parameter", f"commit {commit[:64]} has the tree {told[0]}")
            wanted = told[0]
        batch = receipts.page(
            connection, found.id, tree=wanted, artifact=artifact, before=before, limit=limit + 1
        )
        shown = [_shown(connection, found, one) for one in batch[:limit]]
        return shown, batch[limit - 1].counter if len(batch) > limit else None

    return server.database.read(work)


def _shown(connection: Connection, project: Project, receipt: Receipt) -> Shown:
    return Shown(
        project=project,
        receipt=receipt,
        is_current=receipts.is_current(connection, receipt),
        set=upload_sets.of_receipt(connection, receipt),
    )


def _reader(caller: Caller) -> Caller:
    """The caller with the right to look: who may audit may look, where it may audit."""
    seeing = frozenset({Scope.GATE_READ})
    held = tuple(
        msgspec.structs.replace(one, scopes=seeing)
        for one in caller.holdings
        if caller.is_enough(one.scopes, Scope.AUDIT_READ)
    )
    return msgspec.structs.replace(caller, scopes=caller.scopes | seeing, holdings=held)
