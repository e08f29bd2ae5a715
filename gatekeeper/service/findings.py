"""Findings over time: who has this advisory, and what is open where."""

from gatekeeper.caller import Caller, Scope
from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.recorded import TrackedFinding
from gatekeeper.service import projects
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper.store import findings
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection

Key = tuple[str, str, str, str, str]
_ALL = 1_000_000


def page(
    server: Server,
    caller: Caller,
    *,
    project: str | None,
    advisory: str | None,
    kind: Kind | None,
    severity: Severity | None,
    is_open: bool | None,
    after: Key | None,
    limit: int,
) -> tuple[list[tuple[str, TrackedFinding]], Key | None]:
    """(project path, finding) in the reach of the caller, and the cursor of the next page.

    Raises:
        Denied, NotFound: the caller may not read; the project that is named is not in its reach.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[list[tuple[str, TrackedFinding]], Key | None]:
        if project is not None:
            mine = [projects.named(connection, caller, project)]
        else:
            every = project_rows.page(connection, path=None, after="", limit=_ALL)
            mine = [one for one in every if projects.is_reached(caller, one)]
        paths = {one.id: one.path for one in mine}
        found = findings.page(
            connection,
            list(paths),
            advisory=advisory,
            kind=kind,
            severity=severity,
            is_open=is_open,
            after=after,
            limit=limit + 1,
        )
        more = _key(found[limit - 1]) if len(found) > limit else None
        return [(paths[one.project_id], one) for one in found[:limit]], more

    return server.database.read(work)


def _key(one: TrackedFinding) -> Key:
    return (one.project_id, str(one.kind), one.name, one.job, one.fingerprint)
