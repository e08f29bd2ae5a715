"""Sessions: how a login lasts, who a session's secret belongs to, and how it ends.

A session gets a new secret with every login and whenever its owner changes what proves them; all sessions of
a person end when something is granted to them, so that no secret that is out there gains by it.
"""

import base64
import hashlib
import hmac
import threading
import time
from datetime import datetime, timedelta

import msgspec

from gatekeeper.caller import Caller, Holding, Method, Scope
from gatekeeper.person import Grant, Person, Session
from gatekeeper.service.errors import Denied, NotAuthenticated, NotFound, ServiceError, coded
from gatekeeper.service.identity import authorize, bearer
from gatekeeper.service.server import Rules, Server
from gatekeeper.store import people, sessions
from gatekeeper.store.database import Connection

CACHE_S = 5.0
"""How long what was looked up is believed: on another replica, what is ended lives this much longer."""
USE_SAMPLE = timedelta(minutes=1)
KEPT_FOR = timedelta(days=30)
"""How long the row of a session that is over is kept, to say why it is over."""


class Found(msgspec.Struct, frozen=True):
    """A session, whose it is, and what that person may do."""

    session: Session
    person: Person
    grants: tuple[Grant, ...]


class Sessions:
    """Finds the person behind a session's secret. Thread-safe; holds what it found for `CACHE_S` seconds."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._held: dict[str, tuple[float, Found]] = {}
        self._lock = threading.Lock()

    def caller_at_hand(self, text: str) -> Caller | None:
        """The caller of a session that was looked up a moment ago; None when it must be looked up.

        Raises:
            NotAuthenticated: it is malformed, wrong or over.
        """
        sent = bearer.presented(text, bearer.SESSION_PREFIX)
        held = self._held.get(sent.id)
        if held is None or held[0] < time.monotonic():
            return None
        return caller_from(sent, held[1], self._server.clock(), self._server.rules)

    def caller(self, text: str) -> Caller:
        """The person who holds the secret.

        Raises:
            NotAuthenticated: there is no such session, or it is over.
            StoreUnavailable: nobody can say.
        """
        sent = bearer.presented(text, bearer.SESSION_PREFIX)
        found = self._server.database.read(lambda connection: _found(connection, sent.id))
        now = self._server.clock()
        caller = caller_from(sent, found, now, self._server.rules)
        if found is not None:
            found = self._noted(found, now)
            with self._lock:
                if len(self._held) > 10_000:
                    self._held.clear()
                self._held[sent.id] = (time.monotonic() + CACHE_S, found)
        return caller

    def forget(self, person_id: str) -> None:
        """Have the sessions of the person looked up again: something was changed here."""
        with self._lock:
            for session_id in [key for key, (_, one) in self._held.items() if one.person.id == person_id]:
                del self._held[session_id]

    def _noted(self, found: Found, now: datetime) -> Found:
        session = found.session
        if now - session.last_used_at < USE_SAMPLE:
            return found
        self._server.database.write(lambda connection: sessions.note_use(connection, session.id, now))
        return msgspec.structs.replace(found, session=msgspec.structs.replace(session, last_used_at=now))


def caller_from(sent: bearer.Presented, found: Found | None, now: datetime, rules: Rules) -> Caller:
    """The caller who sent the secret `sent`, when `found` (looked up by its id) is of that very secret.

    Raises:
        NotAuthenticated: no such session or another secret; `session-ended` when it is over.
    """
    kept = found.session.sha256 if found is not None else "0" * 64
    if not hmac.compare_digest(kept, sent.sha256) or found is None or found.session.id != sent.id:
        raise NotAuthenticated(f"session gks_{sent.id} is not known", hint="log in: gatekeeper login")
    session, person = found.session, found.person
    idle_at = session.last_used_at + rules.session_idle
    if session.ended_at is not None:  # whatever the clock says: turned back, it must not revive a session
        why = "was ended: by its owner or an administrator, or since something was granted or changed"
        raise _over(session, f"{why}, on {session.ended_at:%Y-%m-%d %H:%M} UTC")
    if not person.is_active:
        raise _over(session, "is of a person who is not active any more")
    if session.ends_at <= now:
        raise _over(session, f"ended on {session.ends_at:%Y-%m-%d %H:%M} UTC")
    if idle_at <= now:
        raise _over(session, f"was not used since {session.last_used_at:%Y-%m-%d %H:%M} UTC")
    held = tuple(one.holding for one in found.grants if one.holds_at(now)) + session.held
    return Caller(
        principal=f"person:{person.id}",
        method=Method.PERSON,
        scopes=frozenset(scope for one in held for scope in one.scopes),
        holdings=held,
        person=person.id,
        session=session.id,
        expires_at=min(session.ends_at, idle_at),
    )


def begin(
    connection: Connection,
    person: Person,
    *,
    method: str,
    rules: Rules,
    at: datetime,
    held: tuple[Holding, ...] = (),
    until: datetime | None = None,
) -> tuple[Session, str]:
    """A new session of the person and its secret, which is told once and kept nowhere.

    It ends `rules.session_max` after `at`, or at `until`, when it goes on for another one.
    """
    secret = bearer.new_secret(bearer.SESSION_PREFIX)
    session = Session(
        id=secret.id,
        sha256=secret.sha256,
        person=person.id,
        method=method,
        held=held,
        created_at=at,
        last_used_at=at,
        ends_at=until or at + rules.session_max,
    )
    sessions.forget_before(connection, at - KEPT_FOR)
    sessions.add(connection, session)
    return session, secret.plain


def renewed(connection: Connection, caller: Caller, *, rules: Rules, at: datetime) -> tuple[Session, str]:
    """The caller's session with a new secret and the same end. All others of the person are over."""
    person_id, session_id = demand_person(caller)
    old = sessions.by_id(connection, session_id)
    person = people.by_id(connection, person_id)
    if old is None or person is None:
        raise NotAuthenticated("this session is gone", hint="log in: gatekeeper login")
    sessions.end_all(connection, person_id, at)
    return begin(connection, person, method=old.method, rules=rules, at=at, held=old.held, until=old.ends_at)


