"""Waivers: asked for by one, granted by another person, frozen to what is open at that moment."""

from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

import msgspec

from gatekeeper import pipeline
from gatekeeper.caller import Caller, Scope
from gatekeeper.decision import decision_from
from gatekeeper.policy.model import Policy
from gatekeeper.policy.waivers import covered_by, resolve
from gatekeeper.project import Project
from gatekeeper.recorded import Event, StoredDecision, StoredWaiver
from gatekeeper.service import projects
from gatekeeper.service.approvals import person_of
from gatekeeper.service.errors import Conflict, Denied, NotFound, Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.questions import judged, known_about
from gatekeeper.service.server import Server
from gatekeeper.service.words import demand_text
from gatekeeper.store import decisions, gate_states, outbox, people, policies, waivers
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection
from gatekeeper.subject import Source, Subject
from gatekeeper.waiver import Covered, WaiverScope

EXPIRING = timedelta(days=14)


class WaiverState(StrEnum):
    """How a waiver stands now."""

    REQUESTED = "requested"
    ACTIVE = "active"
    EXPIRING = "expiring"
    """Active, and ends within 14 days."""
    UNUSED = "unused"
    """Active, and the newest decision of the project set nothing aside by it."""
    EXPIRED = "expired"
    REVOKED = "revoked"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for."""

    project: str
    scope: WaiverScope
    match: str
    stages: tuple[str, ...] = ()
    accept: str | None = None
    reason: str
    ticket: str
    owner: str | None = None
    """Id of a person; None: the one who asks."""
    expires_at: datetime


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A waiver as it stands now."""

    project: str
    waiver: StoredWaiver
    state: WaiverState


def request(server: Server, caller: Caller, wish: Wish) -> Listed:
    """What was asked for. It sets nothing aside before another person granted it.

    Raises:
        Denied, NotFound: the caller may not ask, or the project is not in its reach.
        Refused: it ends in the past or beyond the limits, has no owner, or names no stage or rule there is.
    """
    caller = authorize.demand(caller, Scope.WAIVER_WRITE)
    for name in ("match", "reason", "ticket"):
        demand_text(name, getattr(wish, name))
    at = server.clock()

    def work(connection: Connection) -> Listed:
        project = projects.named(connection, caller, wish.project)
        policy = _policy(server, connection, project)
        owner = _owner(connection, caller, wish)
        made = StoredWaiver(
            id=new_id("wvr", at),
            project_id=project.id,
            stages=tuple(sorted(set(wish.stages))),
            scope=wish.scope,
            match=wish.match,
            accept=wish.accept,
            reason=wish.reason,
            ticket=wish.ticket,
            owner=owner,
            requested_by=caller.principal,
            requested_at=at,
            expires_at=wish.expires_at,
        )
        _demand_sense(made, policy, at)
        waivers.add(connection, made)
        return Listed(project=project.path, waiver=made, state=WaiverState.REQUESTED)

    return server.database.write(work)


def approve(server: Server, caller: Caller, waiver_id: str) -> Listed:
    """The waiver, which holds from now on for what is open now; approving twice changes nothing.

    Raises:
        Denied: no person, one without `waiver:approve` there, or `waiver-by-its-owner`.
        NotFound: `waiver-not-found`.
        Refused: `waiver-matches-nothing`, or the policy's limits forbid it, with the engine's reason.
        Conflict: `waiver-ended`: it was revoked, has expired, or somebody else granted it.
    """
    person = person_of(caller)
    caller = authorize.demand(caller, Scope.WAIVER_APPROVE)

    def work(connection: Connection) -> Listed:
        project, stored = _locked(connection, caller, waiver_id)
        at = server.clock()
        if person == stored.owner or caller.principal == stored.requested_by:
            raise coded(
                Denied,
                "waiver-by-its-owner",
                f"{person} owns or asked for {waiver_id} and cannot grant it",
                hint="another person with waiver:approve grants it",
            )
        if stored.approver == person and stored.revoked_at is None:
            return _listed(connection, project, stored, at)
        if stored.granted_at or stored.revoked_at or at >= stored.expires_at:
            raise coded(Conflict, "waiver-ended", f"{waiver_id} was granted, revoked or has expired before")
        roles = tuple(sorted(caller.roles_in(project.path)))
        covered = _covered(server, connection, project, stored, at)
        granted = msgspec.structs.replace(
            stored, covered=covered, approver=person, approver_roles=roles, granted_at=at
        )
        _demand_within_limits(granted, project, _policy(server, connection, project), at)
        waivers.grant(connection, waiver_id, covered=covered, approver=person, roles=roles, at=at)
        _tell(connection, project, granted, caller, Event.WAIVER_GRANTED, at)
        return _listed(connection, project, granted, at)

    return server.database.write(work)


