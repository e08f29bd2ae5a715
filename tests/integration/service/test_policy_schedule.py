"""A version that waits comes into force at its time: no answer of before is given after it."""

from datetime import timedelta
from functools import partial

from at_once import at_once
from policy_people import TOKEN, approved, events, in_force, person, policy, submitted

from gatekeeper.recorded import Event
from gatekeeper.service import decide, policies, policy_drafts, policy_schedule, projects
from gatekeeper.service.answers import Gate
from gatekeeper.service.questions import Asked
from gatekeeper.store import gate_states

ASKED = Asked(project="pay/api", stage="develop", commit="1" * 40)
SOON = timedelta(hours=1)


def look(house) -> Gate:
    """The answer of now."""
    return decide.look(house.server, TOKEN, ASKED)


def scheduled(house, text: bytes = policy(50), **more):
    """A stricter version that waits an hour."""
    return approved(house, submitted(house, text, in_force_from=house.clock() + SOON, **more))


def test_the_gate_changes_at_the_instant(house) -> None:
    """Nobody has to wait for the job, and no answer of before reaches beyond."""
    house.submit(house.junit(passed=3))
    before = look(house)
    done = scheduled(house)
    at = done.in_force_from
    assert before.valid_until > at, "else this shows nothing"
    kept = house.server.database.read(
        lambda c: gate_states.current(c, house.project.id, "develop", "c:" + "1" * 40)
    )
    assert kept is None, "the answer at hand would outlive the version"
    for answer in (look(house), look(house)):
        assert (answer.allowed, answer.policy.version, answer.valid_until) == (True, 1, at)
    assert in_force(house).version == 1
    house.clock.forward(hours=1)
    after = look(house)
    assert (after.allowed, after.policy.version) == (False, 2)
    assert (in_force(house).version, events(house)[-1]) == (2, Event.POLICY_IN_FORCE)


def test_a_recorded_decision_is_by_the_version_of_its_moment(house) -> None:
    """A stored one is not used beyond the instant."""
    house.submit(house.junit(passed=3))
    scheduled(house)
    first = house.decided()
    house.clock.forward(minutes=59)
    assert house.decided().id == first.id
    house.clock.forward(minutes=1)
    later = house.decided()
    assert (first.allowed, later.allowed, later.policy.version) == (True, False, 2)


def test_the_job_does_it_where_nobody_asks(house) -> None:
    """Once, also when two workers do it."""
    scheduled(house)
    assert policy_schedule.enter_due(house.server) == 0
    house.clock.forward(hours=2)
    assert policy_schedule.enter_due(house.server) == 1
    assert policy_schedule.enter_due(house.server) == 0
    version = in_force(house)
    assert (version.version, version.approved_by) == (2, "person:usr_ben")
    assert projects.get(house.server, TOKEN, house.project.id).policy_digest == version.digest


def test_a_newer_version_overtakes_one_that_waits(house) -> None:
    """An emergency does not wait, and what waited does not undo it."""
    scheduled(house)
    now = approved(house, submitted(house, policy(7), based_on=2))
    assert in_force(house).version == now.version == 3
    house.clock.forward(hours=2)
    assert policy_schedule.enter_due(house.server) == 0
    assert in_force(house).version == 3


def test_the_lists_tell_what_is_in_force(house) -> None:
    """The newest number is not what decides while it waits."""
    scheduled(house)
    shown, _ = policies.versions(house.server, TOKEN, "example", before=None, limit=9)
    assert [(one.version, is_in_force) for one, is_in_force in shown] == [(2, False), (1, True)]
    listed, _ = policies.page(house.server, TOKEN, after="", limit=9)
    assert [(one.name, one.version) for one in listed] == [("example", 1)]


def test_a_new_policy_that_waits_is_none_yet(house) -> None:
    """Nothing is assigned to it before."""
    ann = person("ann")
    at = house.clock() + SOON
    made = policy_drafts.create(
        house.server, ann, "later", policy(name="later"), based_on=None, reason="", in_force_from=at
    )
    approved(house, policy_drafts.submit(house.server, ann, made.id, revision=1))
    assert in_force(house, "later") is None
    house.clock.forward(hours=1)
    assert policy_schedule.enter_due(house.server) == 1
    assert in_force(house, "later").version == 1


def test_answers_that_are_given_while_a_version_is_scheduled(house) -> None:
    """None that stays at hand outlives the instant, however the two meet; at the instant all change."""
    for number in range(4):
        base = in_force(house).version
        house.submit(house.junit(passed=3 + number))
        made = submitted(house, policy(50 + number), based_on=base, in_force_from=house.clock() + SOON)
        asks = [partial(look, house)] * 3 + [partial(decide.decide, house.server, TOKEN, ASKED)] * 2
        told = at_once([partial(approved, house, made), *asks])
        assert not [one for one in told if isinstance(one, BaseException)]
        kept = house.server.database.read(
            lambda c: gate_states.current(c, house.project.id, "develop", "c:" + "1" * 40)
        )
        assert kept is None or kept.valid_until <= made.in_force_from
        assert look(house).valid_until <= made.in_force_from
        house.clock.forward(hours=1)
        told = at_once([partial(look, house), *asks, partial(policy_schedule.enter_due, house.server)])
        assert not [one for one in told if isinstance(one, BaseException)]
        answer = look(house)
        assert (answer.policy.version, answer.allowed) == (base + 1, False)
