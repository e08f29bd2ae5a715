"""RFC 8785: the same bytes as the reference implementation, and refusal of what has no exact form."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.canonical import canonical_bytes, digest, digest_of_bytes
from gatekeeper.errors import NotCanonical
from gatekeeper.finding import Severity

EXACT = st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | EXACT | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class Point(msgspec.Struct, frozen=True):
    """A struct to be written."""

    y: int
    x: tuple[str, ...]


@given(VALUES)
def test_equals_the_reference_implementation(value: Any) -> None:
    """Any exact JSON value is written as the rfc8785 package writes it, and reads back unchanged."""
    written = canonical_bytes(value)
    assert written == rfc8785.dumps(value)
    assert json.loads(written) == value


@given(st.dictionaries(st.text(alphabet="a\ue000\U00010000\uffff\U0001f600", min_size=1), EXACT, max_size=6))
def test_keys_are_ordered_by_utf16_code_units(value: dict[str, int]) -> None:
    """Characters beyond U+FFFF sort before U+E000, as RFC 8785 section 3.2.3 demands."""
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.permutations(["b", "a", "ä", "10", "9", "\U0001f600"]))
def test_order_of_keys_does_not_matter(keys: list[str]) -> None:
    """Equal objects have equal bytes and digests."""
    value = {key: key.encode().hex() for key in keys}
    assert digest(value) == digest(dict(sorted(value.items())))


def test_structs_enums_tuples_and_times_become_plain_json() -> None:
    """Domain types are written by their field names."""
    value = {
        "point": Point(1, ("a",)),
        "severity": Severity.HIGH,
        "at": datetime(2026, 11, 23, 6, 0, 0, 500, tzinfo=UTC),
    }
    assert canonical_bytes(value) == (
        b'{"at":"2026-11-23T06:00:00.000500Z","point":{"x":["a"],"y":1},"severity":"high"}'
    )


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        1.0,
        float("nan"),
        float("inf"),
        2**53,
        -(2**53),
        {"a": [{"b": 0.1}]},
        {"a": 10**400},
        "\ud800",
        {"\udfff": 1},
    ],
)
def test_values_without_exact_form_are_refused(value: Any) -> None:
    """Floats, huge integers and lone surrogates never get a digest."""
    with pytest.raises(NotCanonical):
        canonical_bytes(value)


def test_largest_exact_integers_are_written() -> None:
    """The bounds themselves are exact."""
    assert canonical_bytes([2**53 - 1, -(2**53) + 1]) == b"[9007199254740991,-9007199254740991]"


def test_digest_is_over_the_canonical_bytes() -> None:
    """A digest names its algorithm and is that of the bytes."""
    assert digest({"b": 1, "a": []}) == digest_of_bytes(b'{"a":[],"b":1}')
    assert digest_of_bytes(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
