"""Overrides, to break the glass: one person asks with a reason, another agrees within the hour."""

from datetime import timedelta

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.project import Project
from gatekeeper.recorded import Event, StoredOverride
from gatekeeper.service import projects
from gatekeeper.service.approvals import person_of
from gatekeeper.service.errors import Conflict, Denied, NotFound, Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.questions import Asked, demand_stage_of_policy, known
from gatekeeper.service.server import Server
from gatekeeper.service.words import demand_text
from gatekeeper.store import gate_states, outbox, overrides
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection

MAX_HOURS = 24
AGREE_WITHIN = timedelta(hours=1)


def ask(server: Server, caller: Caller, asked: Asked, *, reason: str, hours: int) -> StoredOverride:
    """What the first person asked for. It changes nothing before a second one agrees.

    Raises:
        Denied: no person, or one without `override:give` there.
        Refused: no reason, or not 1 to 24 hours.
        NotFound, Conflict: as `questions.known`; an artifact of which nobody knows the source.
    """
    person = person_of(caller)
    caller = authorize.demand(caller, Scope.OVERRIDE_GIVE)
    demand_text("reason", reason)
    if not 1 <= hours <= MAX_HOURS:
        raise coded(Refused, "bad-parameter", f"hours is {hours}; it is 1 to {MAX_HOURS}")

    def work(connection: Connection) -> StoredOverride:
        found = known(server, connection, caller, asked)
        demand_stage_of_policy(server, found)
        if not found.tree:
            raise coded(NotFound, "unknown-source", f"nobody knows the source of artifact {found.artifact}")
        at = server.clock()
        made = StoredOverride(
            id=new_id("ovr", at),
            project_id=found.project.id,
            stage=found.stage,
            tree=found.tree,
            artifact=found.artifact,
            reason=reason,
            hours=hours,
            asked_by=person,
            asked_at=at,
        )
        overrides.add(connection, made)
        return made

    return server.database.write(work)


def agree(server: Server, caller: Caller, override_id: str) -> StoredOverride:
    """The override, which holds from now on. Agreeing twice changes nothing.

    Raises:
        Denied: no person, one without `override:give` there, or `override-one-person`.
        NotFound: `override-not-found`.
        Conflict: `override-too-late`, `override-revoked`, or somebody else agreed.
    """
    person, at = person_of(caller), server.clock()
    caller = authorize.demand(caller, Scope.OVERRIDE_GIVE)

    def work(connection: Connection) -> StoredOverride:
        project, stored = _locked(connection, caller, override_id)
        if person == stored.asked_by:
            raise coded(
                Denied,
                "override-one-person",
                f"{person} asked for {override_id} and cannot agree to it",
                hint="it takes two people",
            )
        if stored.agreed_by == person and stored.revoked_at is None:
            return stored
        if at > stored.asked_at + AGREE_WITHIN and stored.granted_at is None:
            raise coded(
                Conflict,
                "override-too-late",
                f"{override_id} was asked for at {stored.asked_at:%Y-%m-%dT%H:%M:%SZ}, more than an hour ago",
                hint="ask again",
            )
        if not overrides.agree(connection, override_id, person=person, at=at):
            raise coded(Conflict, "override-ended", f"{override_id} was granted or revoked before")
        granted = msgspec.structs.replace(stored, agreed_by=person, granted_at=at)
        _tell(connection, project, granted, caller, Event.OVERRIDE)
        return granted

    return server.database.write(work)


def revoke(server: Server, caller: Caller, override_id: str) -> StoredOverride:
    """The override, which is over. Anybody who may give one may end one; twice changes nothing.

    Raises:
        Denied, NotFound: as `agree`.
    """
    person_of(caller)
    at = server.clock()
    caller = authorize.demand(caller, Scope.OVERRIDE_GIVE)

    def work(connection: Connection) -> StoredOverride:
        project, stored = _locked(connection, caller, override_id)
        if not overrides.revoke(connection, override_id, at):
            return stored
        ended = msgspec.structs.replace(stored, revoked_at=at)
        _tell(connection, project, ended, caller, Event.OVERRIDE_REVOKED)
        return ended

    return server.database.write(work)


def _tell(
    connection: Connection, project: Project, stored: StoredOverride, caller: Caller, kind: Event
) -> None:
    at = stored.revoked_at or stored.granted_at or stored.asked_at
    gate_states.touch(connection, project.id, tree=stored.tree, artifact=stored.artifact, at=at)
    told = event(kind, stored, project_id=project.id, actor=caller.principal, at=at, subject=stored.id)
    outbox.tell(connection, told)


def _locked(connection: Connection, caller: Caller, override_id: str) -> tuple[Project, StoredOverride]:
    """The override as it is, with every other write of its project waiting."""
    stored = overrides.by_id(connection, override_id)
    project = project_rows.by_id(connection, stored.project_id) if stored else None
    if project is None or not projects.is_reached(caller, project):
        raise coded(NotFound, "override-not-found", f"there is no override {override_id!r} in reach")
    project_rows.lock(connection, project.id)
    stored = overrides.by_id(connection, override_id)
    assert stored is not None  # noqa: S101 - nothing deletes one
    return project, stored
