"""People on both engines: accounts, joins, logins, sessions and grants."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.errors import GatekeeperError
from gatekeeper.service import tokens
from gatekeeper.service.errors import Conflict, Denied, NotAuthenticated, NotFound, Refused, TooMany
from gatekeeper.service.people import accounts, credentials, joining, login, roles, sessions, totp
from gatekeeper.service.people.accounts import Known
from gatekeeper.store import people
from gatekeeper.store.statements import one_at_a_time, table

House = Any
"""The fixture `house` of the folder above."""
ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)
PASSWORD = "a horse that is correct"
WRONG, OTHER = "not the password", "another good one"
GITLAB = "https://gitlab.example.com"


def add(house: House, name: str = "ann", **more: Any) -> Known:
    """A person with a local account."""
    return accounts.add(house.server, ADMIN, **{"name": name, "login": name, "password": PASSWORD, **more})


def log_in(house: House, name: str = "ann", password: str = PASSWORD, **more: Any) -> str:
    """The secret of a new session."""
    more = {"code": None, "address": "192.0.2.1", **more}
    return login.log_in(house.server, login=name, password=password, **more)[1]


def caller(house: House, secret: str) -> Caller:
    """Who that is, looked up anew."""
    return sessions.Sessions(house.server).caller(secret)


def arrive(house: House, subject: str, email: str | None, *, is_verified: bool = True) -> str:
    """The id of the person behind an account of GitLab."""
    account = joining.Account(
        issuer=GITLAB, subject=subject, name=subject, email=email, email_verified=is_verified
    )

    def work(connection: sa.Connection) -> str:
        one_at_a_time(connection)
        return joining.person_of(connection, account, actor="login:gitlab", at=house.clock()).id

    return house.server.database.write(work)


def told(house: House) -> list[tuple[str, str, str]]:
    """Events for the ledger about people and access: (event, actor, subject)."""
    outbox = table("ledger_outbox")
    rows = house.server.database.read(
        lambda c: c.execute(
            sa.select(outbox.c.event, outbox.c.actor, outbox.c.subject).order_by(outbox.c.id)
        ).all()
    )
    return [(row[0], row[1], row[2]) for row in rows if row[0].startswith(("person.", "access."))]


def refusal(work: Callable[[], object]) -> GatekeeperError:
    """How `work` is refused."""
    with pytest.raises(GatekeeperError) as caught:
        work()
    return caught.value


def test_a_person_logs_in_and_is_known(house: House) -> None:
    """By the session alone, which holds what was granted, where it was granted."""
    ann = add(house)
    roles.grant(
        house.server, ADMIN, ann.person.id, role="qa-lead",
        scopes=frozenset({Scope.APPROVAL_GIVE}), projects=("pay/*",),
    )  # fmt: skip
    known = caller(house, log_in(house))
    assert (known.principal, known.person) == (f"person:{ann.person.id}", ann.person.id)
    assert known.roles_in("pay/api") == {"qa-lead"}
    assert known.roles_in("shop/api") == frozenset()
    assert known.scopes_in("pay/api") == {Scope.APPROVAL_GIVE}
    assert [(event, actor) for event, actor, _ in told(house)] == [
        ("person.added", "token:gk_admin"),
        ("access.granted", "token:gk_admin"),
    ]


def test_an_unknown_name_and_a_wrong_password_are_answered_alike(house: House) -> None:
    """And so is the right password of somebody who was shut out."""
    ann = add(house)
    wrong = refusal(lambda: log_in(house, password=WRONG))
    unknown = refusal(lambda: log_in(house, name="nobody"))
    accounts.set_active(house.server, ADMIN, ann.person.id, is_active=False)
    shut_out = refusal(lambda: log_in(house))
    assert {(one.code, one.message, one.hint) for one in (wrong, unknown, shut_out)} == {
        (wrong.code, wrong.message, wrong.hint)
    }
    assert wrong.code == "login-failed"


def test_failures_make_the_next_try_wait_longer_and_longer(house: House) -> None:
    """Also the right password waits; a success begins anew, and a wait that is over is over."""
    add(house)
    for _ in range(5):
        assert refusal(lambda: log_in(house, password="wrong" * 3)).code == "login-failed"
    waits = []
    for _ in range(4):
        error = refusal(lambda: log_in(house))
        assert (error.code, isinstance(error, TooMany)) == ("too-many-logins", True)
        waits.append(error.retry_after_s)  # type: ignore[attr-defined]
        house.clock.forward(seconds=waits[-1])
        assert refusal(lambda: log_in(house, password="wrong" * 3)).code == "login-failed"
    assert waits == [2, 4, 8, 16]
    house.clock.forward(seconds=33)
    log_in(house)
    assert refusal(lambda: log_in(house, password="wrong" * 3)).code == "login-failed"
    log_in(house)


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "a" * 5000, "' OR 1=1 --", "\u0430nn", ""])
def test_what_can_be_no_login_name_fails_like_any_other(house: House, name: str) -> None:
    """Also where the database takes no such text."""
    assert refusal(lambda: log_in(house, name=name)).code == "login-failed"


def test_a_name_that_nobody_has_waits_the_same(house: House) -> None:
    """Else the wait would tell which names there are."""
    for _ in range(5):
        refusal(lambda: log_in(house, name="nobody"))
    assert refusal(lambda: log_in(house, name="nobody")).code == "too-many-logins"


def test_an_address_that_tries_many_names_waits_too(house: House) -> None:
    """Others may go on."""
    add(house)
    for number in range(30):
        assert refusal(lambda number=number: log_in(house, name=f"n{number}")).code == "login-failed"
    assert refusal(lambda: log_in(house)).code == "too-many-logins"
    log_in(house, address="192.0.2.2")


def test_guesses_at_once_are_counted_one_by_one(house: House) -> None:
    """Forty threads get no more tries than one."""
    add(house)

    def guess(number: int) -> str:
        address = f"192.0.2.{number}"
        return refusal(lambda: log_in(house, password=f"guess number {number}", address=address)).code

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(guess, range(40)))
    assert answers.count("login-failed") == 5
    assert answers.count("too-many-logins") == 35


def test_a_code_is_asked_for_once_confirmed_and_works_once(house: House) -> None:
    """A recovery code too; without one the right password is not enough."""
    add(house)
    ann = caller(house, log_in(house))
    secret, _ = credentials.begin_totp(house.server, ann)
    log_in(house)  # not confirmed yet

    def code() -> str:
        return totp.code_at(secret, totp.step_of(house.clock()))

    assert refusal(lambda: credentials.confirm_totp(house.server, ann, "000000", "a")).code == "totp-wrong"
    used = code()
    _, renewed, codes = credentials.confirm_totp(house.server, ann, used, "a")
    assert refusal(lambda: caller(house, log_in(house))).code == "totp-required"
    assert refusal(lambda: log_in(house, code=used)).code == "totp-required", "it was used to confirm"
    house.clock.forward(seconds=60)
    current = code()
    log_in(house, code=current)
    assert refusal(lambda: log_in(house, code=current)).code == "totp-required"
    log_in(house, code=codes[0])
    assert refusal(lambda: log_in(house, code=codes[0])).code == "totp-required"
    assert refusal(lambda: log_in(house, password=WRONG, code=codes[1])).code == "login-failed"
    log_in(house, code=codes[1].upper())
    credentials.remove_totp(house.server, caller(house, renewed), codes[2], "a")
    log_in(house)


def test_two_logins_with_one_code_are_one(house: House) -> None:
    """However close they are."""
    add(house)
    ann = caller(house, log_in(house))
    secret, _ = credentials.begin_totp(house.server, ann)
    at = totp.step_of(house.clock())
    credentials.confirm_totp(house.server, ann, totp.code_at(secret, at), "a")
    house.clock.forward(seconds=30)
    code = totp.code_at(secret, totp.step_of(house.clock()))

    def enter(_: int) -> str:
        try:
            return log_in(house, code=code)
        except NotAuthenticated as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(enter, range(4)))
    assert answers.count("totp-required") == 3


def test_a_session_ends_by_idleness_and_by_age(house: House) -> None:
    """Using it keeps it, but not for ever."""
    add(house)
    idle, used = log_in(house), log_in(house)
    for _ in range(23):
        house.clock.forward(hours=7)
        caller(house, used)
    assert "was not used" in refusal(lambda: caller(house, idle)).message
    house.clock.forward(hours=7)
    assert "ended on" in refusal(lambda: caller(house, used)).message
    house.clock.forward(hours=-7 * 24)
    assert refusal(lambda: log_in(house, password="x" * 12)).code == "login-failed"


def test_a_session_that_was_ended_stays_so_when_the_clock_is_turned_back(house: House) -> None:
    """As a revoked token."""
    add(house)
    secret = log_in(house)
    sessions.end_own(house.server, caller(house, secret))
    house.clock.forward(days=-1)
    assert refusal(lambda: caller(house, secret)).code == "session-ended"


def test_what_is_lost_is_lost_at_once_and_what_is_gained_needs_a_login(house: House) -> None:
    """A secret that somebody else holds does not become worth more."""
    ann = add(house)
    before = log_in(house)
    grant = roles.grant(
        house.server, ADMIN, ann.person.id, role="ops", scopes=frozenset(), projects=("*",), expires_in_days=1
    )
    assert refusal(lambda: caller(house, before)).code == "session-ended"
    secret = log_in(house)
    assert caller(house, secret).roles_in("pay/api") == {"ops"}
    house.clock.forward(hours=7)
    caller(house, secret)
    roles.revoke(house.server, ADMIN, ann.person.id, grant.id)
    assert caller(house, secret).roles_in("pay/api") == frozenset()
    again = told(house)
    roles.revoke(house.server, ADMIN, ann.person.id, grant.id)
    assert told(house) == again, "ending it again changes nothing"
    assert again[-1][0] == "access.revoked"


def test_a_grant_ends_by_itself(house: House) -> None:
    """From its end on, also in a session that was begun before."""
    ann = add(house)
    roles.grant(
        house.server, ADMIN, ann.person.id, role="ops", scopes=frozenset(), projects=("*",), expires_in_days=1
    )
    secret = log_in(house)
    for _ in range(4):
        house.clock.forward(hours=5, minutes=59)
        assert caller(house, secret).roles_in("pay/api") == {"ops"}
    house.clock.forward(minutes=5)
    assert caller(house, secret).roles_in("pay/api") == frozenset()


def test_changing_the_password_renews_the_session_and_ends_the_others(house: House) -> None:
    """The one that asks goes on under another secret and no longer than before."""
    add(house)
    other, mine = log_in(house), log_in(house)
    asks = caller(house, mine)
    wrong = refusal(
        lambda: credentials.change_password(
            house.server, asks, old=WRONG, new=PASSWORD + "!", code=None, address="a"
        )
    )
    assert (wrong.code, isinstance(wrong, Denied)) == ("password-wrong", True)
    session, secret = credentials.change_password(
        house.server, asks, old=PASSWORD, new=PASSWORD + "!", code=None, address="a"
    )
    for old in (other, mine):
        assert refusal(lambda old=old: caller(house, old)).code == "session-ended"
    assert caller(house, secret).session == session.id
    assert refusal(lambda: log_in(house)).code == "login-failed"
    log_in(house, password=PASSWORD + "!")


def test_an_administrator_sets_a_password_and_ends_sessions(house: House) -> None:
    """It is told, since whoever sets it can log in."""
    ann = add(house)
    secret = log_in(house)
    credentials.set_password(house.server, ADMIN, ann.person.id, OTHER, reset_totp=True)
    assert refusal(lambda: caller(house, secret)).code == "session-ended"
    assert told(house)[-1] == ("person.changed", "token:gk_admin", ann.person.id)
    log_in(house, password=OTHER)
    assert sessions.end_all(house.server, ADMIN, ann.person.id) == 1
    assert refusal(lambda: sessions.end_all(house.server, ADMIN, "usr_nobody")).code == "person-not-found"


def test_who_was_shut_out_stays_out_until_let_in(house: House) -> None:
    """And has to log in again then."""
    ann = add(house)
    secret = log_in(house)
    accounts.set_active(house.server, ADMIN, ann.person.id, is_active=False)
    assert refusal(lambda: caller(house, secret)).code == "session-ended"
    conflict = refusal(
        lambda: roles.grant(
            house.server, ADMIN, ann.person.id, role="ops", scopes=frozenset(), projects=("*",)
        )
    )
    assert (conflict.code, isinstance(conflict, Conflict)) == ("person-not-active", True)
    accounts.set_active(house.server, ADMIN, ann.person.id, is_active=True)
    assert refusal(lambda: caller(house, secret)).code == "session-ended"
    log_in(house)


def test_accounts_with_one_verified_email_are_one_person(house: House) -> None:
    """The join is told; letters are compared small."""
    ann = add(house, email="Ann@Example.com", email_verified=True)
    assert arrive(house, "7", "ann@example.COM") == ann.person.id
    assert told(house)[-1] == ("person.joined", "login:gitlab", ann.person.id)
    assert arrive(house, "7", "ann@example.com") == ann.person.id, "and stays so"


@pytest.mark.parametrize(
    ("stated", "vouched", "comes", "is_verified"),
    [
        ("ann@example.com", False, "ann@example.com", True),
        ("ann@example.com", True, "ann@example.com", False),
        ("ann@example.com", True, "ann@example.com.evil", True),
        ("ann@example.com", True, "ann+x@example.com", True),
        ("ann@example.com", True, None, True),
        ("ann@example.com", True, "", True),
        (None, False, None, True),
    ],
)
def test_nothing_else_joins_anybody(
    house: House, stated: str | None, vouched: bool, comes: str | None, is_verified: bool
) -> None:
    """An e-mail that nobody vouches for is only text."""
    ann = add(house, email=stated, email_verified=vouched)
    assert arrive(house, "7", comes, is_verified=is_verified) != ann.person.id


def test_two_persons_who_turn_out_to_be_one_are_the_first(house: House) -> None:
    """Rights and accounts go along, old sessions end, and what the other signed is found under the first."""
    ann = add(house, email="ann@example.com", email_verified=True)
    bob = add(house, "bob")
    roles.grant(house.server, ADMIN, bob.person.id, role="ops", scopes=frozenset(), projects=("*",))
    other = arrive(house, "7", "new@example.com")
    secrets = [log_in(house, "ann"), log_in(house, "bob")]
    # The provider says of account 7 now that its e-mail is Ann's.
    assert arrive(house, "7", "ann@example.com") == ann.person.id
    known = accounts.get(house.server, ADMIN, ann.person.id)
    assert {(one.issuer, one.subject) for one in known.identities} == {("local", "ann"), (GITLAB, "7")}
    gone = accounts.get(house.server, ADMIN, other)
    assert (gone.person.is_active, gone.person.joined_into) == (False, ann.person.id)
    assert refusal(lambda: caller(house, secrets[0])).code == "session-ended"
    caller(house, secrets[1])
    assert house.server.database.read(lambda c: people.joined_ids(c, ann.person.id)) == [other]
    conflict = refusal(lambda: accounts.set_active(house.server, ADMIN, other, is_active=True))
    assert conflict.code == "person-joined"
    assert other not in [one.person.id for one in accounts.page(house.server, ADMIN, after="", limit=50)[0]]


def test_a_second_account_is_no_way_around_being_shut_out(house: House) -> None:
    """Whoever has the e-mail of somebody who was shut out, is that one."""
    ann = add(house, email="ann@example.com", email_verified=True)
    accounts.set_active(house.server, ADMIN, ann.person.id, is_active=False)
    assert arrive(house, "7", "ann@example.com") == ann.person.id
    assert not accounts.get(house.server, ADMIN, ann.person.id).person.is_active


def test_accounts_that_arrive_together_are_one_person(house: House) -> None:
    """Eight accounts with one e-mail, at the same moment."""
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: arrive(house, str(n), "ann@example.com"), range(8)))
    assert len(set(found)) == 1


def test_the_first_lasting_administrator_ends_the_bootstrap_token(house: House, tmp_path: Any) -> None:
    """Whether a person or a token; no other is made while there is one."""
    path = tokens.bootstrap(house.server, tmp_path)
    assert path is not None
    known = tokens.Tokens(house.server)
    first = path.read_text().strip()
    admin = known.caller(first)
    ann = accounts.add(house.server, admin, name="Ann", login="ann", password=PASSWORD, is_admin=True)
    assert refusal(lambda: tokens.Tokens(house.server).caller(first)).code == "token-revoked"
    assert tokens.bootstrap(house.server, tmp_path) is None
    boss = caller(house, log_in(house))
    accounts.get(house.server, boss, ann.person.id)
    accounts.set_active(house.server, boss, ann.person.id, is_active=False)
    assert tokens.bootstrap(house.server, tmp_path) is not None, "nobody is locked out for ever"


def test_only_administrators_add_and_grant(house: House) -> None:
    """A person with every scope but that one may not."""
    ann = add(house)
    every = frozenset(Scope) - {Scope.ADMIN}
    roles.grant(house.server, ADMIN, ann.person.id, role=None, scopes=every, projects=("*",))
    asks = caller(house, log_in(house))
    tries: list[Callable[[], object]] = [
        lambda: accounts.page(house.server, asks, after="", limit=1),
        lambda: accounts.get(house.server, asks, ann.person.id),
        lambda: accounts.set_active(house.server, asks, ann.person.id, is_active=False),
        lambda: accounts.add(house.server, asks, name="B", login="bob", password=PASSWORD),
        lambda: roles.revoke(house.server, asks, ann.person.id, "grt_1"),
        lambda: roles.grant(
            house.server, asks, ann.person.id, role="ops", scopes=frozenset(), projects=("*",)
        ),
        lambda: credentials.set_password(house.server, asks, ann.person.id, PASSWORD, reset_totp=False),
        lambda: sessions.end_all(house.server, asks, ann.person.id),
    ]
    assert [refusal(one).code for one in tries] == ["scope-missing"] * len(tries)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"name": ""}, "name is 1 to 100"),
        ({"name": "a\x1b[31m"}, "printable"),
        ({"name": "   "}, "printable"),
        ({"name": "x" * 101}, "name is 1 to 100"),
        ({"login": "Ann"}, "login is 1 to 100"),
        ({"login": ""}, "login is 1 to 100"),
        ({"login": "a b"}, "login is 1 to 100"),
        ({"login": "a" * 101}, "login is 1 to 100"),
        ({"login": "\u0430nn"}, "login is 1 to 100"),
        ({"email": "nobody"}, "no e-mail"),
        ({"email": "@example.com"}, "no e-mail"),
        ({"email": "a@" + "b" * 300}, "no e-mail"),
        ({"email_verified": True}, "vouches for nothing"),
        ({"password": "short"}, "has 5 characters"),
    ],
)
def test_what_is_no_person_is_refused(house: House, more: dict[str, Any], says: str) -> None:
    """With the field and its limit."""
    wanted = {"name": "Ann", "login": "ann", "password": PASSWORD, **more}
    error = refusal(lambda: accounts.add(house.server, ADMIN, **wanted))
    assert isinstance(error, Refused)
    assert says in error.message


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"role": None}, "grants nothing"),
        ({"role": "QA"}, "role is 1 to 60"),
        ({"role": "q" * 61}, "role is 1 to 60"),
        ({"role": "qa lead"}, "role is 1 to 60"),
        ({"projects": ()}, "hold nowhere"),
        ({"projects": ("x" * 201,)}, "1 to 200"),
        ({"projects": ("a",) * 101}, "at most 100"),
        ({"scopes": frozenset({Scope.ADMIN})}, "whole server"),
        ({"expires_in_days": 0}, "1 to 3660"),
        ({"expires_in_days": 10**9}, "1 to 3660"),
    ],
)
def test_what_is_no_grant_is_refused(house: House, more: dict[str, Any], says: str) -> None:
    """With the field and its limit; nothing is told."""
    ann = add(house)
    before = told(house)
    wanted = {"role": "qa", "scopes": frozenset(), "projects": ("pay/*",), **more}
    error = refusal(lambda: roles.grant(house.server, ADMIN, ann.person.id, **wanted))
    assert isinstance(error, Refused)
    assert says in error.message
    assert told(house) == before


def test_a_login_name_is_taken_once(house: House) -> None:
    """And nobody is found who is not there."""
    add(house)
    assert refusal(lambda: add(house)).code == "login-taken"
    for work in (
        lambda: accounts.get(house.server, ADMIN, "usr_nobody"),
        lambda: roles.revoke(house.server, ADMIN, "usr_nobody", "grt_1"),
        lambda: credentials.set_password(house.server, ADMIN, "usr_nobody", PASSWORD, reset_totp=False),
    ):
        assert isinstance(refusal(work), NotFound)


def test_tokens_hold_nothing_of_people(house: House) -> None:
    """The refusal says where such a scope belongs."""
    for scope in ("policy:approve", "waiver:approve", "approval:give", "override:give"):
        error = refusal(
            lambda scope=scope: tokens.create(
                house.server,
                ADMIN,
                name="x",
                scopes=frozenset({Scope(scope), Scope.GATE_READ}),
                projects=("*",),
            )
        )
        assert error.code == "scope-of-people"
        assert scope in error.message
        assert "person grant" in error.hint


def test_secrets_are_kept_as_digests_alone(house: House) -> None:
    """Neither a password nor the secret of a session stands anywhere in the database."""
    add(house)
    secret = log_in(house)
    for name in ("person", "person_identity", "local_account", "session", "login_failure", "ledger_outbox"):
        rows = house.server.database.read(lambda c, name=name: str(c.execute(sa.select(table(name))).all()))
        assert PASSWORD not in rows
        assert secret not in rows
        assert secret[17:69] not in rows


def test_sessions_that_are_long_over_are_taken_away(house: House) -> None:
    """A month after their end; until then they say why they are over."""
    add(house)
    log_in(house)
    house.clock.forward(days=38)
    log_in(house)
    count = house.server.database.read(
        lambda c: c.execute(sa.select(sa.func.count()).select_from(table("session"))).scalar_one()
    )
    assert count == 1
    assert timedelta(days=30) == sessions.KEPT_FOR
