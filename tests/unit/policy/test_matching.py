"""Matching persons to roles: as many places as possible, and none is emptied later."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.policy.matching import matched

signatures = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("RSTU")), max_size=9)
places = st.dictionaries(st.sampled_from("RSTU"), st.integers(1, 3), max_size=4)


def most(pairs: list[tuple[str, str]], free: dict[str, int]) -> int:
    """The largest number of places that can be filled, by trying every choice of roles for every person."""
    persons = sorted({person for person, _ in pairs})
    choices = [[None, *{role for one, role in pairs if one == person}] for person in persons]
    best = 0
    for chosen in itertools.product(*choices):
        filled = [sum(role == one for one in chosen) for role in free]
        best = max(best, sum(min(have, need) for have, need in zip(filled, free.values(), strict=True)))
    return best


def test_a_person_is_moved_to_where_only_they_can_sign():
    """Ann signed for both, Bob only for ops: Ann counts for product."""
    found = matched([("ann", "ops"), ("bob", "ops"), ("ann", "product")], {"ops": 1, "product": 1})
    assert found == {"ops": ("bob",), "product": ("ann",)}


def test_one_person_in_two_roles_keeps_the_first():
    """Nobody else signed, so the second role stays empty."""
    assert matched([("ann", "ops"), ("ann", "product")], {"ops": 1, "product": 1}) == {
        "ops": ("ann",),
        "product": (),
    }


def test_signing_twice_counts_once():
    """Two places of a role need two persons."""
    assert matched([("ann", "ops"), ("ann", "ops")], {"ops": 2}) == {"ops": ("ann",)}


@settings(deadline=None)
@given(signatures, places)
def test_as_many_places_are_filled_as_trying_everything_fills(pairs, free):
    """No person stands twice, only signers stand, and the number is that of brute force."""
    found = matched(pairs, free)
    persons = [person for held in found.values() for person in held]
    assert len(persons) == len(set(persons)) == most(pairs, free)
    assert {(person, role) for role, held in found.items() for person in held} <= set(pairs)
    assert all(len(held) <= free[role] for role, held in found.items())


@given(signatures, st.tuples(st.sampled_from("abcde"), st.sampled_from("RSTU")), places)
def test_a_later_signature_empties_no_place(pairs, more, free):
    """Each role has at least as many persons as before."""
    before, after = matched(pairs, free), matched([*pairs, more], free)
    assert all(len(after[role]) >= len(before[role]) for role in free)
