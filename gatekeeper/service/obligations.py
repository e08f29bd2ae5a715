"""Obligations: what a project still owes, and that a person says it was done."""

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.recorded import Event, StoredObligation
from gatekeeper.service import projects
from gatekeeper.service.approvals import person_of
from gatekeeper.service.errors import NotFound, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper.service.words import demand_text
from gatekeeper.store import gate_states, obligations, outbox
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection


def page(
    server: Server, caller: Caller, project: str, *, after: str, limit: int
) -> tuple[list[StoredObligation], str | None]:
    """Those of a project by id, also settled ones, and the cursor of the next page.

    Raises:
        Denied, NotFound: the caller may not read, or the project is not in its reach.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[list[StoredObligation], str | None]:
        mine = projects.named(connection, caller, project)
        found = obligations.page(connection, mine.id, after=after, limit=limit + 1)
        return found[:limit], found[limit - 1].obligation.id if len(found) > limit else None

    return server.database.read(work)


def settle(server: Server, caller: Caller, obligation_id: str, *, comment: str) -> StoredObligation:
    """The obligation, which is settled; twice changes nothing. It blocks nothing any more.

    Raises:
        Denied: no person, one without `approval:give`, or `role-missing`: it is for its role to say.
        NotFound: `obligation-not-found`.
        Refused: nothing is said of how it was done.
    """
    person, at = person_of(caller), server.clock()
    caller = authorize.demand(caller, Scope.APPROVAL_GIVE)
    demand_text("comment", comment)

    def work(connection: Connection) -> StoredObligation:
        stored = obligations.by_id(connection, obligation_id)
        project = project_rows.by_id(connection, stored.project_id) if stored else None
        if stored is None or project is None or not projects.is_reached(caller, project):
            raise coded(
                NotFound, "obligation-not-found", f"there is no obligation {obligation_id!r} in reach"
            )
        project_rows.lock(connection, project.id)
        authorize.demand_role(caller, stored.obligation.owner_role, project.path)
        if obligations.settle(connection, obligation_id, person=person, comment=comment, at=at):
            gate_states.touch_project(connection, project.id, at)
            done = msgspec.structs.replace(stored.obligation, settled_at=at)
            told = event(
                Event.OBLIGATION_SETTLED, done, project_id=project.id, actor=caller.principal, at=at,
                subject=obligation_id,
            )  # fmt: skip
            outbox.tell(connection, told)
        settled = obligations.by_id(connection, obligation_id)
        assert settled is not None  # noqa: S101 - nothing deletes one
        return settled

    return server.database.write(work)
