"""What is taken for an OSV record, and what is refused with which reason."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper_scanners.advisories.records import UnreadableRecord, read_record

Osv = Callable[..., dict[str, Any]]


def test_the_whole_record_is_kept_with_sorted_keys(osv: Osv) -> None:
    """Fields that nothing here reads stay, and the same record gives the same bytes in any order."""
    record = osv(references=[{"type": "WEB", "url": "x"}], zebra=1.5)
    advisory, canonical = read_record(msgspec.json.encode(record))
    assert advisory.packages == {("PyPI", "pkg")}
    assert msgspec.json.decode(canonical) == record
    turned = dict(reversed(record.items()))
    assert read_record(b"\xef\xbb\xbf" + msgspec.json.encode(turned))[1] == canonical


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "../../etc/passwd"}, "not an advisory id"),
        ({"id": ""}, "not an advisory id"),
        ({"id": "GATEKEEPER-CANARY"}, "reserved"),
        ({"id": 7}, "Expected `str`"),
        ({"schema_version": "2.0.0"}, "version 1 is understood"),
        ({"withdrawn": "soon"}, "is no date"),
        ({"affected": {"package": 1}}, "Expected `array"),
        ({"affected": [{"package": {"name": "x"}}]}, "ecosystem"),
        ({"modified": None}, "Expected `str`"),
        ({"deep": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}, "deeper than 32"),
    ],
)
def test_what_is_no_record_is_refused_with_the_reason(osv: Osv, change: dict[str, Any], reason: str) -> None:
    """A person can find the fault."""
    with pytest.raises(UnreadableRecord, match=reason):
        read_record(msgspec.json.encode(osv() | change))


def test_dates_that_cannot_be_used_are_none(osv: Osv) -> None:
    """Published databases hold `1-01-01T00:00:00Z`: such a record counts, and makes no mirror look new."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    odd, _ = read_record(msgspec.json.encode(osv(modified="1-01-01T00:00:00Z")))
    assert (odd.modified_at, odd.newest_at(now)) == (None, None)
    future, _ = read_record(
        msgspec.json.encode(osv(modified="2031-01-01T00:00:00Z", published="2020-01-01T00:00:00Z"))
    )
    assert future.newest_at(now) == datetime(2020, 1, 1, tzinfo=UTC)
    exact, _ = read_record(msgspec.json.encode(osv(modified="2024-01-01T02:00:00.123456789+02:00")))
    assert exact.newest_at(now) == datetime(2024, 1, 1, 0, 0, 0, 123457, tzinfo=UTC)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.binary(max_size=200)
    | _JSON.map(lambda value: repr(value).replace("'", '"').encode("utf-8", "replace"))
)
def test_any_bytes_are_a_record_or_refused(data: bytes) -> None:
    """Nothing but the refusal leaves the reader."""
    try:
        advisory, canonical = read_record(data)
    except UnreadableRecord:
        return
    assert advisory.id.encode() in canonical


@pytest.mark.parametrize(
    "data", [b"[" * 200_000, b'{"a":' * 100_000, b'{"id":"GKT-1","modified":"\\ud800"}', b""]
)
def test_hostile_json_is_refused(data: bytes) -> None:
    """Depth, lone surrogates and emptiness are reasons, not crashes."""
    with pytest.raises(UnreadableRecord):
        read_record(data)
