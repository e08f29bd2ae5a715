"""Recorded decisions with all that a replay needs of them: for exports and backtests."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.canonical import digest_of_bytes
from gatekeeper.decision import Inputs, decision_from
from gatekeeper.evidence import EvidenceDocument, Use
from gatekeeper.policy.model import Policy
from gatekeeper.policy.replay import KeptDecision, policy_document
from gatekeeper.project import Project
from gatekeeper.recorded import StoredDecision
from gatekeeper.service import projects
from gatekeeper.service.errors import NotFound, Unavailable, coded
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper.store import history, policies, receipts
from gatekeeper.store import projects as project_rows
from gatekeeper.store.blobs import BlobDamaged
from gatekeeper.store.database import Connection

_BATCH = 100
_PROJECTS = 200

Reached = Callable[[Project], bool]
Place = tuple[str, str, int, str]
"""(project path, stage, moment, id) of the last decision of a page."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One decision of a page, and the receipts from which its documents can be fetched."""

    kept: KeptDecision
    documents: dict[str, str]
    """Digest of a document -> id of the evidence that it came with."""


def page(
    server: Server,
    caller: Caller,
    *,
    project: str | None,
    since: datetime | None,
    after: Place | None,
    limit: int,
) -> tuple[list[Exported], Place | None]:
    """Decisions in the caller's reach by project and stage, in each the newest first, and the next place.

    Raises:
        Denied, NotFound: no `audit:read`; the project is not in its reach.
    """
    caller = authorize.demand(caller, Scope.AUDIT_READ)

    def work(connection: Connection) -> tuple[list[Exported], Place | None]:
        if project is not None:
            found = iter([projects.named(connection, caller, project)])
        else:
            found = _projects(connection, lambda one: projects.is_reached(caller, one), after)
        places = list(islice(_places(connection, found, since, after), limit + 1))
        stored = history.by_ids(connection, [place[3] for place in places[:limit]])
        return [_exported(connection, one) for one in stored], places[limit - 1] if len(
            places
        ) > limit else None

    return server.database.read(work)


def document(server: Server, caller: Caller, receipt_id: str) -> bytes:
    """The normalised document of a piece of evidence: the bytes behind its digest.

    Raises:
        Denied, NotFound: no `audit:read`; there is none of this id in reach, or nothing was read of it.
        Unavailable: the blob store cannot be read, or what it holds is damaged.
    """
    caller = authorize.demand(caller, Scope.AUDIT_READ)

    def work(connection: Connection) -> str | None:
        found = receipts.by_id(connection, receipt_id)
        project = project_rows.by_id(connection, found.project_id) if found else None
        if found is None or project is None or not projects.is_reached(caller, project):
            return None
        return found.document_digest

    digest = server.database.read(work)
    data = server.blobs.get(digest.removeprefix("sha256:")) if digest else None
    if data is None or digest_of_bytes(data) != digest:
        raise coded(NotFound, "evidence-not-found", f"there is no document of {receipt_id[:40]!r} in reach")
    return data


def policy(server: Server, caller: Caller, name: str, number: int) -> tuple[str, bytes]:
    """A version of a policy as (digest, the bytes behind it): with whatever it extends.

    Raises:
        Denied, NotFound: no `audit:read`; there is none.
    """
    caller = authorize.demand(caller, Scope.AUDIT_READ)
    version = server.database.read(lambda connection: policies.version(connection, name, number))
    if version is None:
        raise coded(NotFound, "policy-not-found", f"there is no policy {name[:80]}@{number}")
    return version.digest, policy_document(server.policy(version))


def newest(
    server: Server, reached: Reached, *, project: str | None, since: datetime | None, last: int
) -> list[str]:
    """Ids of the newest `last` decisions of all projects that are reached, the oldest of them first."""

    def work(connection: Connection) -> list[str]:
        streams = (
            islice(_keys(connection, one.id, stage, since, None), last)
            for one in _projects(connection, reached, None)
            if project in (None, one.path)
            for stage in history.stages(connection, one.id)
        )
        found = heapq.nlargest(last, (key for stream in streams for key in stream))
        return [name for _, name in reversed(found)]

    return server.database.read(work)


def kept(server: Server, ids: list[str]) -> Iterator[KeptDecision]:
    """The decisions with these ids, a few in memory at a time."""
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]

        def work(connection: Connection, batch: list[str] = batch) -> list[KeptDecision]:
            return [_exported(connection, one).kept for one in history.by_ids(connection, batch)]

        yield from server.database.read(work)


class ServerLibrary:
    """The policies and documents of a server, as a replay asks for them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._policies: dict[str, Policy | None] = {}

    def policy(self, digest: str) -> Policy | None:
        """The policy with this digest; None when no version has it, or this Gatekeeper reads it otherwise."""
        if digest not in self._policies:
            version = self._server.database.read(lambda connection: policies.of_digest(connection, digest))
            found = self._server.policy(version) if version is not None else None
            self._policies[digest] = found if found is not None and found.digest == digest else None
        return self._policies[digest]

    def document(self, digest: str) -> EvidenceDocument | None:
        """The document with this digest; None when it is lost or damaged.

        Raises:
            BlobsUnavailable: the store cannot be read now; then nothing can be said about any decision.
        """
        try:
            return self._server.document(digest)
        except (Unavailable, BlobDamaged, msgspec.MsgspecError):
            return None


def _projects(connection: Connection, reached: Reached, after: Place | None) -> Iterator[Project]:
    """By path, from that of `after` on."""
    start = ""
    while batch := project_rows.page(connection, path=None, after=start, limit=_PROJECTS):
        for one in batch:
            if reached(one) and (after is None or one.path >= after[0]):
                yield one
        start = batch[-1].path


def _places(
    connection: Connection, found: Iterator[Project], since: datetime | None, after: Place | None
) -> Iterator[Place]:
    for project in found:
        for stage in history.stages(connection, project.id):
            if after is not None and (project.path, stage) < after[:2]:
                continue
            before = after[2:] if after is not None and after[:2] == (project.path, stage) else None
            for moment, name in _keys(connection, project.id, stage, since, before):
                yield project.path, stage, moment, name


def _keys(
    connection: Connection, project_id: str, stage: str, since: datetime | None, before: history.Key | None
) -> Iterator[history.Key]:
    while batch := history.keys(connection, project_id, stage, since=since, before=before, limit=_BATCH):
        yield from batch
        before = batch[-1]


def _exported(connection: Connection, stored: StoredDecision) -> Exported:
    decision = decision_from(stored.body)
    documents = {one.digest: one.id for one in decision.evidence}
    baseline = None
    before = history.behind(connection, stored) if stored.baseline_digest else None
    if before is not None:
        used = [one for one in decision_from(before.body).evidence if one.use is Use.USED]
        found = [receipts.by_id(connection, one.id) for one in used]
        counters = {one.counter for one in found if one is not None}
        pieces = msgspec.json.decode(before.inputs, type=Inputs).evidence
        baseline = tuple(one for one in pieces if one.order in counters)
        documents |= {one.digest: one.id for one in used}
    inputs = msgspec.json.decode(stored.inputs, type=Inputs)
    return Exported(
        kept=KeptDecision(decision=decision, inputs=inputs, baseline=baseline), documents=documents
    )
