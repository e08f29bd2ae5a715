"""Deployments: what was rolled out where, as somebody told. They change no answer of a gate."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from gatekeeper.caller import Caller, Scope
from gatekeeper.recorded import Deployment, Event
from gatekeeper.service import projects
from gatekeeper.service.errors import Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.questions import Asked, demand_stage_of_policy, known
from gatekeeper.service.server import Server
from gatekeeper.store import deployments, outbox
from gatekeeper.store.database import Connection

MAX_AHEAD = timedelta(minutes=5)
"""So far another machine's clock may be ahead of this one."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What somebody says happened."""

    asked: Asked
    status: str
    at: datetime | None = None
    """None: now."""


def tell(server: Server, caller: Caller, told: Told) -> Deployment:
    """The record. A job speaks of its own commit and environment only.

    Raises:
        Denied, NotFound, Conflict, Refused: as `questions.known`; a time that is still to come.
    """
    caller = authorize.demand(caller, Scope.DECISION_WRITE)

    def work(connection: Connection) -> Deployment:
        found = known(server, connection, caller, told.asked)
        demand_stage_of_policy(server, found)
        now = server.clock()
        at = told.at or now
        if at > now + MAX_AHEAD:
            raise coded(Refused, "bad-parameter", f"at is {at.isoformat()}, which is still to come")
        made = Deployment(
            id=new_id("dpl", now),
            project_id=found.project.id,
            stage=found.stage,
            tree=found.tree,
            commit=found.commit,
            artifact=found.artifact,
            status=told.status,
            told_by=caller.principal,
            at=at,
            received_at=now,
        )
        deployments.add(connection, made)
        record = event(
            Event.DEPLOYMENT, made, project_id=found.project.id, actor=caller.principal, at=now,
            subject=made.id,
        )  # fmt: skip
        outbox.tell(connection, record)
        return made

    return server.database.write(work)


def page(
    server: Server,
    caller: Caller,
    project: str,
    *,
    stage: str | None,
    before: tuple[int, str] | None,
    limit: int,
) -> tuple[list[Deployment], tuple[int, str] | None]:
    """Those of a project, the newest first, and the cursor of the next page.

    Raises:
        Denied, NotFound: the caller may not read; the project is not in its reach.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[list[Deployment], tuple[int, str] | None]:
        mine = projects.named(connection, caller, project)
        found = deployments.page(connection, mine.id, stage=stage, before=before, limit=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return found[:limit], (deployments.moment(last), last.id) if last is not None else None

    return server.database.read(work)