def revoke(server: Server, caller: Caller, waiver_id: str) -> Listed:
    """The waiver, which is over; twice changes nothing. What it set aside is open again at once.

    Raises:
        Denied, NotFound: the caller may not; there is none in its reach.
    """
    caller = authorize.demand(caller, Scope.WAIVER_WRITE)

    def work(connection: Connection) -> Listed:
        project, stored = _locked(connection, caller, waiver_id)
        at = server.clock()
        if not waivers.revoke(connection, waiver_id, at):
            return _listed(connection, project, stored, at)
        ended = msgspec.structs.replace(stored, revoked_at=at)
        _tell(connection, project, ended, caller, Event.WAIVER_REVOKED, at)
        return _listed(connection, project, ended, at)

    return server.database.write(work)


def get(server: Server, caller: Caller, waiver_id: str) -> Listed:
    """The waiver as it stands.

    Raises:
        Denied, NotFound: the caller may not read; there is none in its reach.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> Listed:
        project, stored = _visible(connection, caller, waiver_id)
        return _listed(connection, project, stored, server.clock())

    return server.database.read(work)


def page(
    server: Server, caller: Caller, project: str, *, after: str, limit: int
) -> tuple[list[Listed], str | None]:
    """Those of a project by id, in every state, and the cursor of the next page.

    Raises:
        Denied, NotFound: the caller may not read, or the project is not in its reach.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[list[Listed], str | None]:
        mine, now = projects.named(connection, caller, project), server.clock()
        found = waivers.page(connection, [mine.id], after=after, limit=limit + 1)
        unused = _unused(connection, mine)
        shown = [
            Listed(project=mine.path, waiver=one, state=state_of(one, now, unused)) for one in found[:limit]
        ]
        return shown, found[limit - 1].id if len(found) > limit else None

    return server.database.read(work)


def state_of(stored: StoredWaiver, now: datetime, unused: frozenset[str]) -> WaiverState:
    """How it stands at `now`, when the newest decision named `unused`. What is over comes first."""
    if stored.revoked_at is not None:
        return WaiverState.REVOKED
    if now >= stored.expires_at:
        return WaiverState.EXPIRED
    if stored.granted_at is None:
        return WaiverState.REQUESTED
    if stored.id in unused:
        return WaiverState.UNUSED
    return WaiverState.EXPIRING if now >= stored.expires_at - EXPIRING else WaiverState.ACTIVE


def _demand_sense(made: StoredWaiver, policy: Policy, at: datetime) -> None:
    if made.expires_at <= at:
        raise coded(Refused, "waiver-too-long", f"it ends at {made.expires_at.isoformat()}, which is over")
    if made.expires_at - at > timedelta(days=policy.waiver_limits.max_days):
        raise coded(
            Refused, "waiver-too-long", f"a waiver holds {policy.waiver_limits.max_days} days at most here"
        )
    unknown = sorted({*made.stages} - {*policy.stages})
    if unknown:
        raise coded(
            Refused,
            "unknown-stage",
            f"policy {policy.name} has no stage {unknown[0][:80]!r}",
            hint="its stages are " + ", ".join(policy.stages),
        )
    if made.scope is WaiverScope.RULE and made.match not in {rule.id for rule in policy.rules}:
        raise coded(Refused, "waiver-matches-nothing", f"policy {policy.name} has no rule {made.match!r}")
    if (made.accept is None) == (made.scope is WaiverScope.RULE):
        raise coded(
            Refused, "bad-parameter", "accept is the floor of a waiver for a rule, and of no other waiver"
        )


