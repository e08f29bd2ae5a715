"""Every use case leaves its event for the ledger in its own transaction; what was refused leaves nothing."""

# ruff: noqa: S608 - the only names put into statements are those of our own tables

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.canonical import canonical_bytes, digest_of_bytes
from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import Kind
from gatekeeper.recorded import PolicyVersion
from gatekeeper.service import decide, policies, projects, tokens, upload_sets
from gatekeeper.service.questions import Asked
from gatekeeper.service.submission import Submission
from gatekeeper.store.tables import APPEND_ONLY, NEVER_EDITED, Base

ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)
NOBODY = Caller(principal="token:gk_nobody", method=Method.TOKEN, scopes=frozenset(), projects=("*",))
ARTIFACT = "sha256:" + "a" * 64
SET = Submission(project="pay/api", commit="1" * 40, tree="1" * 39 + "f", set="s", part=None)


@pytest.fixture
def told(house) -> Callable[[], list[tuple[str, str, str]]]:
    """(event, actor, subject) of what was told since it was asked the last time."""
    seen = [0]

    def since() -> list[tuple[str, str, str]]:
        wanted = sa.text("SELECT id, event, actor, subject FROM ledger_outbox WHERE id > :seen ORDER BY id")
        rows = house.server.database.read(lambda c: list(c.execute(wanted, {"seen": seen[0]})))
        seen[0] = rows[-1][0] if rows else seen[0]
        return [(row[1], row[2], row[3]) for row in rows]

    since()
    return since


def publish(house, number: int, name: str = "example") -> tuple[PolicyVersion, bool]:
    """A policy that asks for so many tests."""
    text = (
        f"schema: gatekeeper/v1\npolicy: {name}\nowner: security\nstages: [develop, test]\n"
        f'rules: [{{id: a, metric: tests.passed, pass: ">= {number}"}}]\n'
    )
    return policies.publish(house.server, ADMIN, text.encode(), "")


def new_token(house, *scopes: Scope) -> str:
    """A token, its id."""
    record, _ = tokens.create(
        house.server, ADMIN, name="t", scopes=frozenset(scopes or {Scope.GATE_READ}), projects=("*",)
    )
    return record.id


def test_a_new_server_has_told_of_its_policy_and_project(house) -> None:
    """What the house itself was made of."""
    wanted = sa.text("SELECT event, project_id, payload_sha256 FROM ledger_outbox ORDER BY id")
    rows = house.server.database.read(lambda c: [tuple(row) for row in c.execute(wanted)])
    assert [row[:2] for row in rows] == [("policy.published", None), ("project.created", house.project.id)]
    payload = digest_of_bytes(canonical_bytes(house.project)).removeprefix("sha256:")
    assert rows[1][2] == payload, "the digest of the record that it stands for"


def test_each_use_case_tells_its_event_once(house, told) -> None:
    """Done: one event, with who did it and what it is about. Done again: none."""
    actor = ADMIN.principal
    made, _ = house.make_project("pay/web")
    assert told() == [("project.created", actor, made.id)]
    house.make_project("pay/web")
    assert told() == []

    good = house.submit(house.junit(), name="a", set="s", part=1)
    assert told() == [("evidence.accepted", actor, good.receipt.id)]
    house.submit(house.junit(), name="a", set="s", part=1)
    assert told() == []
    bad = house.submit(b"<testsuite", name="a", kind=Kind.TESTS)
    assert told() == [("evidence.rejected", actor, bad.receipt.id)]

    closed = upload_sets.close(house.server, ADMIN, SET)
    assert told() == [("set.closed", actor, closed.id)]
    upload_sets.close(house.server, ADMIN, SET)
    assert told() == []

    house.link(ARTIFACT)
    assert told() == [("build.linked", actor, ARTIFACT)]
    house.link(ARTIFACT)
    assert told() == []

    decision = house.decided()
    assert told() == [("decision", actor, decision.id)]
    house.decided()
    decide.look(house.server, ADMIN, Asked(project="pay/api", stage="develop", commit="1" * 40))
    assert told() == []

    version, _ = publish(house, 5)
    assert told() == [("policy.published", actor, version.digest)]
    publish(house, 5)
    assert told() == []
    publish(house, 1, "other")
    told()
    changed = projects.assign_policy(house.server, ADMIN, house.project.id, "other")
    assert told() == [("policy.assigned", actor, changed.policy_digest)]
    projects.assign_policy(house.server, ADMIN, house.project.id, "other")
    assert told() == []


def test_access_is_told(house, told, tmp_path) -> None:
    """Tokens that are made, rotated, revoked, and the bootstrap token that the first lasting one ends."""
    actor = ADMIN.principal
    tokens.bootstrap(house.server, tmp_path)
    (granted,) = told()
    assert granted[:2] == ("access.granted", "system")
    first = new_token(house, Scope.ADMIN)
    assert told() == [
        ("access.granted", actor, f"token:gk_{first}"),
        ("access.revoked", actor, granted[2]),
    ]
    second = new_token(house)
    assert told() == [("access.granted", actor, f"token:gk_{second}")]
    rotated, _ = tokens.rotate(house.server, ADMIN, second, 24)
    assert told() == [("access.granted", actor, f"token:gk_{rotated.id}")]
    tokens.revoke(house.server, ADMIN, rotated.id)
    assert told() == [("access.revoked", actor, f"token:gk_{rotated.id}")]
    tokens.revoke(house.server, ADMIN, rotated.id)
    assert told() == []
    assert tokens.bootstrap(house.server, tmp_path) is None
    assert told() == []


