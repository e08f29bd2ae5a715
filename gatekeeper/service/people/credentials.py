"""What proves a local account: its password and its second factor, changed by its owner or an administrator.

Whoever changes what proves them gets a new session in place of the one that asks; all others are over.
"""

from datetime import datetime

from gatekeeper.caller import Caller, Scope
from gatekeeper.person import LocalAccount, Session
from gatekeeper.service.errors import Conflict, Denied, NotFound, Refused, coded
from gatekeeper.service.identity import authorize
from gatekeeper.service.people import accounts, login, passwords, throttle, totp
from gatekeeper.service.people.sessions import demand_person, renewed
from gatekeeper.service.server import Server
from gatekeeper.store import people, sessions
from gatekeeper.store.database import Connection

APP = "Gatekeeper"
"""How authenticator apps call this server."""


def set_password(server: Server, caller: Caller, person_id: str, password: str, *, reset_totp: bool) -> None:
    """Give the person another password; with `reset_totp` the second factor goes. The sessions end.

    Raises:
        Denied, NotFound: the caller is no administrator; there is no such person, or no local account.
        Refused: `bad-password`.
    """
    authorize.demand(caller, Scope.ADMIN)
    account = server.database.read(lambda connection: _account(connection, person_id))
    passwords.demand_usable(password, account.login)
    kept, at = passwords.hashed(password), server.clock()

    def work(connection: Connection) -> None:
        person = accounts.there(connection, account.person)
        people.set_password(connection, account.login, kept)
        if reset_totp:
            people.set_totp(connection, account.login, None)
            people.set_codes(connection, account.login, ())
        sessions.end_all(connection, person.id, at)
        accounts.tell_changed(connection, person, caller, at)

    server.database.write(work)


def change_password(
    server: Server, caller: Caller, *, old: str, new: str, code: str | None, address: str
) -> tuple[Session, str]:
    """The session that goes on, and its new secret. The old password shows that no thief of it asks.

    Raises:
        Denied: the caller is no person, or `password-wrong`.
        NotAuthenticated: `totp-required`.
        TooManyLogins: too many tries.
        Refused: `bad-password`.
        NotFound: the person has no local account.
    """
    person_id, _ = demand_person(caller)
    account = server.database.read(lambda connection: _account(connection, person_id))
    passwords.demand_usable(new, account.login)
    throttle.charge(server, account.login, address)
    if not passwords.matches(account.password, old):
        raise coded(Denied, "password-wrong", "the old password is wrong")
    kept, at = passwords.hashed(new), server.clock()

    def work(connection: Connection) -> tuple[Session, str]:
        login.demand_proof(connection, account, code, at)
        throttle.forgive(connection, account.login, address, at)
        people.set_password(connection, account.login, kept)
        return _renewed(connection, server, caller, at)

    return server.database.write(work)


def begin_totp(server: Server, caller: Caller) -> tuple[str, str]:
    """A secret for the caller's authenticator app, and the URI for its QR code. Not asked for yet.

    Raises:
        Denied, NotFound: the caller is no person, or has no local account.
        Conflict: `totp-there`: take the old one away first.
    """
    person_id, _ = demand_person(caller)
    secret = totp.new_secret()

    def work(connection: Connection) -> str:
        account = _account(connection, person_id)
        if account.totp_confirmed:
            raise coded(Conflict, "totp-there", "there is a second factor already", hint="take it away first")
        people.set_totp(connection, account.login, secret)
        return account.login

    return secret, totp.uri_of(secret, server.database.write(work), APP)


def confirm_totp(server: Server, caller: Caller, code: str, address: str) -> tuple[Session, str, list[str]]:
    """The session that goes on with its new secret, and the recovery codes, which are shown once.

    Raises:
        Denied, NotFound: the caller is no person, or has no local account.
        Refused: `totp-wrong`: it is not the code of now.
        Conflict: `totp-there`, or nothing was begun.
        TooManyLogins: too many tries.
    """
    person_id, _ = demand_person(caller)
    at, codes = server.clock(), totp.new_recovery_codes()
    account = server.database.read(lambda connection: _account(connection, person_id))
    if account.totp is None or account.totp_confirmed:
        raise coded(
            Conflict, "totp-there", "nothing waits for a code", hint="begin with POST /people/me/totp"
        )
    throttle.charge(server, account.login, address)
    secret = account.totp

    def work(connection: Connection) -> tuple[Session, str]:
        step = totp.matching_step(secret, code.strip(), at)
        if step is None or not people.use_step(connection, account.login, step):
            raise coded(Refused, "totp-wrong", "this is not the code of now", hint="compare the clock")
        throttle.forgive(connection, account.login, address, at)
        people.set_totp(connection, account.login, secret, is_confirmed=True)
        people.set_codes(connection, account.login, (totp.recovery_digest(one) for one in codes))
        return _renewed(connection, server, caller, at)

    session, plain = server.database.write(work)
    return session, plain, codes


def remove_totp(server: Server, caller: Caller, code: str, address: str) -> tuple[Session, str]:
    """The session that goes on with its new secret; no code is asked for any more.

    Raises:
        Denied, NotFound: the caller is no person, or has no local account.
        NotAuthenticated: `totp-required`: the code does not prove it.
        TooManyLogins: too many tries.
    """
    person_id, _ = demand_person(caller)
    at = server.clock()
    account = server.database.read(lambda connection: _account(connection, person_id))
    throttle.charge(server, account.login, address)

    def work(connection: Connection) -> tuple[Session, str]:
        login.demand_proof(connection, account, code, at)
        throttle.forgive(connection, account.login, address, at)
        people.set_totp(connection, account.login, None)
        people.set_codes(connection, account.login, ())
        return _renewed(connection, server, caller, at)

    return server.database.write(work)


def _renewed(connection: Connection, server: Server, caller: Caller, at: datetime) -> tuple[Session, str]:
    person_id, _ = demand_person(caller)
    accounts.tell_changed(connection, accounts.there(connection, person_id), caller, at)
    return renewed(connection, caller, rules=server.rules, at=at)


def _account(connection: Connection, person_id: str) -> LocalAccount:
    """The first local account of the person: who was joined may have several."""
    accounts.there(connection, person_id)
    found = people.accounts(connection, person_id)
    if not found:
        raise coded(
            NotFound, "no-local-account", f"{person_id} logs in by a provider and has no password here"
        )
    return found[0]
