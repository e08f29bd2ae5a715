"""Logging in with a password of this server, and a code where its owner asked for that.

An unknown login name and a wrong password get the same answer after the same work. The steps:

1. the try is counted, and refused when it comes too early;
2. the password is compared, with a hash that nobody has where there is no account;
3. the code is used up, where one is demanded;
4. the session begins, and the tries are forgotten.
"""

import re
from datetime import datetime

import structlog

from gatekeeper.person import LOCAL, LocalAccount, Person, Session
from gatekeeper.service.errors import NotAuthenticated, ServiceError, coded
from gatekeeper.service.people import passwords, throttle, totp
from gatekeeper.service.people import sessions as own_sessions
from gatekeeper.service.server import Server
from gatekeeper.store import people
from gatekeeper.store.database import Connection

MAX_LOGIN_CHARS = 100
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]*", re.ASCII)
MAX_CODE_CHARS = 40

log = structlog.get_logger(__name__)


def log_in(
    server: Server, *, login: str, password: str, code: str | None, address: str
) -> tuple[Session, str]:
    """A new session and its secret. `code` is one of the second factor, or a recovery code.

    Raises:
        TooManyLogins: too many failed before, of this login name or from this address.
        NotAuthenticated: `login-failed`, or `totp-required` when the password is right and the code is not.
    """
    login = login.strip().lower()
    throttle.charge(server, login, address)  # 1.
    account = server.database.read(lambda connection: _account(connection, login))
    is_right = passwords.matches(account.password if account else None, password)  # 2.
    if account is None or not is_right:
        log.info("login.failed", address=address)
        raise _failed()
    at = server.clock()
    fresh = passwords.hashed(password) if passwords.is_outdated(account.password) else None

    def work(connection: Connection) -> tuple[Session, str] | None:
        now_kept = people.account(connection, login)
        person = _of(connection, account)
        if now_kept is None or now_kept.password != account.password or not person.is_active:
            return None  # changed or shut out since step 2
        if account.totp_confirmed and not _uses_code(connection, account, code, at):  # 3.
            return None
        if fresh is not None:
            people.set_password(connection, login, fresh)
        throttle.forgive(connection, login, address, at)  # 4.
        return own_sessions.begin(connection, person, method=LOCAL, rules=server.rules, at=at)

    begun = server.database.write(work)
    if begun is not None:
        log.info("login.succeeded", person=begun[0].person, address=address)
        return begun
    log.info("login.failed", address=address)
    if not account.totp_confirmed:
        raise _failed()  # not active: who is shut out learns nothing about it
    raise coded(
        NotAuthenticated,
        "totp-required",
        "the code of the second factor is missing, wrong or was used before",
        hint="send `totp`: six digits, or one of the recovery codes",
    )


def is_login(text: str) -> bool:
    """True when `text` can be a login name: small letters, digits and `._@+-`."""
    return len(text) <= MAX_LOGIN_CHARS and _LOGIN.fullmatch(text) is not None


def demand_proof(connection: Connection, account: LocalAccount, code: str | None, at: datetime) -> None:
    """Return when `code` proves the second factor of the account, which is used up; or it has none.

    Raises:
        NotAuthenticated: `totp-required`.
    """
    if account.totp_confirmed and not _uses_code(connection, account, code, at):
        raise coded(NotAuthenticated, "totp-required", "the code is missing, wrong or was used before")


def _uses_code(connection: Connection, account: LocalAccount, code: str | None, at: datetime) -> bool:
    if not code or account.totp is None or len(code) > MAX_CODE_CHARS:
        return False
    step = totp.matching_step(account.totp, code.strip(), at)
    if step is not None:
        return people.use_step(connection, account.login, step)
    return people.use_code(connection, account.login, totp.recovery_digest(code))


def _account(connection: Connection, login: str) -> LocalAccount | None:
    """The account; for a text that can be none nobody is asked, for not every database takes every text."""
    return people.account(connection, login) if is_login(login) else None


def _of(connection: Connection, account: LocalAccount) -> Person:
    person = people.by_id(connection, account.person)
    if person is None:
        raise AssertionError(account.person)
    return person


def _failed() -> ServiceError:
    return coded(
        NotAuthenticated,
        "login-failed",
        "the login name or the password is wrong",
        hint="an administrator can set another password: gatekeeper person password",
    )
