"""Judging again what changed, as a job of a worker that may be told to stop."""

from current_answers import current_answers, wrong_answers

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.service import decide, reevaluate
from gatekeeper.service.questions import Asked
from gatekeeper.store import gate_states

ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)
ARTIFACT = "sha256:" + "a" * 64


def due(house) -> set[str]:
    """The subjects that wait to be judged."""
    now = house.clock()
    rows = house.server.database.read(lambda connection: gate_states.due(connection, now, 1000))
    return {key for _, key, _ in rows}


def test_a_worker_that_stops_leaves_the_rest_due(house) -> None:
    """A job ends at the next subject when its worker shall stop; nothing is forgotten by that."""
    for source in (1, 2, 3):
        house.submit(house.junit(passed=source), source=source)
    everything = due(house)
    asked = iter([False, True])

    assert reevaluate.sweep(house.server, stopping=lambda: next(asked)) == 1

    assert len(due(house)) == len(everything) - 1
    assert reevaluate.sweep(house.server) == 2
    assert due(house) == set()


def test_a_subject_that_changed_often_is_judged_once(house) -> None:
    """A worker behind a burst of uploads catches up: it is one subject, however often it changed."""
    for passed in range(1, 131):
        house.submit(house.junit(passed=passed), run=str(passed))

    assert reevaluate.sweep(house.server) == 1
    assert due(house) == set()


def test_an_artifact_linked_while_a_set_was_open_is_judged_when_the_set_is_whole(house) -> None:
    """Asked about before the link, too early to be answered then: the end of the set brings the answer."""
    house.submit(house.junit(), part=1, parts=2, set="s", name="shard")
    asked = Asked(project="pay/api", stage="develop", artifact=ARTIFACT)
    assert not decide.look(house.server, ADMIN, asked).allowed
    house.link(ARTIFACT)
    reevaluate.sweep(house.server)
    assert current_answers(house.server) == {}

    house.submit(house.junit(passed=7), part=2, parts=2, set="s", name="shard")
    reevaluate.sweep(house.server)

    assert current_answers(house.server)["pay/api", "develop", f"a:{ARTIFACT}"].allowed
    assert wrong_answers(house.server, ADMIN) == []
