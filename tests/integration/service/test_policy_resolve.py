"""Exactly one policy applies to a project: the chosen one, else the longest glob, else the default."""

from datetime import timedelta

import pytest
from at_once import at_once
from policy_people import TOKEN, approved, events, policy, submitted

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.project import Project
from gatekeeper.recorded import Event, PolicyVersion
from gatekeeper.service import policies, policy_resolve, projects
from gatekeeper.service.errors import Conflict, Denied
from gatekeeper.service.policy_resolve import Why
from gatekeeper.store import policies as policy_rows


def applies(*globs: str) -> str:
    """The line of a policy."""
    return f"applies_to: [{', '.join(repr(one) for one in globs)}]\n"


def publish(house, name: str, *globs: str, limit: int = 1) -> PolicyVersion:
    """A policy that applies to these, in force."""
    return policies.publish(house.server, TOKEN, policy(limit, name=name, more=applies(*globs)), "x")[0]


def make(house, path: str, **more) -> Project:
    """A project for which nobody chose, unless `more` does."""
    return projects.create(house.server, TOKEN, path=path, **more)[0]


def why(house, path: str, caller: Caller = TOKEN) -> tuple[str, Why, str | None]:
    """Which policy, why, and by which glob."""
    found = policy_resolve.resolve(house.server, caller, path)
    return found.policy, found.why, found.glob


def test_a_new_project_gets_the_longest_glob(house) -> None:
    """Where none fits the default, and a choice goes before all."""
    publish(house, "web", "web/*")
    publish(house, "shop", "web/shop/*")
    assert make(house, "web/a").policy == "web"
    assert make(house, "web/shop/b").policy == "shop"
    assert make(house, "else/c").policy == "example"
    assert make(house, "web/shop/d", policy="example").policy == "example"
    assert why(house, "web/a") == ("web", Why.GLOB, "web/*")
    assert why(house, "web/shop/b") == ("shop", Why.GLOB, "web/shop/*")
    assert why(house, "else/c") == ("example", Why.DEFAULT, None)
    assert why(house, "web/shop/d") == ("example", Why.ASSIGNED, None)
    assert why(house, "web/not/yet") == ("web", Why.GLOB, "web/*")
    shown = policy_resolve.resolve(house.server, TOKEN, "web/shop/b")
    assert shown.fitting == (("web/shop/*", "shop"), ("web/*", "web"))
    assert (shown.version, shown.is_there) == (1, True)


def test_a_change_of_globs_moves_projects_that_nobody_assigned(house) -> None:
    """With the version of now, and an event for each; those that were assigned stay."""
    first, chosen = make(house, "web/a"), make(house, "web/b", policy="example")
    assert (first.policy, first.is_assigned, chosen.is_assigned) == ("example", False, True)
    web = publish(house, "web", "web/*")
    moved = projects.get(house.server, TOKEN, first.id)
    assert (moved.policy, moved.policy_digest) == ("web", web.digest)
    assert projects.get(house.server, TOKEN, chosen.id).policy == "example"
    publish(house, "web", "nothing/*", limit=2)
    back = projects.get(house.server, TOKEN, first.id)
    example = house.server.database.read(lambda c: policy_rows.in_force(c, "example"))
    assert (back.policy, back.policy_digest) == ("example", example.digest)
    projects.assign_policy(house.server, TOKEN, first.id, "web")
    publish(house, "web", "web/*", limit=3)
    assert why(house, "web/a") == ("web", Why.ASSIGNED, None)


def test_asking_again_without_a_choice_is_no_contradiction(house) -> None:
    """Whatever applies to the project meanwhile."""
    first = make(house, "web/a")
    publish(house, "web", "web/*")
    again, is_new = projects.create(house.server, TOKEN, path="web/a")
    assert (again.id, is_new, again.policy) == (first.id, False, "web")
    with pytest.raises(Conflict):
        make(house, "web/a", policy="example")


@pytest.mark.parametrize("theirs", ["web/*", "*/api", "[w]/*", "web/?"])
def test_a_tie_is_refused_when_it_would_begin(house, theirs: str) -> None:
    """The version is not published, and the policies in force stay."""
    publish(house, "web", "web/*")
    with pytest.raises(Conflict) as refused:
        publish(house, "rival", theirs)
    assert refused.value.code == "policy-tie"
    assert house.server.database.read(lambda c: policy_rows.in_force(c, "rival")) is None
    assert why(house, "web/a")[0] == "web"


def test_a_tie_with_a_version_that_waits_is_refused_too(house) -> None:
    """Else it would begin at an instant when nobody is there to hear it."""
    at = house.clock() + timedelta(hours=1)
    approved(house, submitted(house, policy(2, more=applies("web/*")), in_force_from=at))
    with pytest.raises(Conflict):
        publish(house, "rival", "*/api")
    publish(house, "longer", "web/api/*")


def test_who_does_not_reach_a_path_hears_nothing_of_it(house) -> None:
    """Also not whether there is such a project."""
    far = Caller(
        principal="token:x", method=Method.TOKEN, scopes=frozenset({Scope.GATE_READ}), projects=("web/*",)
    )
    for path in ("pay/api", "pay/none"):
        with pytest.raises(Denied):
            policy_resolve.resolve(house.server, far, path)
    with pytest.raises(Denied) as mine:
        policy_resolve.resolve(house.server, house.job(project_id="9"), "pay/api")
    with pytest.raises(Denied) as none:
        policy_resolve.resolve(house.server, house.job(project_id="9"), "pay/none")
    assert (mine.value.code, none.value.code) == ("claims-mismatch", "claims-mismatch")
    assert policy_resolve.resolve(house.server, house.job(), "pay/api").policy == "example"


def test_projects_that_are_made_while_globs_change(house) -> None:
    """Each ends with what the globs say at the end, by the version in force."""
    for number in range(4):
        globs = ("web/*",) if number % 2 == 0 else ("none/*",)
        told = at_once(
            [
                lambda g=globs, n=number: publish(house, "web", *g, limit=10 + n),
                *[lambda n=number, k=k: make(house, f"web/p{n}x{k}") for k in range(3)],
            ]
        )
        assert not [one for one in told if isinstance(one, BaseException)]
        wanted = "web" if number % 2 == 0 else "example"
        found, _ = projects.page(house.server, TOKEN, path=None, after="", limit=99)
        version = house.server.database.read(lambda c, w=wanted: policy_rows.in_force(c, w))
        mine = [one for one in found if one.path.startswith("web/")]
        assert {(one.policy, one.policy_digest) for one in mine} == {(wanted, version.digest)}


def test_every_move_is_told(house) -> None:
    """One event for each project that has another policy now."""
    make(house, "web/a"), make(house, "web/b"), make(house, "else/c")
    before = len(events(house))
    publish(house, "web", "web/*")
    assert events(house)[before:] == [
        Event.POLICY_PUBLISHED, Event.POLICY_ASSIGNED, Event.POLICY_ASSIGNED,
    ]  # fmt: skip
