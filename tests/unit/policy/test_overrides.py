"""Overrides: what two people may do for a day, and what does not count."""

import itertools

import pytest
from signing import OTHER_ARTIFACT, OTHER_TREE, asked, minutes, override

from gatekeeper.policy.overrides import overridden


def test_an_override_of_two_people_holds_and_ends():
    """Its end is the instant at which the answer changes."""
    found = overridden((override(),), asked())
    assert found.override == "ovr_1"
    assert found.refused == ()
    assert found.changes_at == (minutes(60),)


@pytest.mark.parametrize(
    "other",
    [
        override(stage="uat"),
        override(tree=OTHER_TREE),
        override(artifact=OTHER_ARTIFACT),
        override(artifact=""),
        override(begins=-60, ends=0),
        override(begins=1),
        override(revoked=0),
    ],
    ids=["stage", "tree", "artifact", "source", "expired", "not-yet", "revoked"],
)
def test_a_foreign_expired_or_revoked_override_counts_as_absent(other):
    """It neither lets anything in nor is it refused."""
    found = overridden((other,), asked())
    assert (found.override, found.refused) == (None, ())


def test_without_a_source_nothing_is_overridden():
    """A record about an empty tree is about nothing."""
    assert overridden((override(tree=""),), asked(tree=None)).override is None
    assert overridden((override(tree=""),), asked(tree="")).override is None


@pytest.mark.parametrize("people", [("ann", "ann"), ("ann", ""), ("", "")])
def test_one_person_is_not_two(people):
    """It is refused with a reason."""
    found = overridden((override(people=people),), asked())
    assert found.override is None
    assert [why.code for why in found.refused] == ["override-one-person"]


def test_a_day_is_the_longest():
    """24 hours hold; one minute more is refused, even in its first hour."""
    day = 24 * 60
    assert overridden((override(begins=0, ends=day),), asked()).override == "ovr_1"
    found = overridden((override(begins=0, ends=day + 1),), asked())
    assert found.override is None
    assert [why.text for why in found.refused] == [
        "override ovr_1 does not count: it holds longer than 24 hours"
    ]


def test_revoking_ends_it_earlier():
    """The instant of revoking is the one that changes the answer."""
    found = overridden((override(revoked=20),), asked())
    assert (found.override, found.changes_at) == ("ovr_1", (minutes(20),))


def test_of_several_the_one_that_ends_last_is_named_in_any_order():
    """Refused ones beside it are still told."""
    records = (
        override("a", ends=30),
        override("c", ends=90),
        override("b", ends=90),
        override("z", people=("ann", "ann"), ends=99),
    )
    for mixed in itertools.permutations(records):
        found = overridden(mixed, asked())
        assert found.override == "b"
        assert [why.params["override"] for why in found.refused] == ["z"]
