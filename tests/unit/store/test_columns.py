"""Instants in columns: whole microseconds, in order, without any zone but UTC."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from gatekeeper.store.columns import UtcTime, instant, microseconds

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
INSTANTS = st.datetimes(timezones=st.just(UTC))
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(INSTANTS)
def test_an_instant_comes_back_to_the_microsecond(value: datetime) -> None:
    """No instant of the calendar loses anything: it is never a float."""
    assert instant(microseconds(value)) == value
    assert instant(microseconds(value)).tzinfo is UTC


@given(INSTANTS, INSTANTS)
def test_columns_sort_as_time_does(one: datetime, other: datetime) -> None:
    """The order of the numbers is the order of the instants, also before 1970."""
    assert (one < other) == (microseconds(one) < microseconds(other))


@given(st.datetimes(FIRST.replace(year=2, tzinfo=None), LAST.replace(year=9998, tzinfo=None)), ZONES)
def test_any_zone_is_the_same_instant(wall: datetime, zone: timezone) -> None:
    """What a report says in its own zone is kept as the instant that it means."""
    value = wall.replace(tzinfo=zone)
    assert instant(microseconds(value)) == value


def test_both_halves_of_a_repeated_hour_stay_apart() -> None:
    """Where clocks are put back, one wall time is two instants."""
    wall = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert microseconds(wall.replace(fold=1)) - microseconds(wall) == 3_600_000_000


def test_the_ends_of_the_calendar_fit() -> None:
    """The first and the last instant of Python fit a BIGINT and come back."""
    for value in (FIRST, LAST):
        assert abs(microseconds(value)) < 2**63
        assert instant(microseconds(value)) == value


def test_a_time_without_zone_is_refused() -> None:
    """Nobody knows which instant it is, so it is a defect of whoever made it."""
    with pytest.raises(ValueError, match="has no time zone"):
        microseconds(datetime(2026, 11, 23, 12, 0))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=["sqlite", "postgres"])
def test_the_column_is_the_same_on_both_engines(dialect) -> None:
    """Bound and read values are those integers; nothing stays nothing."""
    column = UtcTime()
    value = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
    bound = column.process_bind_param(value, dialect)
    assert bound == 1_795_435_200_123_456
    assert column.process_result_value(bound, dialect) == value
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None
