"""Lists in pages: all there is, each once, in order, on both engines."""

from collections.abc import Callable

import pytest

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.service import decide, evidence, policies, projects, tokens

ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)


def every(page: Callable[..., tuple[list[object], object]], limit: int, start: object = None) -> list[object]:
    """All pages, put together."""
    found: list[object] = []
    place = start
    while True:
        items, place = page(place, limit)
        assert len(items) <= limit
        found += items
        if place is None:
            return found
        assert len(items) == limit, "a page before the last one is full"


@pytest.fixture
def full(house):
    """A house with some of everything."""
    for number in range(5):
        house.submit(house.junit(passed=number + 1), source=1 + number % 2)
        house.decided(source=1 + number % 2)
        house.make_project(f"team/p{number}")
        policies.publish(house.server, ADMIN, policy_of("example", number + 1), "")
        policies.publish(house.server, ADMIN, policy_of(f"other{number}", 1), "")
        tokens.create(house.server, ADMIN, name="t", scopes=frozenset({Scope.GATE_READ}), projects=("*",))
    return house


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
def test_pages_put_together_are_the_list(full, limit: int) -> None:
    """Decisions, evidence, policies, their versions, projects and tokens."""
    server = full.server
    words = {"stage": None, "commit": None, "artifact": None}
    decided = every(lambda at, n: decide.page(server, ADMIN, "pay/api", before=at, limit=n, **words), limit)
    assert len(decided) == 5
    times = [one.recorded_at for _, one in decided]
    assert times == sorted(times, reverse=True)
    of_two = {"stage": "develop", "commit": "2" * 40, "artifact": None}
    assert (
        len(every(lambda at, n: decide.page(server, ADMIN, "pay/api", before=at, limit=n, **of_two), limit))
        == 2
    )
    names = {"commit": None, "tree": None, "artifact": None}
    sent = every(lambda at, n: evidence.page(server, ADMIN, "pay/api", before=at, limit=n, **names), limit)
    assert [one.receipt.counter for one in sent] == [5, 4, 3, 2, 1]
    held = every(lambda at, n: policies.page(server, ADMIN, after=at, limit=n), limit, "")
    assert [one.name for one in held] == ["example", *(f"other{n}" for n in range(5))]
    numbers = every(lambda at, n: policies.versions(server, ADMIN, "example", before=at, limit=n), limit)
    assert [one.version for one, _ in numbers] == [6, 5, 4, 3, 2, 1]
    made = every(lambda at, n: projects.page(server, ADMIN, path=None, after=at, limit=n), limit, "")
    assert [one.path for one in made] == ["pay/api", *(f"team/p{n}" for n in range(5))]
    granted = every(lambda at, n: tokens.page(server, ADMIN, after=at, limit=n), limit, "")
    assert len({one.id for one in granted}) == len(granted) == 5


def test_a_caller_with_a_small_reach_gets_full_pages(full) -> None:
    """What is out of reach is left out without leaving holes or ending the list."""
    few = Caller(
        principal="token:gk_few",
        method=Method.TOKEN,
        scopes=frozenset({Scope.GATE_READ}),
        projects=("team/p[13]",),
    )
    found = every(lambda at, n: projects.page(full.server, few, path=None, after=at, limit=n), 1, "")
    assert [one.path for one in found] == ["team/p1", "team/p3"]


def policy_of(name: str, number: int) -> bytes:
    """A policy that asks for at least so many passed tests."""
    return (
        f"schema: gatekeeper/v1\npolicy: {name}\nowner: security\nstages: [develop, test]\n"
        f'rules:\n  - {{id: enough, metric: tests.passed, pass: ">= {number}"}}\n'
    ).encode()
