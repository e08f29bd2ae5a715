"""People, their accounts and their grants."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, select, update

from gatekeeper.caller import Scope
from gatekeeper.person import Grant, Identity, LocalAccount, Person
from gatekeeper.store.convert import Row, text_of, value_of
from gatekeeper.store.statements import insert_new, table

_PERSON = table("person")
_IDENTITY = table("person_identity")
_ACCOUNT = table("local_account")
_CODE = table("recovery_code")
_GRANT = table("person_grant")


def add(connection: Connection, person: Person) -> None:
    """Keep a new person."""
    connection.execute(_PERSON.insert().values(**msgspec.structs.asdict(person)))


def by_id(connection: Connection, person_id: str) -> Person | None:
    """The person with this id, also one that was joined into another."""
    row = connection.execute(select(_PERSON).where(_PERSON.c.id == person_id)).mappings().first()
    return Person(**row) if row else None


def page(connection: Connection, *, after: str, limit: int) -> list[Person]:
    """People by id, beginning after `after`; those who were joined into others are left out."""
    wanted = select(_PERSON).where(_PERSON.c.id > after, _PERSON.c.joined_into.is_(None))
    found = connection.execute(wanted.order_by(_PERSON.c.id).limit(limit)).mappings()
    return [Person(**row) for row in found]


def deactivate(connection: Connection, person_id: str) -> bool:
    """Let the person do nothing any more; False when that was so before."""
    ended = update(_PERSON).where(_PERSON.c.id == person_id, _PERSON.c.is_active.is_(True))
    return connection.execute(ended.values(is_active=False)).rowcount == 1


def join(connection: Connection, person_id: str, into: str) -> None:
    """Note that the person turned out to be another one, and so did all who had turned out to be this one."""
    mine = (_PERSON.c.id == person_id) | (_PERSON.c.joined_into == person_id)
    connection.execute(update(_PERSON).where(mine).values(joined_into=into))


def activate(connection: Connection, person_id: str) -> bool:
    """Let the person log in again; False when nothing was to be done, or it is somebody else by now."""
    back = update(_PERSON).where(
        _PERSON.c.id == person_id, _PERSON.c.is_active.is_(False), _PERSON.c.joined_into.is_(None)
    )
    return connection.execute(back.values(is_active=True)).rowcount == 1


def joined_ids(connection: Connection, person_id: str) -> list[str]:
    """Ids of all who turned out to be this person: what they signed, this one signed."""
    wanted = select(_PERSON.c.id).where(_PERSON.c.joined_into == person_id).order_by(_PERSON.c.id)
    return list(connection.execute(wanted).scalars())


def add_identity(connection: Connection, identity: Identity) -> bool:
    """Keep a new account; False when there is one of this issuer and subject."""
    return insert_new(connection, "person_identity", msgspec.structs.asdict(identity))


def identity(connection: Connection, issuer: str, subject: str) -> Identity | None:
    """The account of this issuer and subject."""
    wanted = (_IDENTITY.c.issuer == issuer) & (_IDENTITY.c.subject == subject)
    row = connection.execute(select(_IDENTITY).where(wanted)).mappings().first()
    return Identity(**row) if row else None


def identities(connection: Connection, person_id: str) -> list[Identity]:
    """All accounts of a person."""
    wanted = select(_IDENTITY).where(_IDENTITY.c.person == person_id)
    found = connection.execute(wanted.order_by(_IDENTITY.c.issuer, _IDENTITY.c.subject)).mappings()
    return [Identity(**row) for row in found]


def with_verified_email(connection: Connection, email: str) -> list[Identity]:
    """The accounts for which somebody vouches that this e-mail is theirs."""
    wanted = select(_IDENTITY).where(_IDENTITY.c.email == email, _IDENTITY.c.email_verified.is_(True))
    return [Identity(**row) for row in connection.execute(wanted).mappings()]


def set_email(connection: Connection, one: Identity, email: str | None, *, is_verified: bool) -> None:
    """Note what its provider says of the e-mail now."""
    wanted = (_IDENTITY.c.issuer == one.issuer) & (_IDENTITY.c.subject == one.subject)
    connection.execute(update(_IDENTITY).where(wanted).values(email=email, email_verified=is_verified))


def move_accounts(connection: Connection, old: str, new: str) -> None:
    """Give all accounts of one person to another."""
    for owned in (_IDENTITY, _ACCOUNT):
        connection.execute(update(owned).where(owned.c.person == old).values(person=new))


def add_account(connection: Connection, account: LocalAccount) -> None:
    """Keep a new local account."""
    connection.execute(_ACCOUNT.insert().values(**msgspec.structs.asdict(account)))


def account(connection: Connection, login: str) -> LocalAccount | None:
    """The local account of this login name."""
    row = connection.execute(select(_ACCOUNT).where(_ACCOUNT.c.login == login)).mappings().first()
    return LocalAccount(**row) if row else None


def accounts(connection: Connection, person_id: str) -> list[LocalAccount]:
    """The local accounts of a person: several when they were joined."""
    wanted = select(_ACCOUNT).where(_ACCOUNT.c.person == person_id).order_by(_ACCOUNT.c.login)
    return [LocalAccount(**row) for row in connection.execute(wanted).mappings()]


def set_password(connection: Connection, login: str, password: str) -> None:
    """Replace the hash of the password."""
    connection.execute(update(_ACCOUNT).where(_ACCOUNT.c.login == login).values(password=password))


def set_totp(connection: Connection, login: str, secret: str | None, *, is_confirmed: bool = False) -> None:
    """Replace, confirm or take away the secret of the second factor. The last used step stays."""
    values = {"totp": secret, "totp_confirmed": is_confirmed}
    connection.execute(update(_ACCOUNT).where(_ACCOUNT.c.login == login).values(**values))


def use_step(connection: Connection, login: str, step: int) -> bool:
    """Note that the code of `step` was used; False when that one or a later one was used before."""
    used = update(_ACCOUNT).where(_ACCOUNT.c.login == login, _ACCOUNT.c.totp_step < step)
    return connection.execute(used.values(totp_step=step)).rowcount == 1


def set_codes(connection: Connection, login: str, digests: Iterable[str]) -> None:
    """Replace all recovery codes."""
    connection.execute(delete(_CODE).where(_CODE.c.login == login))
    for sha256 in digests:
        connection.execute(_CODE.insert().values(login=login, sha256=sha256))


def use_code(connection: Connection, login: str, sha256: str) -> bool:
    """Use up a recovery code; False when there is none."""
    gone = delete(_CODE).where(_CODE.c.login == login, _CODE.c.sha256 == sha256)
    return connection.execute(gone).rowcount == 1


def add_grant(connection: Connection, grant: Grant) -> None:
    """Keep a new grant."""
    columns = msgspec.structs.asdict(grant)
    columns |= {"scopes": text_of(sorted(grant.scopes)), "projects": text_of(grant.projects)}
    connection.execute(_GRANT.insert().values(**columns))


def grants(connection: Connection, person_id: str) -> list[Grant]:
    """All grants of a person in the order in which they were given, also ended ones."""
    wanted = select(_GRANT).where(_GRANT.c.person == person_id).order_by(_GRANT.c.id)
    return [_grant_of(row) for row in connection.execute(wanted).mappings()]


def revoke_grant(connection: Connection, person_id: str, grant_id: str, at: datetime) -> bool:
    """End a grant of the person now; False when it had been revoked before, or there is none."""
    ended = update(_GRANT).where(
        _GRANT.c.id == grant_id, _GRANT.c.person == person_id, _GRANT.c.revoked_at.is_(None)
    )
    return connection.execute(ended.values(revoked_at=at)).rowcount == 1


def has_lasting_admin(connection: Connection) -> bool:
    """True while an active person with a password is administrator, and no end is set to that."""
    wanted = (
        select(_GRANT.c.scopes)
        .join(_PERSON, _PERSON.c.id == _GRANT.c.person)
        .join(_ACCOUNT, _ACCOUNT.c.person == _PERSON.c.id)
        .where(_PERSON.c.is_active.is_(True), _GRANT.c.revoked_at.is_(None), _GRANT.c.expires_at.is_(None))
    )
    return any(Scope.ADMIN in value_of(row[0], list[str]) for row in connection.execute(wanted))


def holders(connection: Connection, role: str, at: datetime) -> list[tuple[Person, Grant]]:
    """Active people who have `role` somewhere by a grant, and that grant: who may be asked to sign."""
    wanted = (
        select(_GRANT)
        .join(_PERSON, _PERSON.c.id == _GRANT.c.person)
        .where(_PERSON.c.is_active.is_(True), _GRANT.c.role == role)
        .order_by(_GRANT.c.id)
    )
    found = [_grant_of(row) for row in connection.execute(wanted).mappings()]
    people = ((by_id(connection, one.person), one) for one in found if one.holds_at(at))
    return [(person, one) for person, one in people if person is not None]


def hold_scope(connection: Connection, scope: Scope, at: datetime) -> bool:
    """True while some active person holds `scope` by a grant."""
    wanted = (
        select(_GRANT)
        .join(_PERSON, _PERSON.c.id == _GRANT.c.person)
        .where(_PERSON.c.is_active.is_(True), _GRANT.c.revoked_at.is_(None))
    )
    found = (_grant_of(row) for row in connection.execute(wanted).mappings())
    return any(scope in one.scopes and one.holds_at(at) for one in found)


def _grant_of(row: Row) -> Grant:
    lists = {name: tuple(value_of(row[name], list[str])) for name in ("scopes", "projects")}
    plain = {name: row[name] for name in Grant.__struct_fields__ if name not in lists}
    return msgspec.convert(plain | lists, Grant)
