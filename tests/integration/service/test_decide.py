"""Decisions: one answer for one state of the facts, recorded, and never older than the facts."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import Connection

from gatekeeper import pipeline
from gatekeeper.decision import Inputs, Outcome
from gatekeeper.policy.load import load_policy
from gatekeeper.service import decide, policies, projects, reevaluate
from gatekeeper.service.answers import Standing
from gatekeeper.service.errors import Conflict, Denied, NotFound, Refused
from gatekeeper.service.questions import Asked
from gatekeeper.store import decisions, gate_states
from gatekeeper.store.gate_reader import gate_reader_at

ARTIFACT = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64


async def _held(house, key: str, stage: str = "develop"):
    reader = gate_reader_at(house.server.database.url)
    try:
        return await reader.current("pay/api", stage, key)
    finally:
        await reader.close()


@pytest.fixture
def at_hand(house):
    """What a gate query would read now."""
    import asyncio

    return lambda key, stage="develop": asyncio.run(_held(house, key, stage))


def _admin():
    from gatekeeper.caller import Caller, Method, Scope

    return Caller(
        principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
    )


def test_asking_again_gives_the_same_decision_until_something_changes(house) -> None:
    """The stored decision is returned while it is usable; new evidence makes a new one, the old one stays."""
    house.submit(house.junit())
    first = house.ask()
    again = house.ask()
    assert (first.is_new, again.is_new) == (True, False)
    assert again.decision == first.decision
    house.submit(house.junit(failed=1))
    after = house.ask()
    assert (after.is_new, after.decision.allowed) == (True, False)
    assert decide.get(house.server, _admin(), first.decision.id) == first.decision


def test_a_decision_ends_with_its_time(house) -> None:
    """After valid_until the stored decision answers nothing any more."""
    house.submit(house.junit())
    first = house.ask()
    house.clock.forward(hours=25)
    second = house.ask()
    assert (second.is_new, second.decision.id != first.decision.id) == (True, True)
    house.clock.forward(hours=-48)
    assert house.ask().is_new, "a clock that was set back finds nothing usable in the future"


def test_the_gate_reads_one_row_until_a_fact_changes(house, at_hand) -> None:
    """Evidence, a link, a policy and a baseline each take the stored answer away at once."""
    house.submit(house.junit())
    key = "c:" + "1" * 40
    assert at_hand(key) is None
    decision = house.decided()
    held = at_hand(key)
    assert (held.allowed, held.decision_id) == (True, decision.id)
    assert msgspec.json.decode(held.body)["decision"] == decision.id
    house.submit(house.junit(failed=2))
    assert at_hand(key) is None
    house.decided()
    house.link(ARTIFACT)
    assert at_hand(key) is None
    house.decided()
    policies.publish(house.server, _admin(), _stricter(), "stricter")
    assert at_hand(key) is None


def test_a_new_baseline_takes_stored_answers_of_other_sources_away(house, at_hand) -> None:
    """What is compared with the baseline is judged again once there is another one."""
    house.submit(house.junit(), house.job(source=2), source=2)
    house.decided(source=2)
    assert at_hand("c:" + "2" * 40) is not None
    house.submit(house.junit(passed=50), house.job())
    assert house.decided().allowed
    assert at_hand("c:" + "2" * 40) is None
    later = house.decided(source=2)
    assert [rule.status for rule in later.rules if rule.id == "tests-not-fewer"] == ["fail"]
    assert at_hand("c:" + "1" * 40) is not None, "no source is its own baseline"


def test_a_look_records_nothing(house, at_hand) -> None:
    """GET /gate answers as a decision would, and leaves no record."""
    house.submit(house.junit())
    gate = decide.look(house.server, _admin(), Asked(project="pay/api", stage="develop", commit="1" * 40))
    assert (gate.state, gate.allowed, gate.decision) == (Standing.DECIDED, True, None)
    found = house.server.database.read(
        lambda c: decisions.page(
            c, house.project.id, stage=None, commit=None, artifact=None, before=None, limit=9
        )
    )
    assert found == []
    assert at_hand("c:" + "1" * 40).decision_id is None


def test_an_artifact_is_judged_by_the_source_it_is_linked_to(house) -> None:
    """Without a link it enters nowhere; with one, by its source; another source is a contradiction."""
    house.submit(house.junit())
    unlinked = house.decided(source=None, artifact=ARTIFACT)
    assert (unlinked.allowed, unlinked.reasons[0].code) == (False, "artifact-unlinked")
    assert not house.decided(artifact=ARTIFACT).allowed, "a green commit beside it proves nothing"
    linked = house.link(ARTIFACT)
    assert (linked.is_new, house.link(ARTIFACT).is_new) == (True, False)
    assert house.decided(source=None, artifact=ARTIFACT).allowed
    house.submit(house.junit(), source=2)
    with pytest.raises(Conflict) as refused:
        house.link(ARTIFACT, source=2)
    assert refused.value.code == "artifact-of-another-source"
    with pytest.raises(Conflict):
        house.decided(source=2, artifact=ARTIFACT)
    assert not house.decided(source=None, artifact=OTHER).allowed


def test_an_open_set_is_pending_then_incomplete(house) -> None:
    """Missing shards hold the answer back for an hour; after that the set fails with the parts named."""
    house.submit(house.junit(), name="a", set="shards", part=1, parts=2)
    waiting = house.ask()
    assert (waiting.state, waiting.allowed, waiting.pending[0].params["parts"]) == (
        Standing.PENDING, False, ("2",),
    )  # fmt: skip
    house.clock.forward(minutes=61)
    late = house.decided()
    assert not late.allowed
    assert "missing parts: 2" in late.rules[0].message.text
    house.submit(house.junit(), name="b", set="shards", part=2, parts=2)
    assert house.decided().allowed


def test_parts_that_contradict_are_refused(house) -> None:
    """All parts of a set announce one total."""
    house.submit(house.junit(), set="s", part=1, parts=3)
    for more in ({"part": 2, "parts": 4}, {"part": 4}):
        with pytest.raises(Conflict) as refused:
            house.submit(house.junit(failed=1), set="s", **more)
        assert refused.value.code == "set-contradicts"


def test_a_stage_that_the_policy_does_not_have_is_refused(house) -> None:
    """A typo in the stage is no answer and no record."""
    house.submit(house.junit())
    with pytest.raises(Refused) as refused:
        house.ask("prodution")
    assert (refused.value.code, refused.value.hint) == ("unknown-stage", "its stages are develop, test")
    house.submit(house.junit(), set="s", part=1, parts=2)
    with pytest.raises(Refused):
        house.ask("prodution")


def test_nothing_was_ever_sent_for_a_commit(house) -> None:
    """An unknown commit is no pass and no empty decision; with its tree it fails for want of evidence."""
    with pytest.raises(NotFound) as refused:
        house.ask(source=5)
    assert refused.value.code == "unknown-source"
    assert not house.decided(source=5, tree="5" * 40).allowed


def test_jobs_ask_for_their_own_commit_and_environment(house) -> None:
    """A job takes no answer for another commit, and none of an easier stage than its environment."""
    house.submit(house.junit())
    assert house.decided(caller=house.job()).allowed
    for job, code in (
        (house.job(source=2), "claims-mismatch"),
        (house.job(environment="production"), "environment-mismatch"),
    ):
        with pytest.raises(Denied) as denied:
            house.ask(caller=job)
        assert denied.value.code == code


def test_what_changed_is_judged_again_by_the_worker(house, at_hand) -> None:
    """After a change the sweep answers what was asked before, records what differs, settles what was due."""
    house.submit(house.junit())
    before = house.decided()
    house.submit(house.junit(failed=1))
    assert reevaluate.sweep(house.server) >= 1
    held = at_hand("c:" + "1" * 40)
    assert (held.allowed, held.decision_id not in (None, before.id)) == (False, True)
    assert house.ask().is_new is False
    now = house.clock()
    assert house.server.database.read(lambda c: gate_states.due(c, now, 9)) == []


def test_a_set_that_stays_open_is_judged_at_its_deadline(house, at_hand) -> None:
    """When the hour is over nobody needs to ask: the worker does."""
    house.submit(house.junit())
    house.decided()
    house.submit(house.junit(passed=4), name="shard", set="s", part=1, parts=2)
    reevaluate.sweep(house.server)
    assert at_hand("c:" + "1" * 40) is None
    house.clock.forward(minutes=61)
    assert reevaluate.sweep(house.server) == 1
    assert at_hand("c:" + "1" * 40).allowed is False


def test_a_recorded_decision_can_be_replayed(house) -> None:
    """The stored inputs, documents and policy give the same outputs, without the server's code or clock."""
    house.submit(house.junit(), house.job())
    house.submit(house.bandit("B602"), house.job(), kind=None)
    decision = house.decided("test")
    stored = house.server.database.read(lambda c: decisions.by_id(c, decision.id))
    inputs = msgspec.json.decode(stored.inputs, type=Inputs)
    policy = load_policy(
        policies.version(house.server, _admin(), "example", stored.policy_version).text, file="x"
    )
    evidence = []
    for one in inputs.evidence:
        from gatekeeper.evidence import Evidence

        evidence.append(
            Evidence(
                id="", kind=one.kind, name=one.name, job=one.job, order=one.order, sha256=one.sha256,
                digest=one.digest, provenance=one.provenance, received_at=one.received_at, source=one.source,
                artifact=one.artifact, document=house.server.document(one.digest), set_id=one.set_id,
            )
        )  # fmt: skip
    again = pipeline.decide(inputs, policy=policy, evidence=evidence)
    assert again.digests == decision.digests
    assert again.question == stored.question


