"""What gate queries are told: never the answer to another question than the facts ask now."""

import hashlib

import pytest
import sqlalchemy as sa
from current_answers import current_answers, wrong_answers

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.service import decide, reevaluate
from gatekeeper.service.questions import Asked
from gatekeeper.store import gate_states

ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)
ARTIFACT = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


def look(house, **words: str) -> bool:
    """Ask as a gate query does."""
    return decide.look(house.server, ADMIN, Asked(project="pay/api", stage="develop", **words)).allowed


def settle(house) -> None:
    """Let the worker do what is due."""
    reevaluate.sweep(house.server)
    assert wrong_answers(house.server, ADMIN) == []


def test_a_tree_that_was_only_claimed_answers_nothing_after_the_proof(house) -> None:
    """A green tree is claimed for a commit; once its true tree is shown, the green is no answer for it."""
    raw, commit = commit_object("e" * 40)
    house.submit(house.junit(), commit=commit, tree="d" * 40)
    assert look(house, commit=commit)
    house.submit(house.junit(failed=1), house.job(commit=commit), commit=commit, tree=None, commit_object=raw)
    assert wrong_answers(house.server, ADMIN) == []
    settle(house)
    assert not look(house, commit=commit)


def test_a_tree_that_an_asker_claims_is_the_answer_to_nobody_else(house) -> None:
    """Who asks about an unknown commit may name a tree; the answer is not kept for those who do not."""
    house.submit(house.junit(), source=1)
    assert look(house, commit="7" * 40, tree="1" * 39 + "f")
    assert house.decided(source=7, tree="1" * 39 + "f").allowed
    assert wrong_answers(house.server, ADMIN) == []
    house.submit(house.junit(failed=1), source=7)
    assert wrong_answers(house.server, ADMIN) == []
    settle(house)
    assert not look(house, commit="7" * 40)


def test_an_artifact_that_is_linked_after_it_was_asked_about(house) -> None:
    """The worker judges the artifact with its source, not as it was asked about before the link."""
    house.submit(house.junit())
    assert not look(house, artifact=ARTIFACT)
    house.link(ARTIFACT)
    settle(house)
    assert look(house, artifact=ARTIFACT)
    answers = current_answers(house.server)
    assert answers["pay/api", "develop", f"a:{ARTIFACT}"].allowed


def test_an_artifact_asked_about_with_its_commit(house) -> None:
    """Two commits of one tree, and the artifact named with either or none: each answer is its own."""
    house.submit(house.junit(), source=1)
    house.submit(house.junit(passed=4), commit="9" * 40, tree="1" * 39 + "f")
    house.link(ARTIFACT)
    for words in ({}, {"commit": "1" * 40}, {"commit": "9" * 40}, {}):
        assert look(house, artifact=ARTIFACT, **words)
        assert look(house, commit="9" * 40)
    house.submit(house.junit(failed=1), source=1)
    assert wrong_answers(house.server, ADMIN) == []
    reevaluate.sweep(house.server)
    assert not look(house, artifact=ARTIFACT)
    assert not any(one.allowed for one in current_answers(house.server).values())


def test_evidence_of_an_artifact_counts_for_its_own_source_alone(house) -> None:
    """What is sent for an artifact under another source takes nothing away and puts nothing back."""
    house.submit(house.junit(), source=1)
    house.link(ARTIFACT)
    assert look(house, artifact=ARTIFACT)
    house.submit(house.junit(failed=1), source=2, artifact=ARTIFACT)
    assert wrong_answers(house.server, ADMIN) == []
    settle(house)


@pytest.mark.parametrize("stage", ["develop", "test"])
def test_every_fact_takes_the_answer_away_and_the_worker_brings_the_new_one(house, stage: str) -> None:
    """After each change nothing wrong is at hand; after the sweep everything that was asked about is."""
    facts = (
        lambda: house.submit(house.junit()),
        lambda: house.submit(house.bandit("B602"), name="sast"),
        lambda: house.submit(house.junit(failed=1)),
        lambda: house.link(ARTIFACT),
        lambda: house.submit(house.junit(passed=5), artifact=ARTIFACT),
        lambda: house.submit(house.junit(), house.job(), ref=None),
        lambda: house.submit(house.junit(), source=2),
        lambda: house.submit(house.junit(), part=1, parts=2, set="s", name="shard"),
        lambda: house.submit(house.junit(passed=7), part=2, parts=2, set="s", name="shard"),
    )
    house.submit(house.junit())
    house.submit(house.junit(), source=2)
    asked = ({"commit": "1" * 40}, {"commit": "2" * 40}, {"artifact": ARTIFACT}, {"artifact": OTHER})
    for number, fact in enumerate(facts):
        for words in asked:
            decide.decide(house.server, ADMIN, Asked(project="pay/api", stage=stage, **words))
        fact()
        assert wrong_answers(house.server, ADMIN) == []
        reevaluate.sweep(house.server)
        assert wrong_answers(house.server, ADMIN) == []
        expected = 3 if number == 7 else 4
        assert len(current_answers(house.server)) >= expected - (number == 7), number


def test_time_alone_makes_no_record(house) -> None:
    """What is judged again after its day and says the same stays one record."""
    house.submit(house.junit())
    first = house.decided()
    house.clock.forward(hours=25)
    now = house.clock()
    house.server.database.write(
        lambda c: gate_states.make_due(c, house.project.id, f"t:{first.subject.source.tree}", now)
    )
    assert reevaluate.sweep(house.server) == 1
    wanted = sa.text("SELECT count(*) FROM decision")
    assert house.server.database.read(lambda c: c.execute(wanted).scalar_one()) == 1
    held = current_answers(house.server)["pay/api", "develop", "c:" + "1" * 40]
    assert (held.allowed, held.decision) == (True, None)


def commit_object(tree: str) -> tuple[bytes, str]:
    """A commit as git keeps it, and its id."""
    raw = f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nmessage\n".encode()
    return raw, hashlib.sha1(b"commit %d\0" % len(raw) + raw).hexdigest()  # noqa: S324 - git's own