def test_what_is_refused_tells_nothing(house, told) -> None:
    """A caller without the right, a contradiction, a word that cannot be: the ledger never hears of it."""
    house.submit(house.junit(), set="s", part=1, parts=2)
    house.submit(house.junit(), source=2)
    house.link(ARTIFACT)
    told()
    refused = (
        lambda: house.submit(house.junit(), NOBODY),
        lambda: house.submit(house.junit(), project="pay/none"),
        lambda: house.submit(house.junit(failed=1), tree="9" * 40),
        lambda: house.submit(house.junit(failed=1), set="s", part=2, parts=3),
        lambda: house.submit(house.junit(), name="a b"),
        lambda: house.link(ARTIFACT, source=2),
        lambda: house.decided("nowhere", source=2),
        lambda: house.decided(source=5),
        lambda: house.ask(caller=NOBODY),
        lambda: house.make_project("pay/api", default_ref="other", provider_id="7"),
        lambda: projects.assign_policy(house.server, ADMIN, house.project.id, "none"),
        lambda: policies.publish(house.server, ADMIN, b"policy: x", ""),
        lambda: policies.publish(house.server, NOBODY, b"policy: x", ""),
        lambda: upload_sets.close(house.server, NOBODY, SET),
        lambda: tokens.revoke(house.server, ADMIN, "none"),
        lambda: tokens.rotate(house.server, ADMIN, "none", 1),
    )
    for number, act in enumerate(refused):
        with pytest.raises(GatekeeperError):
            act()
        assert told() == [], number
    assert house.ask().allowed is False
    assert told() == [], "what is pending is never recorded"


def test_what_cannot_be_told_is_not_done(house) -> None:
    """Without its event nothing of a use case stays: no receipt, number, slot or set, no row at all."""
    house.submit(house.junit(), source=2)
    house.submit(house.junit(), set="open", part=1)
    token = new_token(house)
    before = everything(house)
    _jam(house)
    acts = (
        lambda: house.make_project("pay/web"),
        lambda: house.submit(house.bandit("B602"), house.job(), set="s", part=1, parts=2),
        lambda: house.submit(b"<testsuite", kind=Kind.TESTS),
        lambda: house.link(ARTIFACT),
        lambda: house.decided(source=2),
        lambda: publish(house, 7),
        lambda: upload_sets.close(
            house.server, ADMIN, Submission(project="pay/api", commit="1" * 40, set="open", parts=1)
        ),
        lambda: new_token(house, Scope.ADMIN),
        lambda: tokens.revoke(house.server, ADMIN, token),
        lambda: tokens.rotate(house.server, ADMIN, token, 1),
    )
    for number, act in enumerate(acts):
        with pytest.raises((GatekeeperError, DBAPIError)):
            act()
        assert everything(house) == before, number


@pytest.mark.parametrize("table", [*APPEND_ONLY, *NEVER_EDITED])
def test_no_record_of_a_running_server_can_be_changed(house, table: str) -> None:
    """Real rows, by the server's own connection: neither edited nor, but for the outbox, taken away."""
    house.submit(house.junit(), set="s", part=1, parts=1)
    house.link(ARTIFACT)
    house.decided()
    before = everything(house)
    assert before[table]
    column = Base.metadata.tables[table].primary_key.columns.values()[-1].name
    tries = [f"UPDATE {table} SET {column} = {column}"]
    tries += [f"DELETE FROM {table}"] if table in APPEND_ONLY else []
    for statement in tries:
        with pytest.raises((GatekeeperError, DBAPIError), match="append-only"):
            house.server.database.write(lambda c, s=statement: c.execute(sa.text(s)) and None)
    assert everything(house) == before
    assert house.submit(house.junit(failed=1)).receipt.counter == 2, "and the server goes on"


def everything(house) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    names = list(Base.metadata.tables)
    return house.server.database.read(
        lambda c: {
            name: sorted((tuple(row) for row in c.execute(sa.text(f"SELECT * FROM {name}"))), key=repr)
            for name in names
        }
    )


def _jam(house) -> None:
    """Let the database refuse every event."""
    if house.server.database.is_sqlite:
        jam = "CREATE TRIGGER jam BEFORE INSERT ON ledger_outbox BEGIN SELECT RAISE(ABORT, 'jam'); END"
    else:
        jam = "ALTER TABLE ledger_outbox ADD CONSTRAINT jam CHECK (event = '') NOT VALID"
    house.server.database.write(lambda c: c.execute(sa.text(jam)) and None)