def csrf_token(secret: str) -> str:
    """What a page shows with every unsafe request beside its cookie; only the secret leads to it."""
    digest = hashlib.sha256(b"gatekeeper csrf\0" + secret.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def demand_person(caller: Caller) -> tuple[str, str]:
    """The ids of the person and of the session that ask.

    Raises:
        Denied: `person-needed`: a token or a job asks.
    """
    if caller.method is not Method.PERSON or caller.person is None or caller.session is None:
        raise coded(
            Denied, "person-needed", f"{caller.principal} is no person", hint="log in: gatekeeper login"
        )
    return caller.person, caller.session


def own(server: Server, caller: Caller) -> list[Session]:
    """The sessions of the caller that are not over.

    Raises:
        Denied: the caller is no person.
    """
    person_id, _ = demand_person(caller)
    return server.database.read(lambda connection: _usable(connection, person_id, server))


def end_own(server: Server, caller: Caller, session_id: str | None = None) -> None:
    """End a session of the caller: the one that asks, or another one.

    Raises:
        Denied: the caller is no person.
        NotFound: the person has no such session.
    """
    person_id, current = demand_person(caller)
    wanted, at = session_id or current, server.clock()
    if not server.database.write(lambda connection: sessions.end(connection, person_id, wanted, at)):
        raise coded(NotFound, "session-not-found", f"you have no open session {wanted[:40]!r}")


def end_all(server: Server, caller: Caller, person_id: str) -> int:
    """End all sessions of a person; how many there were.

    Raises:
        Denied: the caller is no administrator.
        NotFound: there is no such person.
    """
    authorize.demand(caller, Scope.ADMIN)
    at = server.clock()

    def work(connection: Connection) -> int:
        if people.by_id(connection, person_id) is None:
            raise no_such_person(person_id)
        return sessions.end_all(connection, person_id, at)

    return server.database.write(work)


def no_such_person(person_id: str) -> ServiceError:
    """The refusal of an id that is nobody's."""
    return coded(NotFound, "person-not-found", f"there is no person {person_id[:40]!r}")


def _usable(connection: Connection, person_id: str, server: Server) -> list[Session]:
    now = server.clock()
    found = sessions.open_of(connection, person_id, now)
    return [one for one in found if now < one.last_used_at + server.rules.session_idle]


def _found(connection: Connection, session_id: str) -> Found | None:
    session = sessions.by_id(connection, session_id)
    person = people.by_id(connection, session.person) if session is not None else None
    if session is None or person is None:
        return None
    return Found(session, person, tuple(people.grants(connection, person.id)))


def _over(session: Session, what: str) -> ServiceError:
    return coded(
        NotAuthenticated, "session-ended", f"session gks_{session.id} {what}", hint="log in: gatekeeper login"
    )