def test_projects_keep_to_their_policy(house) -> None:
    """Another policy for the project is another question, at once."""
    house.submit(house.junit())
    first = house.decided()
    policies.publish(house.server, _admin(), _stricter(name=b"other"), "another")
    projects.assign_policy(house.server, _admin(), house.project.id, "other")
    second = house.decided()
    assert (second.policy.name, second.allowed, first.allowed) == ("other", False, True)


def test_builds_that_are_judged_side_by_side_are_all_recorded(house) -> None:
    """Each decision of a protected ref is the baseline of the next; no build is sent away for it."""
    builds = range(1, 9)
    for source in builds:
        house.submit(house.junit(), house.job(source=source), source=source)
    with ThreadPoolExecutor(len(builds)) as threads:
        asked = [threads.submit(house.ask, "develop", house.job(source=one), source=one) for one in builds]
        answers = [one.result() for one in asked]
    assert all(answer.is_new and answer.decision.allowed for answer in answers)


def _stricter(name: bytes = b"example") -> bytes:
    return (
        b"""\
schema: gatekeeper/v1
policy: %s
owner: security
stages: [develop, test]
rules:
  - {id: tests-pass, metric: tests.failed, pass: "== 0"}
  - {id: tests-many, metric: tests.passed, pass: ">= 100"}
"""
        % name
    )


