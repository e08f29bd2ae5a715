"""Who an account is. Accounts with one verified e-mail are one person; nothing else joins anybody.

The steps, inside of one transaction in which no other account is looked for:

1. an account that is known is its person; what its provider says of the e-mail now is noted;
2. a verified e-mail that others have verified too: all of them are the person who was there first;
3. else an account that is not known is a new person, who may do nothing yet.
"""

from datetime import datetime

import msgspec

from gatekeeper.person import Identity, Person
from gatekeeper.recorded import Event
from gatekeeper.service.events import event
from gatekeeper.service.ids import new_id
from gatekeeper.store import outbox, people, sessions
from gatekeeper.store.database import Connection

MAX_EMAIL_CHARS = 254


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account as whoever vouches for it describes it."""

    issuer: str
    subject: str
    name: str
    email: str | None = None
    email_verified: bool = False


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a join: `other` is a person that was, or the account that came to a person."""

    person: str
    other: str
    identities: tuple[Identity, ...]


def person_of(connection: Connection, account: Account, *, actor: str, at: datetime) -> Person:
    """The person of the account, who may be new, or joined with this, or not active.

    Call it behind `one_at_a_time`: else two that begin at once could become two persons.
    """
    email = email_key(account.email)
    is_verified = account.email_verified and email is not None
    known = people.identity(connection, account.issuer, account.subject)
    if known is not None:  # 1.
        if (known.email, known.email_verified) != (email, is_verified):
            people.set_email(connection, known, email, is_verified=is_verified)
        person = _there(connection, known.person)
    else:
        found = _with_email(connection, email if is_verified else None)  # 2.
        person = found if found is not None else _new(connection, account.name, actor=actor, at=at)  # 3.
        made = Identity(
            issuer=account.issuer,
            subject=account.subject,
            person=person.id,
            email=email,
            email_verified=is_verified,
            created_at=at,
        )
        people.add_identity(connection, made)
        if found is not None:
            _tell_joined(connection, person.id, account.subject, (made,), actor=actor, at=at)
    return _united(connection, person, email, actor=actor, at=at) if is_verified else person


def email_key(email: str | None) -> str | None:
    """The e-mail as it is compared: without blanks around it, in small letters. None when it is none."""
    key = (email or "").strip().lower()
    is_one = 3 <= len(key) <= MAX_EMAIL_CHARS and key.count("@") == 1 and key.isprintable() and " " not in key
    return key if is_one and not key.startswith("@") and not key.endswith("@") else None


def _united(connection: Connection, person: Person, email: str | None, *, actor: str, at: datetime) -> Person:
    """The first of all who have the e-mail; the others become that one."""
    found = {one.person for one in people.with_verified_email(connection, email or "")} | {person.id}
    first, *others = sorted(
        (_there(connection, one) for one in found), key=lambda one: (one.created_at, one.id)
    )
    for other in others:
        first = _join(connection, first, other, actor=actor, at=at)
    return first


def _join(connection: Connection, first: Person, other: Person, *, actor: str, at: datetime) -> Person:
    """`first`, who `other` turned out to be. Rights go with it; a person that was shut out stays out."""
    moved = tuple(people.identities(connection, other.id))
    for grant in people.grants(connection, other.id):
        if grant.holds_at(at) and people.revoke_grant(connection, other.id, grant.id, at):
            again = msgspec.structs.replace(grant, id=new_id("grt", at), person=first.id, granted_at=at)
            people.add_grant(connection, again)
            _tell(connection, Event.ACCESS_REVOKED, {"id": grant.id}, grant.id, actor=actor, at=at)
            _tell(connection, Event.ACCESS_GRANTED, again, again.id, actor=actor, at=at)
    people.move_accounts(connection, other.id, first.id)
    for one in (first.id, other.id):  # whoever holds an old session shall not gain by this
        sessions.end_all(connection, one, at)
    people.deactivate(connection, other.id)
    people.join(connection, other.id, first.id)
    _tell_joined(connection, first.id, other.id, moved, actor=actor, at=at)
    if first.is_active and not other.is_active:
        people.deactivate(connection, first.id)
        return msgspec.structs.replace(first, is_active=False)
    return first


def _with_email(connection: Connection, email: str | None) -> Person | None:
    if email is None:
        return None
    found = people.with_verified_email(connection, email)
    return _there(connection, found[0].person) if found else None


def _new(connection: Connection, name: str, *, actor: str, at: datetime) -> Person:
    person = Person(id=new_id("usr", at), name=name, is_active=True, created_at=at)
    people.add(connection, person)
    shown = msgspec.structs.replace(person, name="")
    _tell(connection, Event.PERSON_ADDED, shown, person.id, actor=actor, at=at)
    return person


def _there(connection: Connection, person_id: str) -> Person:
    person = people.by_id(connection, person_id)
    if person is None:  # the database refuses an account without its person
        raise AssertionError(person_id)
    return person


def _tell_joined(
    connection: Connection,
    person: str,
    other: str,
    identities: tuple[Identity, ...],
    *,
    actor: str,
    at: datetime,
) -> None:
    record = Joined(person=person, other=other, identities=identities)
    _tell(connection, Event.PERSON_JOINED, record, person, actor=actor, at=at)


def _tell(
    connection: Connection, kind: Event, record: object, subject: str, *, actor: str, at: datetime
) -> None:
    outbox.tell(connection, event(kind, record, project_id=None, actor=actor, at=at, subject=subject))
