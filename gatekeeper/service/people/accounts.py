"""People as an administrator sees them: added, listed, shut out and let in again."""

from datetime import datetime

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.person import LOCAL, Grant, Identity, LocalAccount, Person
from gatekeeper.recorded import Event
from gatekeeper.service.errors import Conflict, Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.people import joining, passwords, roles
from gatekeeper.service.people.login import MAX_LOGIN_CHARS, is_login
from gatekeeper.service.people.sessions import no_such_person
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, people, sessions
from gatekeeper.store.database import Connection
from gatekeeper.store.statements import one_at_a_time

MAX_NAME_CHARS = 100


class Known(msgspec.Struct, frozen=True):
    """A person with all accounts, and with all that was ever granted."""

    person: Person
    identities: tuple[Identity, ...]
    grants: tuple[Grant, ...]
    has_totp: bool


def add(
    server: Server,
    caller: Caller,
    *,
    name: str,
    login: str,
    password: str,
    email: str | None = None,
    email_verified: bool = False,
    is_admin: bool = False,
) -> Known:
    """The person of a new local account: a new one, or the one who has this verified e-mail already.

    The first administrator without an end ends the bootstrap token.

    Raises:
        Denied: the caller is no administrator.
        Conflict: `login-taken`.
        Refused: `bad-parameter`, `bad-password`.
    """
    authorize.demand(caller, Scope.ADMIN)
    _check(name, login, email, email_verified=email_verified)
    passwords.demand_usable(password, login)
    kept, at = passwords.hashed(password), server.clock()
    account = joining.Account(
        issuer=LOCAL, subject=login, name=name, email=email, email_verified=email_verified
    )

    def work(connection: Connection) -> Known:
        one_at_a_time(connection)
        if people.identity(connection, LOCAL, login) is not None:
            raise coded(Conflict, "login-taken", f"there is an account with the login name {login!r}")
        person = joining.person_of(connection, account, actor=caller.principal, at=at)
        people.add_account(connection, LocalAccount(login=login, person=person.id, password=kept))
        if is_admin:
            roles.keep(
                connection, person.id, scopes=frozenset({Scope.ADMIN}), projects=("*",), caller=caller, at=at
            )
        return _known(connection, person)

    return server.database.write(work)


def get(server: Server, caller: Caller, person_id: str) -> Known:
    """The person, with accounts and grants.

    Raises:
        Denied, NotFound: the caller is no administrator; there is no such person.
    """
    authorize.demand(caller, Scope.ADMIN)
    return server.database.read(lambda connection: _known(connection, there(connection, person_id)))


def page(server: Server, caller: Caller, *, after: str, limit: int) -> tuple[list[Known], str | None]:
    """People by id, and the cursor of the next page. Those who were joined into others are left out."""
    authorize.demand(caller, Scope.ADMIN)

    def work(connection: Connection) -> tuple[list[Known], str | None]:
        found = people.page(connection, after=after, limit=limit + 1)
        shown = [_known(connection, one) for one in found[:limit]]
        return shown, found[limit - 1].id if len(found) > limit else None

    return server.database.read(work)


def set_active(server: Server, caller: Caller, person_id: str, *, is_active: bool) -> Known:
    """The person, who from now on can do nothing, or can log in again. Asking twice changes nothing.

    Raises:
        Denied, NotFound: the caller is no administrator; there is no such person.
        Conflict: `person-joined`: it turned out to be somebody else, who can be let in or shut out.
    """
    authorize.demand(caller, Scope.ADMIN)
    at = server.clock()

    def work(connection: Connection) -> Known:
        person = there(connection, person_id)
        if person.joined_into is not None:
            raise coded(Conflict, "person-joined", f"{person_id} is the person {person.joined_into} by now")
        change = people.activate if is_active else people.deactivate
        if change(connection, person_id):
            sessions.end_all(connection, person_id, at)
            tell_changed(connection, there(connection, person_id), caller, at)
        return _known(connection, there(connection, person_id))

    return server.database.write(work)


def there(connection: Connection, person_id: str) -> Person:
    """The person with this id.

    Raises:
        NotFound: `person-not-found`.
    """
    person = people.by_id(connection, person_id)
    if person is None:
        raise no_such_person(person_id)
    return person


def tell_changed(connection: Connection, person: Person, caller: Caller, at: datetime) -> None:
    """Tell the ledger that something of the person was changed by the caller."""
    told = event(
        Event.PERSON_CHANGED, msgspec.structs.replace(person, name=""), project_id=None,
        actor=caller.principal, at=at, subject=person.id,
    )  # fmt: skip
    outbox.tell(connection, told)


def _known(connection: Connection, person: Person) -> Known:
    return Known(
        person,
        tuple(people.identities(connection, person.id)),
        tuple(people.grants(connection, person.id)),
        any(one.totp_confirmed for one in people.accounts(connection, person.id)),
    )


def _check(name: str, login: str, email: str | None, *, email_verified: bool) -> None:
    if not 1 <= len(name) <= MAX_NAME_CHARS or not name.isprintable() or not name.strip():
        raise coded(Refused, "bad-parameter", f"name is 1 to {MAX_NAME_CHARS} printable characters")
    if not is_login(login):
        raise coded(
            Refused,
            "bad-parameter",
            f"login is 1 to {MAX_LOGIN_CHARS} small letters, digits and . _ @ + -, beginning with a letter "
            "or digit",
        )
    if email is not None and joining.email_key(email) is None:
        raise coded(
            Refused,
            "bad-parameter",
            f"email is no e-mail address of at most {joining.MAX_EMAIL_CHARS} characters",
        )
    if email_verified and email is None:
        raise coded(Refused, "bad-parameter", "email_verified without an email vouches for nothing")
