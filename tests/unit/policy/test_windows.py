"""Windows of time: open or closed, why, until when, and right on the days when clocks are moved."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.policy.entry import Held
from gatekeeper.policy.promotion import Freeze, Opening, Window
from gatekeeper.policy.spelling import zone
from gatekeeper.policy.windows import window_held

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
ALL_DAYS = (0, 1, 2, 3, 4, 5, 6)
WORK = Opening(days=(0, 1, 2, 3), opens=time(9), closes=time(16))


def window(*openings: Opening, holidays: tuple[date, ...] = (), freezes: tuple[Freeze, ...] = ()) -> Window:
    """A window of production."""
    return Window(stage="production", openings=openings, holidays=holidays, freezes=freezes)


def daily(opens: str, closes: str, days: tuple[int, ...] = ALL_DAYS) -> Opening:
    """An opening on these days."""
    return Opening(days=days, opens=time.fromisoformat(opens), closes=time.fromisoformat(closes))


def at(text: str, zone_name: str = BERLIN, *, fold: int = 0) -> datetime:
    """The UTC instant at which a clock in the zone shows this."""
    return datetime.fromisoformat(text).replace(tzinfo=zone(zone_name), fold=fold).astimezone(UTC)


def is_open(held: Held) -> bool:
    """True when the one result passes."""
    (one,) = held.judged
    assert one.result.id == "window"
    return one.result.status == "pass"


def frozen(begins: str, ends: str, why: str = "year end") -> Freeze:
    """A freeze between two instants of UTC."""
    return Freeze(
        begins_at=datetime.fromisoformat(begins).replace(tzinfo=UTC),
        ends_at=datetime.fromisoformat(ends).replace(tzinfo=UTC),
        reason=why,
    )


def test_it_is_open_in_an_opening_and_tells_until_when():
    """The reason names the closing in the zone and in UTC, and that instant changes the answer."""
    held = window_held(window(WORK), BERLIN, at("2026-11-26T10:00"))
    assert is_open(held)
    assert held.judged[0].result.message.text == (
        "production may be entered until 2026-11-26 16:00+01:00 in Europe/Berlin (2026-11-26T15:00:00Z)"
    )
    assert held.changes_at == (at("2026-11-26T16:00"),)


def test_outside_of_its_hours_it_says_when_it_opens():
    """On a Friday the remedy names Monday, in the zone and in UTC."""
    held = window_held(window(WORK), BERLIN, datetime(2026, 11, 27, 16, 30, tzinfo=UTC))
    result = held.judged[0].result
    assert not is_open(held)
    assert result.message.text == (
        "production is closed at this hour in Europe/Berlin; it is open mon tue wed thu 09:00-16:00"
    )
    assert result.remedy.text == ("wait until 2026-11-30 09:00+01:00 in Europe/Berlin (2026-11-30T08:00:00Z)")
    assert held.changes_at == (at("2026-11-30T09:00"),)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("08:59:59.999999", False), ("09:00", True), ("15:59:59.999999", True), ("16:00", False)],
)
def test_the_edges_belong_to_the_opening_as_they_are_written(moment, expected):
    """The opening minute is in, the closing minute is out, to the microsecond."""
    assert is_open(window_held(window(WORK), BERLIN, at(f"2026-11-26T{moment}"))) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [("2026-11-26T23:59", True), ("2026-11-27T00:00", False), ("2026-11-26T08:59", False)],
)
def test_closing_at_midnight_is_the_end_of_the_day(moment, expected):
    """`to: 00:00` holds the opening until 24:00 of its day."""
    assert is_open(window_held(window(daily("09:00", "00:00", (3,))), BERLIN, at(moment))) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-26T21:59", False),
        ("2026-11-26T22:00", True),
        ("2026-11-27T05:59", True),
        ("2026-11-27T06:00", False),
        ("2026-11-27T22:00", False),
        ("2026-11-26T05:59", False),
    ],
)
def test_an_opening_over_midnight_belongs_to_the_day_on_which_it_begins(moment, expected):
    """Thursday 22:00 to 06:00 is open on Friday morning and closed on Thursday morning."""
    assert is_open(window_held(window(daily("22:00", "06:00", (3,))), BERLIN, at(moment))) is expected


def test_equal_ends_are_a_day_from_that_hour():
    """09:00 to 09:00 is open for 24 hours."""
    one = window(daily("09:00", "09:00", (3,)))
    assert is_open(window_held(one, BERLIN, at("2026-11-27T08:59")))
    assert not is_open(window_held(one, BERLIN, at("2026-11-27T09:00")))
    assert not is_open(window_held(one, BERLIN, at("2026-11-26T08:59")))


def test_a_holiday_is_a_whole_local_day():
    """It begins and ends at midnight in the zone, not in UTC."""
    one = window(holidays=(date(2026, 12, 25),))
    assert is_open(window_held(one, BERLIN, at("2026-12-24T23:59")))
    held = window_held(one, BERLIN, at("2026-12-25T00:00"))
    assert not is_open(held)
    assert held.judged[0].result.message.text == (
        "production is closed: 2026-12-25 is a holiday in Europe/Berlin"
    )
    assert held.changes_at == (at("2026-12-26T00:00"),)
    assert not is_open(window_held(one, BERLIN, at("2026-12-25T23:59")))


def test_the_night_that_begins_on_a_holiday_stays_closed():
    """An opening belongs to its day, so that of a holiday does not take place after midnight either."""
    one = window(daily("22:00", "06:00"), holidays=(date(2026, 11, 26),))
    held = window_held(one, BERLIN, at("2026-11-27T03:00"))
    assert held.judged[0].result.message.code == "window-holiday"
    assert held.changes_at == (at("2026-11-27T22:00"),)


def test_a_freeze_closes_at_its_instants_and_says_why():
    """Its words stand in the reason; of two the one that ends last is named."""
    freezes = (
        frozen("2026-12-20T00:00", "2027-01-04T00:00"),
        frozen("2026-12-24T00:00", "2026-12-27T00:00", "audit"),
    )
    one = window(freezes=freezes)
    assert is_open(window_held(one, BERLIN, datetime(2026, 12, 19, 23, 59, tzinfo=UTC)))
    held = window_held(one, BERLIN, datetime(2026, 12, 25, tzinfo=UTC))
    assert held.judged[0].result.message.text == (
        "production is frozen until 2027-01-04 01:00+01:00 in Europe/Berlin (2027-01-04T00:00:00Z): year end"
    )
    assert held.changes_at == (datetime(2027, 1, 4, tzinfo=UTC),)


def test_it_says_that_it_never_opens():
    """Nothing opens within 400 days: only the policy can help."""
    held = window_held(
        window(WORK, freezes=(frozen("2026-01-01T00:00", "2099-01-01T00:00"),)),
        BERLIN,
        at("2026-11-26T10:00"),
    )
    assert not is_open(held)
    assert held.changes_at == ()
    assert held.judged[0].result.remedy.text == (
        "production does not open within 400 days: change its window in the policy"
    )


def test_a_window_without_an_end_says_so():
    """Nothing closes it within the search."""
    held = window_held(window(), BERLIN, at("2026-11-26T10:00"))
    assert is_open(held)
    assert held.changes_at == ()


@pytest.mark.parametrize(
    ("zone_name", "as_of"),
    [("Europe/Atlantis", datetime(2026, 11, 26, tzinfo=UTC)), (BERLIN, datetime.max.replace(tzinfo=UTC))],
)
def test_a_time_that_cannot_be_told_is_closed(zone_name, as_of):
    """An unknown zone, or a time at the end of the calendar, is in no window."""
    held = window_held(window(), zone_name, as_of)
    assert not is_open(held)
    assert held.judged[0].result.message.code == "window-unknown"


def test_a_time_that_the_clock_skips_is_never_open():
    """In Berlin 02:15 to 02:45 does not exist on 29 March 2026, and opens the next day."""
    one = window(daily("02:15", "02:45"))
    held = window_held(one, BERLIN, datetime(2026, 3, 29, 0, 45, tzinfo=UTC))
    assert not is_open(held)
    assert held.changes_at == (at("2026-03-30T02:15"),)


def test_an_opening_that_begins_in_the_gap_opens_when_the_clock_has_jumped():
    """02:15 to 05:00 opens at 03:00 summer time."""
    held = window_held(window(daily("02:15", "05:00")), BERLIN, datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    assert held.changes_at == (datetime(2026, 3, 29, 1, 0, tzinfo=UTC),)


def test_a_time_that_the_clock_shows_twice_is_open_twice():
    """In New York 01:00 to 01:30 comes in summer time and again in winter time on 1 November 2026."""
    one = window(daily("01:00", "01:30"))
    first, again = at("2026-11-01T01:15", NEW_YORK), at("2026-11-01T01:15", NEW_YORK, fold=1)
    assert is_open(window_held(one, NEW_YORK, first))
    assert window_held(one, NEW_YORK, first).changes_at == (at("2026-11-01T01:30", NEW_YORK),)
    assert not is_open(window_held(one, NEW_YORK, at("2026-11-01T01:45", NEW_YORK)))
    assert is_open(window_held(one, NEW_YORK, again))
    assert window_held(one, NEW_YORK, again).changes_at == (at("2026-11-01T01:30", NEW_YORK, fold=1),)


def test_half_an_hour_is_shifted_right():
    """Lord Howe moves its clocks by 30 minutes: on 5 April 2026 01:30 to 02:00 comes twice."""
    one = window(daily("01:30", "02:00"))
    begins = at("2026-04-05T01:30", LORD_HOWE)
    held = window_held(one, LORD_HOWE, begins)
    assert is_open(held)
    assert held.changes_at == (begins + timedelta(hours=1),)


NIGHTS = {
    BERLIN: (date(2026, 3, 29), date(2026, 10, 25)),
    NEW_YORK: (date(2026, 3, 8), date(2026, 11, 1)),
    LORD_HOWE: (date(2026, 4, 5), date(2026, 10, 4)),
    "America/Havana": (date(2026, 3, 8), date(2026, 11, 1)),
    "Pacific/Apia": (date(2011, 12, 30), date(2011, 12, 31)),
}
"""Days on which clocks are moved; in Havana at midnight, and Samoa left out a whole day."""

minutes = st.sampled_from([time(h, m) for h in (0, 1, 2, 3, 4, 9, 22, 23) for m in (0, 15, 30, 45)])
openings = st.builds(
    Opening,
    days=st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(tuple),
    opens=minutes,
    closes=minutes,
)
places = st.sampled_from([(name, day) for name, days in NIGHTS.items() for day in days])


def shows_open(one: Window, zone_info: ZoneInfo, moment: datetime) -> bool:
    """The oracle: what stands on a clock, minute by minute, by the words of the format."""
    if any(freeze.begins_at <= moment < freeze.ends_at for freeze in one.freezes):
        return False
    wall = moment.astimezone(zone_info).replace(tzinfo=None)
    if wall.date() in one.holidays:
        return False
    spans = []
    for opening in one.openings:
        for day in (wall.date(), wall.date() - timedelta(days=1)):
            begins, ends = datetime.combine(day, opening.opens), datetime.combine(day, opening.closes)
            if ends <= begins or opening.closes == time():
                ends += timedelta(days=1)
            if day.weekday() in opening.days and day not in one.holidays:
                spans.append((begins, ends))
    return not one.openings or any(begins <= wall < ends for begins, ends in spans)


@settings(max_examples=60, deadline=None)
@given(
    places,
    st.lists(openings, max_size=3),
    st.integers(-1500, 1500),
    st.sets(st.integers(-1, 2), max_size=2),
    st.one_of(st.none(), st.tuples(st.integers(-2000, 2000), st.integers(1, 600))),
)
def test_windows_agree_with_a_clock_that_is_read_every_minute(place, opened, offset, holidays, freeze):
    """Near each change of the clocks, the state and the next turn are those of the oracle."""
    zone_name, day = place
    middle = datetime.combine(day, time(), UTC)
    freezes = ()
    if freeze is not None:
        begins = middle + timedelta(minutes=freeze[0])
        freezes = (Freeze(begins_at=begins, ends_at=begins + timedelta(minutes=freeze[1]), reason="x"),)
    one = window(*opened, holidays=tuple(day + timedelta(days=n) for n in sorted(holidays)), freezes=freezes)
    begins_at = middle + timedelta(minutes=offset)
    held = window_held(one, zone_name, begins_at)
    now = shows_open(one, zone(zone_name), begins_at)
    assert is_open(held) is now
    clock = (begins_at + timedelta(minutes=n) for n in range(1, 3000))
    zone_info = zone(zone_name)
    turn = next((moment for moment in clock if shows_open(one, zone_info, moment) is not now), None)
    if turn is not None:
        assert held.changes_at == (turn,)
    else:
        assert not held.changes_at or held.changes_at[0] >= begins_at + timedelta(minutes=3000)