def test_what_an_override_allowed_is_no_baseline(house) -> None:
    """The newest decision that passed stays the one that later builds are compared with."""
    house.submit(house.junit(), house.job(source=1), source=1)
    good = house.ask("develop", house.job(source=1), source=1).decision

    def baseline_after(name: str, outcome: Outcome) -> str:
        def work(connection: Connection) -> str:
            stored = decisions.by_id(connection, good.id)
            other = msgspec.structs.replace(stored, id=name, tree="2" * 40, outcome=outcome, question=name)
            assert decisions.add(connection, other)
            return decisions.baseline(connection, house.project.id, "develop", "3" * 40)[0]

        return house.server.database.write(work)

    assert baseline_after("dec_override", Outcome.FAIL) == good.id
    assert baseline_after("dec_warn", Outcome.WARN) == "dec_warn"


def test_a_part_that_nobody_can_read_breaks_its_set_at_once(house) -> None:
    """A file of no known kind holds no slot, so its set says no for it, until a good one takes its part."""
    house.submit(house.junit(), name="a", set="s", part=1, parts=2)
    lost = house.submit(b"PK\x03\x04 no report", name="b", set="s", part=2, parts=2)
    assert (lost.receipt.kind, lost.set.refused, lost.set.missing) == (None, (2,), (2,))
    decision = house.decided()
    assert not decision.allowed
    assert "missing parts: 2" in decision.rules[0].message.text
    house.submit(house.junit(passed=4), name="b", set="s", part=2, parts=2)
    assert house.decided().allowed


def test_nobody_else_completes_a_set(house) -> None:
    """The missing shard of a job on the protected branch is not supplied by a token or a branch job."""
    main = house.job()
    house.submit(house.junit(), main, name="a", set="s", part=1, parts=2)
    house.submit(house.junit(), name="b", set="s", part=2, parts=2, run="100", attempt="1")
    branch = house.job(ref="x", protected=False)
    house.submit(house.junit(passed=5), branch, name="c", set="s", part=2, parts=2)
    waiting = house.ask()
    assert waiting.state is Standing.PENDING
    house.clock.forward(minutes=61)
    assert not house.decided().allowed


def test_a_project_is_linked_to_its_ci_project_later(house) -> None:
    """Jobs of a CI project speak for a project from the moment it is linked, and for no second one."""
    house.make_project("pay/web")
    job = house.job(project_id="8", project_path="pay/web")
    with pytest.raises(Denied):
        house.submit(house.junit(), job, project="pay/web")
    linked, is_new = house.make_project("pay/web", provider_id="8")
    assert (is_new, linked.provider_id) == (False, "8")
    assert house.submit(house.junit(), job, project="pay/web").is_new
    house.make_project("pay/other")
    with pytest.raises(Conflict) as refused:
        house.make_project("pay/other", provider_id="8")
    assert refused.value.code == "path-taken"
