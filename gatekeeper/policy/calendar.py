"""The calendar of a window: open or closed at an instant, and the instants at which that may turn."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from gatekeeper.policy.promotion import Freeze, Opening, Window

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_CHUNK = timedelta(days=8)
_PROBE = _DAY
"""No zone has moved its clocks forth and back within so short a time."""
_MIDNIGHT = time()
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Calendar:
    """A window in its zone."""

    window: Window
    zone: ZoneInfo

    def is_open(self, moment: datetime) -> bool:
        """True when the stage may be entered at `moment`."""
        if self.freezes_at(moment):
            return False
        wall = moment.astimezone(self.zone)
        holidays = self.window.holidays
        if wall.date() in holidays:
            return False
        if not self.window.openings:
            return True
        return any(day not in holidays for day in self._days_open(wall))

    def freezes_at(self, moment: datetime) -> tuple[Freeze, ...]:
        """The freezes that hold at `moment`."""
        return tuple(one for one in self.window.freezes if one.begins_at <= moment < one.ends_at)

    def holiday_at(self, moment: datetime) -> date | None:
        """The holiday that closes `moment`; None when none does.

        It is the local day itself, or the day before when its opening would reach over midnight.
        """
        wall = moment.astimezone(self.zone)
        if wall.date() in self.window.holidays:
            return wall.date()
        return next((day for day in self._days_open(wall) if day in self.window.holidays), None)

    def turns(self, begins_at: datetime, ends_at: datetime) -> list[datetime]:
        """Every instant after `begins_at` up to `ends_at` at which it may open or close, in order."""
        first = begins_at.astimezone(self.zone).date() - _DAY
        last = ends_at.astimezone(self.zone).date() + _DAY
        found = {edge for one in self.window.freezes for edge in (one.begins_at, one.ends_at)}
        if self.window.openings or any(first <= day <= last for day in self.window.holidays):
            found |= set(self._shifts(begins_at, ends_at))
            for n in range((last - first).days + 1):
                found |= set(self._edges(first + n * _DAY))
        return sorted(moment for moment in found if begins_at < moment <= ends_at)

    def _days_open(self, wall: datetime) -> Iterator[date]:
        """The days whose openings this time is in: today, or yesterday over midnight."""
        clock, today, yesterday = wall.time(), wall.date(), wall.date() - _DAY
        for opening in self.window.openings:
            is_begun = today.weekday() in opening.days and clock >= opening.opens
            if is_begun and (_is_overnight(opening) or opening.closes == _MIDNIGHT or clock < opening.closes):
                yield today
            if _is_overnight(opening) and yesterday.weekday() in opening.days and clock < opening.closes:
                yield yesterday

    def _edges(self, day: date) -> Iterator[datetime]:
        """The instants of a local day at which a clock shows an edge of an opening or midnight."""
        near = {day, day - _DAY}
        if not self.window.openings and near.isdisjoint(self.window.holidays):
            return
        weekdays = {one.weekday() for one in near}
        walls = {_MIDNIGHT} | {
            edge
            for one in self.window.openings
            if not weekdays.isdisjoint(one.days)
            for edge in (one.opens, one.closes)
        }
        for wall in walls:
            for fold in (0, 1):
                yield datetime.combine(day, wall.replace(fold=fold), self.zone).astimezone(UTC)

    def _shifts(self, begins_at: datetime, ends_at: datetime) -> Iterator[datetime]:
        """The instants at which the clocks of the zone are moved."""
        before = begins_at.replace(microsecond=0)
        while before < ends_at:
            after = before + _PROBE
            if self._offset(before) != self._offset(after):
                yield self._shift(before, after)
            before = after

    def _shift(self, before: datetime, after: datetime) -> datetime:
        """The first second with the new offset; it changes once between the two."""
        while after - before > _SECOND:
            middle = before + (after - before) // 2
            middle = middle.replace(microsecond=0)
            if self._offset(middle) == self._offset(before):
                before = middle
            else:
                after = middle
        return after

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()


def next_turn(calendar: Calendar, as_of: datetime, days: int) -> datetime | None:
    """The first instant after `as_of` at which it opens or closes; None within so many days."""
    is_open, end = calendar.is_open(as_of), as_of + days * _DAY
    begins_at = as_of
    while begins_at < end:
        ends_at = min(begins_at + _CHUNK, end)
        for moment in calendar.turns(begins_at, ends_at):
            if calendar.is_open(moment) is not is_open:
                return moment
        begins_at = ends_at
    return None


def shown_opening(opening: Opening) -> str:
    """`mon tue 09:00-16:00`, in the words of the policy."""
    days = " ".join(_DAYS[day] for day in sorted(set(opening.days)))
    closes = "24:00" if opening.closes == _MIDNIGHT else f"{opening.closes:%H:%M}"
    return f"{days} {opening.opens:%H:%M}-{closes}"


def _is_overnight(opening: Opening) -> bool:
    return opening.closes != _MIDNIGHT and opening.opens >= opening.closes
