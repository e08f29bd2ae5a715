"""What is granted to people: a role or scopes, on projects, until an end. Every grant and its end is told.

Whatever a person gains ends the sessions that were begun before: a secret that somebody else holds does not
become worth more. What a person loses, it loses at once, in every session.
"""

import re
from datetime import datetime, timedelta

from gatekeeper.caller import Caller, Scope
from gatekeeper.person import Grant
from gatekeeper.recorded import Event
from gatekeeper.service import tokens
from gatekeeper.service.errors import Conflict, NotFound, Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.people.sessions import no_such_person
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, people, sessions
from gatekeeper.store.database import Connection

MAX_GRANTS = 200
MAX_GLOBS = 100
MAX_DAYS = 3660
MAX_ROLE_CHARS = 60
ROLE = r"[a-z0-9][a-z0-9._-]*"


def grant(
    server: Server,
    caller: Caller,
    person_id: str,
    *,
    role: str | None,
    scopes: frozenset[Scope],
    projects: tuple[str, ...],
    expires_in_days: int | None = None,
) -> Grant:
    """The new grant. The person's sessions end with it.

    Raises:
        Denied, NotFound: the caller is no administrator; there is no such person.
        Conflict: the person is not active, or holds as many grants as one may.
        Refused: `bad-parameter`.
    """
    authorize.demand(caller, Scope.ADMIN)
    check(role, scopes, projects)
    if expires_in_days is not None and not 1 <= expires_in_days <= MAX_DAYS:
        raise coded(Refused, "bad-parameter", f"expires_in_days is 1 to {MAX_DAYS}, not {expires_in_days}")
    at = server.clock()
    until = at + timedelta(days=expires_in_days) if expires_in_days is not None else None

    def work(connection: Connection) -> Grant:
        person = people.by_id(connection, person_id)
        if person is None:
            raise no_such_person(person_id)
        if not person.is_active:
            raise coded(Conflict, "person-not-active", f"{person_id} is not active: nothing can be granted")
        return keep(
            connection,
            person_id,
            role=role,
            scopes=scopes,
            projects=projects,
            until=until,
            caller=caller,
            at=at,
        )

    return server.database.write(work)


def revoke(server: Server, caller: Caller, person_id: str, grant_id: str) -> None:
    """End a grant now. Ending it again changes nothing.

    Raises:
        Denied, NotFound: the caller is no administrator; the person has no such grant.
    """
    authorize.demand(caller, Scope.ADMIN)
    at = server.clock()

    def work(connection: Connection) -> None:
        if not any(one.id == grant_id for one in people.grants(connection, person_id)):
            raise coded(NotFound, "grant-not-found", f"{person_id[:40]} has no grant {grant_id[:40]!r}")
        if people.revoke_grant(connection, person_id, grant_id, at):
            told = event(
                Event.ACCESS_REVOKED, {"id": grant_id}, project_id=None, actor=caller.principal, at=at,
                subject=grant_id,
            )  # fmt: skip
            outbox.tell(connection, told)

    server.database.write(work)


def keep(
    connection: Connection,
    person_id: str,
    *,
    role: str | None = None,
    scopes: frozenset[Scope] = frozenset(),
    projects: tuple[str, ...],
    until: datetime | None = None,
    caller: Caller,
    at: datetime,
) -> Grant:
    """Write the grant and tell it, end the person's sessions, and the bootstrap token where it is time.

    Raises:
        Conflict: `too-many-grants`.
    """
    if sum(one.holds_at(at) for one in people.grants(connection, person_id)) >= MAX_GRANTS:
        raise coded(Conflict, "too-many-grants", f"{person_id} holds {MAX_GRANTS} grants, the limit")
    made = Grant(
        id=new_id("grt", at),
        person=person_id,
        role=role,
        scopes=scopes,
        projects=projects,
        granted_by=caller.principal,
        granted_at=at,
        expires_at=until,
    )
    people.add_grant(connection, made)
    told = event(Event.ACCESS_GRANTED, made, project_id=None, actor=caller.principal, at=at, subject=made.id)
    outbox.tell(connection, told)
    sessions.end_all(connection, person_id, at)
    if Scope.ADMIN in scopes and until is None:
        tokens.end_bootstrap(connection, caller.principal, at)
    return made


def check(role: str | None, scopes: frozenset[Scope], projects: tuple[str, ...]) -> None:
    """Return when this can be granted.

    Raises:
        Refused: `bad-parameter`.
    """
    if role is None and not scopes:
        raise _bad("a grant without role and scopes grants nothing")
    if role is not None and (len(role) > MAX_ROLE_CHARS or not re.fullmatch(ROLE, role, re.ASCII)):
        raise _bad(f"role is 1 to {MAX_ROLE_CHARS} small letters, digits and . _ -, such as qa-lead")
    if not projects:
        raise _bad("projects is empty: the grant would hold nowhere")
    if len(projects) > MAX_GLOBS or any(not 1 <= len(glob) <= 200 for glob in projects):
        raise _bad(f"projects holds at most {MAX_GLOBS} globs of 1 to 200 characters")
    if Scope.ADMIN in scopes and projects != ("*",):
        raise _bad("admin is for the whole server: its projects are exactly `*`")


def _bad(message: str) -> Exception:
    return coded(Refused, "bad-parameter", message)
