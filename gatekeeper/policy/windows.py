"""Windows: whether a stage may be entered at an instant, and when that changes.

An instant is open when a clock on the wall in the policy's time zone shows a time within an opening, no
holiday closes it and no freeze does. So a time that a clock skips is never open, and one that it shows twice
is open twice. The zones are those of the pinned `tzdata`, never the system's.
"""

from datetime import datetime
from functools import lru_cache

from gatekeeper.decision import Reason, Remedy
from gatekeeper.policy.calendar import Calendar, next_turn, shown_opening
from gatekeeper.policy.entry import WINDOW, Held, failed, passed
from gatekeeper.policy.promotion import Freeze, Window
from gatekeeper.policy.said import reason, remedy
from gatekeeper.policy.spelling import zone

SEARCH_DAYS = 400
"""So far ahead the next opening is looked for: every holiday of a year, and a freeze behind it."""

_zone = lru_cache(maxsize=64)(zone)
"""Reading a zone takes longer than judging a window."""
_TITLE = "Window of the stage"
_YEARS = range(1900, 9990)
"""Outside of these, local times near the ends of the calendar cannot be computed."""


def window_held(window: Window, time_zone: str, as_of: datetime) -> Held:
    """The result `window` of the stage's window, and the next instant at which it opens or closes."""
    try:
        calendar = Calendar(window, _zone(time_zone))
    except ValueError:
        return _unknown(window, time_zone)
    if as_of.year not in _YEARS:
        return _unknown(window, time_zone)
    turn = next_turn(calendar, as_of, SEARCH_DAYS)
    changes_at = () if turn is None else (turn,)
    if calendar.is_open(as_of):
        why = _open(window.stage, calendar, turn)
        return Held(judged=(passed(WINDOW, _TITLE, why),), changes_at=changes_at)
    why, helps = _closed(calendar, as_of), _opens(window.stage, calendar, turn)
    return Held(judged=(failed(WINDOW, _TITLE, why, helps),), changes_at=changes_at)


def _unknown(window: Window, time_zone: str) -> Held:
    """Closed: a time that cannot be told is in no window."""
    why = reason("window-unknown", stage=window.stage, zone=time_zone)
    return Held(judged=(failed(WINDOW, _TITLE, why, remedy("name-zone", zone=time_zone)),))


def _open(stage: str, calendar: Calendar, closes_at: datetime | None) -> Reason:
    if closes_at is None:
        return reason("window-stays-open", stage=stage, days=SEARCH_DAYS)
    return reason("window-open", stage=stage, **_shown(calendar, closes_at))


def _opens(stage: str, calendar: Calendar, opens_at: datetime | None) -> Remedy:
    if opens_at is None:
        return remedy("change-window", stage=stage, days=SEARCH_DAYS)
    return remedy("wait-for-window", stage=stage, **_shown(calendar, opens_at))


def _closed(calendar: Calendar, as_of: datetime) -> Reason:
    """Why it is closed: the freeze that ends last, else a holiday, else the hours."""
    stage, freezes = calendar.window.stage, calendar.freezes_at(as_of)
    if freezes:
        freeze = max(freezes, key=_last)
        return reason("window-freeze", stage=stage, why=freeze.reason, **_shown(calendar, freeze.ends_at))
    holiday = calendar.holiday_at(as_of)
    if holiday is not None:
        return reason("window-holiday", stage=stage, date=holiday.isoformat(), zone=calendar.zone.key)
    hours = tuple(shown_opening(opening) for opening in calendar.window.openings)
    return reason("window-closed", stage=stage, hours=hours, zone=calendar.zone.key)


def _last(freeze: Freeze) -> tuple[datetime, str]:
    return (freeze.ends_at, freeze.reason)


def _shown(calendar: Calendar, moment: datetime) -> dict[str, str]:
    """A moment in the zone, with its offset because a clock may show a time twice, and in UTC."""
    local = moment.astimezone(calendar.zone)
    return {
        "local": local.isoformat(sep=" ", timespec="minutes"),
        "zone": calendar.zone.key,
        "utc": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
    }
