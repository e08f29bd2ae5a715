"""Sessions of people, failed logins, and logins that a provider has not answered yet."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, delete, select, update

from gatekeeper.caller import Holding
from gatekeeper.person import OidcAttempt, Session
from gatekeeper.store.convert import Row, text_of, value_of
from gatekeeper.store.statements import insert_new, table

_SESSION = table("session")
_FAILURE = table("login_failure")
_ATTEMPT = table("oidc_attempt")


def add(connection: Connection, session: Session) -> None:
    """Keep a new session."""
    columns = msgspec.structs.asdict(session) | {"held": text_of(session.held)}
    connection.execute(_SESSION.insert().values(**columns))


def by_id(connection: Connection, session_id: str) -> Session | None:
    """The session with this public part."""
    row = connection.execute(select(_SESSION).where(_SESSION.c.id == session_id)).mappings().first()
    return _session_of(row) if row else None


def open_of(connection: Connection, person_id: str, at: datetime) -> list[Session]:
    """The sessions of a person that were not ended and are not at their end, the newest first."""
    wanted = select(_SESSION).where(
        _SESSION.c.person == person_id, _SESSION.c.ended_at.is_(None), _SESSION.c.ends_at > at
    )
    rows = connection.execute(wanted.order_by(_SESSION.c.created_at.desc(), _SESSION.c.id)).mappings()
    return [_session_of(row) for row in rows]


def end(connection: Connection, person_id: str, session_id: str, at: datetime) -> bool:
    """End a session of the person now; False when it had been ended, or there is none."""
    ended = update(_SESSION).where(
        _SESSION.c.id == session_id, _SESSION.c.person == person_id, _SESSION.c.ended_at.is_(None)
    )
    return connection.execute(ended.values(ended_at=at)).rowcount == 1


def end_all(connection: Connection, person_id: str, at: datetime) -> int:
    """End all sessions of a person now; how many."""
    ended = update(_SESSION).where(_SESSION.c.person == person_id, _SESSION.c.ended_at.is_(None))
    return connection.execute(ended.values(ended_at=at)).rowcount


def note_use(connection: Connection, session_id: str, at: datetime) -> None:
    """Note that the session was used."""
    connection.execute(update(_SESSION).where(_SESSION.c.id == session_id).values(last_used_at=at))


def forget_before(connection: Connection, at: datetime) -> None:
    """Take away the sessions that were over before `at`."""
    connection.execute(delete(_SESSION).where(_SESSION.c.ends_at < at))


def failures(connection: Connection, key: str, at: datetime) -> tuple[int, datetime, datetime]:
    """How many failures of `key`, when the last was, and from when on the next try is heard.

    Every other transaction that asks for the same key waits until this one ends.
    """
    insert_new(connection, "login_failure", {"key": key, "count": 0, "last_at": at, "again_at": at})
    wanted = select(_FAILURE.c.count, _FAILURE.c.last_at, _FAILURE.c.again_at).where(_FAILURE.c.key == key)
    row = connection.execute(wanted.with_for_update()).one()
    return row[0], row[1], row[2]


def set_failures(connection: Connection, key: str, count: int, last_at: datetime, again_at: datetime) -> None:
    """Note the failures of `key`."""
    values = {"count": count, "last_at": last_at, "again_at": again_at}
    connection.execute(update(_FAILURE).where(_FAILURE.c.key == key).values(**values))


def forget_failures(connection: Connection, at: datetime) -> None:
    """Take away the failures of whoever did not fail since `at`."""
    connection.execute(delete(_FAILURE).where(_FAILURE.c.last_at < at))


def clear_failures(connection: Connection, key: str) -> None:
    """Forget the failures of `key`."""
    connection.execute(delete(_FAILURE).where(_FAILURE.c.key == key))


def begin(connection: Connection, attempt: OidcAttempt) -> bool:
    """Keep a login that was begun; False when its state is taken."""
    return insert_new(connection, "oidc_attempt", msgspec.structs.asdict(attempt))


def forget_attempts(connection: Connection, at: datetime) -> None:
    """Take away the logins that were begun before `at` and that nobody finished."""
    connection.execute(delete(_ATTEMPT).where(_ATTEMPT.c.began_at < at))


def finish(connection: Connection, state_sha256: str, at: datetime, within: timedelta) -> OidcAttempt | None:
    """The login that was begun with this state at most `within` ago; it is gone with that."""
    row = connection.execute(
        delete(_ATTEMPT).where(_ATTEMPT.c.state_sha256 == state_sha256).returning(_ATTEMPT)
    ).mappings().first()  # fmt: skip
    if row is None or not timedelta(0) <= at - row["began_at"] < within:
        return None
    return OidcAttempt(**row)


def _session_of(row: Row) -> Session:
    plain = {name: row[name] for name in Session.__struct_fields__ if name != "held"}
    return Session(**plain, held=value_of(row["held"], tuple[Holding, ...]))