def _demand_within_limits(granted: StoredWaiver, project: Project, policy: Policy, at: datetime) -> None:
    waiver = granted.waiver(project.path)
    assert waiver is not None  # noqa: S101 - it has just been granted
    stage = granted.stages[0] if granted.stages else policy.stages[-1]
    found = resolve([waiver], policy, project=project.path, stage=stage, as_of=at)
    if (why := found.refused.get(granted.id)) is not None:
        raise coded(Refused, why.code, why.text)


def _covered(
    server: Server, connection: Connection, project: Project, stored: StoredWaiver, at: datetime
) -> tuple[Covered, ...]:
    """What is open now about the subject of the newest decision, as far as the waiver matches it."""
    if stored.scope is WaiverScope.RULE:
        return ()
    newest = _newest(connection, project, stored.stages)
    if newest is None:
        raise coded(
            Refused,
            "waiver-matches-nothing",
            f"nothing was decided about {project.path} yet: it covers nothing",
        )
    source = Source(tree=newest.tree, commit=newest.commit or None) if newest.tree else None
    subject = Subject(project=project.path, source=source, artifact=newest.artifact or None)
    found = known_about(server, connection, project, subject, newest.stage)
    made = judged(server, found, at)
    policy = server.policy(found.version)
    now = pipeline.open_now(made.inputs, policy=policy, evidence=made.evidence)
    covered = tuple(
        one
        for kind, group in groupby(sorted(now, key=lambda pair: pair[0]), key=lambda pair: pair[0])
        for one in covered_by(stored.scope, stored.match, kind, [finding for _, finding in group])
    )
    if not covered:
        raise coded(
            Refused,
            "waiver-matches-nothing",
            f"no open finding of {newest.id}, the newest decision, matches {stored.scope} {stored.match!r}",
        )
    return covered


def _newest(connection: Connection, project: Project, stages: tuple[str, ...]) -> StoredDecision | None:
    found = [
        one
        for stage in stages or (None,)
        for one in decisions.page(
            connection, project.id, stage=stage, commit=None, artifact=None, before=None, limit=1
        )
    ]
    return max(found, key=lambda one: (one.recorded_at, one.id), default=None)


def _listed(connection: Connection, project: Project, stored: StoredWaiver, now: datetime) -> Listed:
    unused = _unused(connection, project)
    return Listed(project=project.path, waiver=stored, state=state_of(stored, now, unused))


def _unused(connection: Connection, project: Project) -> frozenset[str]:
    newest = _newest(connection, project, ())
    return frozenset(decision_from(newest.body).waivers.unused) if newest is not None else frozenset()


def _owner(connection: Connection, caller: Caller, wish: Wish) -> str:
    owner = wish.owner or caller.person
    if owner is None:
        raise coded(Refused, "bad-parameter", "owner is missing: the id of the person who answers for it")
    if owner != caller.person:
        person = people.by_id(connection, owner)
        if person is None or not person.is_active:
            raise coded(Refused, "bad-parameter", f"owner {owner[:80]!r} is nobody who can answer for it")
    return owner


def _policy(server: Server, connection: Connection, project: Project) -> Policy:
    version = policies.in_force(connection, project.policy)
    if version is None:
        raise projects.no_such_policy(project.policy)
    return server.policy(version)


def _tell(
    connection: Connection, project: Project, stored: StoredWaiver, caller: Caller, kind: Event, at: datetime
) -> None:
    gate_states.touch_project(connection, project.id, at)
    told = event(kind, stored, project_id=project.id, actor=caller.principal, at=at, subject=stored.id)
    outbox.tell(connection, told)


def _visible(connection: Connection, caller: Caller, waiver_id: str) -> tuple[Project, StoredWaiver]:
    stored = waivers.by_id(connection, waiver_id)
    project = project_rows.by_id(connection, stored.project_id) if stored else None
    if stored is None or project is None or not projects.is_reached(caller, project):
        raise coded(NotFound, "waiver-not-found", f"there is no waiver {waiver_id!r} in reach")
    return project, stored


def _locked(connection: Connection, caller: Caller, waiver_id: str) -> tuple[Project, StoredWaiver]:
    """The waiver as it is, with every other write of its project waiting."""
    project, _ = _visible(connection, caller, waiver_id)
    project_rows.lock(connection, project.id)
    return _visible(connection, caller, waiver_id)
