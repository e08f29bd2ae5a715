"""Deployments: told by whoever may decide, kept as they are, with no effect on a gate."""

from datetime import timedelta

import pytest

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.errors import GatekeeperError
from gatekeeper.service import decide, deployments
from gatekeeper.service.deployments import Told
from gatekeeper.service.questions import Asked

ROBOT = Caller(principal="token:gk_r", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",))
DEVELOP = Asked(project="pay/api", stage="develop", commit="1" * 40)


def test_rollouts_are_listed_the_newest_first(house) -> None:
    """By when they were, page by page; the answer of the gate is the same as before."""
    house.submit(house.junit())
    before = house.decided()
    now = house.clock()
    for hours in (3, 1, 2):
        told = Told(asked=DEVELOP, status="succeeded", at=now - timedelta(hours=hours))
        deployments.tell(house.server, ROBOT, told)
    found, start = [], None
    while True:
        page, start = deployments.page(house.server, ROBOT, "pay/api", stage="develop", before=start, limit=2)
        found += page
        if start is None:
            break
    assert [(now - one.at) // timedelta(hours=1) for one in found] == [1, 2, 3]
    assert deployments.page(house.server, ROBOT, "pay/api", stage="test", before=None, limit=2) == ([], None)
    assert house.decided() == before
    assert decide.look(house.server, ROBOT, DEVELOP).allowed


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"at": timedelta(minutes=6)}, "bad-parameter"),
        ({"asked": Asked(project="pay/api", stage="moon", commit="1" * 40)}, "unknown-stage"),
        ({"asked": Asked(project="pay/api", stage="develop", commit="9" * 40)}, "unknown-source"),
        ({"asked": Asked(project="no/such", stage="develop", commit="1" * 40)}, "project-not-found"),
    ],
)
def test_rollouts_that_cannot_be(house, more: dict[str, object], code: str) -> None:
    """Still to come, of a stage or a source that nobody knows: nothing is kept."""
    house.submit(house.junit())
    words = {"asked": DEVELOP, "status": "failed"} | more
    if "at" in more:
        words["at"] = house.clock() + more["at"]
    with pytest.raises(GatekeeperError) as failed:
        deployments.tell(house.server, ROBOT, Told(**words))
    assert failed.value.code == code
    assert deployments.page(house.server, ROBOT, "pay/api", stage=None, before=None, limit=2) == ([], None)
