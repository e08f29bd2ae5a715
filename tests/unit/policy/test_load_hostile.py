"""Whatever is written at whatever key, the loader answers with a policy or a refusal, never a traceback."""

import copy
import io
from typing import Any

import pytest
from full_policy import FULL
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gatekeeper.policy.load import PolicyRefused, load_policy

Place = tuple[str | int, ...]


def parsed() -> Any:
    """The full policy as plain Python values; dates stay text."""
    reader = YAML(typ="safe", pure=True)
    reader.constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
    return reader.load(FULL)


def places(value: Any, at: Place = ()) -> list[Place]:
    """Every place below the root, mappings and lists among them."""
    entries: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value))
    return [place for key, inner in entries for place in [(*at, key), *places(inner, (*at, key))]]


def value_at(tree: Any, place: Place) -> Any:
    """What stands at a place."""
    for key in place:
        tree = tree[key]
    return tree


def with_value(place: Place, value: Any) -> bytes:
    """The full policy with another value at one place."""
    tree = parsed()
    value_at(tree, place[:-1])[place[-1]] = copy.deepcopy(value)
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(tree, text)
    return text.getvalue().encode()


TREE = parsed()
PLACES = places(TREE)
WRONG_FOR_SCALARS: list[Any] = [None, {}, {"a": 1}, [], [1], [[]], {"pass": {"pass": ">= 1"}}]
WRONG_FOR_LISTS: list[Any] = [None, True, 3, 3.5, "text", "", {"a": 1}]
WRONG_FOR_MAPPINGS: list[Any] = [None, True, 3, 3.5, "text", "", [1], [{"a": 1}]]


def wrong(place: Place) -> list[Any]:
    """Values that have another type than what stands at the place."""
    match value_at(TREE, place):
        case dict():
            # What an expression needs, and how far a sender is believed, may be shorter than a mapping.
            return [v for v in WRONG_FOR_MAPPINGS if place[-1] != "needs" or not isinstance(v, list)]
        case list():
            return WRONG_FOR_LISTS
        case _:
            return WRONG_FOR_SCALARS


def test_the_full_policy_loads():
    """What the other tests damage is sound, and uses most of the keys."""
    assert load_policy(FULL.encode(), file="x").name == "payments"
    assert len(PLACES) >= 250


@given(
    st.sampled_from(PLACES).flatmap(lambda place: st.tuples(st.just(place), st.sampled_from(wrong(place))))
)
@settings(max_examples=250, deadline=None)
def test_a_wrong_type_at_any_key_is_refused(case):
    """No key swallows a value of another type, and none answers with anything but a refusal."""
    place, value = case
    with pytest.raises(PolicyRefused) as refused:
        load_policy(with_value(place, value), file="x.yaml")
    assert all(error.line >= 1 and error.message for error in refused.value.errors)


@given(
    st.sampled_from(PLACES),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
)
@settings(max_examples=100, deadline=None)
def test_any_value_at_any_key_is_read_or_refused(place, value):
    """NaN, infinities, huge numbers, empty and odd texts, deep values: a policy or a refusal."""
    try:
        loaded = load_policy(with_value(place, value), file="x.yaml").digest
    except PolicyRefused as refused:
        loaded = refused.errors
    assert loaded


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("time_zone: Europe/Berlin", "time_zone: " + "A/" * 5_000, "is not the name of a time zone"),
        ('refs: ["hotfix/*"]', f'refs: ["{"*" * 100_000}"]', "is not a glob"),
        ("within: 3d", "within: 9999999d", "longer than 366 days"),
        ("count: 2", "count: 100000000000000", "from 1 to 20"),
        ("count: 2", "count: .inf", "is not a plain decimal number"),
        ("weight: 2", "weight: .nan", "is not a plain decimal number"),
        ("line: 3", "line: -1", "must be a whole number from 1"),
        ("to: 2027-01-03", "to: 9999-12-31", "out of range"),
        ("reason: year end", 'reason: "\\ud800"', "half of a surrogate pair"),
        ("expr: e2e_failed == 0", f"expr: {'a && ' * 1_000}a", "the limit is 2,000"),
        (
            "needs: [sca.findings]",
            f"needs: {{{', '.join(f'v{i}: sca.high' for i in range(60))}}}",
            "limit is 50",
        ),
        ("role: product", f"role: {'r' * 100}", "is not a name"),
        ("revoke_on: high", "revoke_on: high\nrevoke_on: low", "written twice; first on line"),
    ],
)
def test_huge_and_odd_values_are_refused_with_words(old, new, words):
    """Each limit is told with what was written."""
    text = FULL.replace(old, new)
    assert text != FULL
    with pytest.raises(PolicyRefused) as refused:
        load_policy(text.encode(), file="x.yaml")
    assert any(words in str(error) for error in refused.value.errors), refused.value.errors
