"""How a window of a policy is wider than that of the policy that it extends, in words."""

from collections.abc import Iterator
from datetime import time

from gatekeeper.policy.promotion import Opening, Window

_DAY = 24 * 60
_WEEK = 7 * _DAY


def window_loosened(old: Window, new: Window | None) -> Iterator[str]:
    """Every way in which `new` is open when `old` is closed; the time zones are those of each policy."""
    if new is None:
        yield f"no window for {old.stage}"
        return
    if old.openings and (not new.openings or _minutes(new.openings) - _minutes(old.openings)):
        yield "it opens at other times of the week"
    if gone := sorted(set(old.holidays) - set(new.holidays)):
        yield f"open on {', '.join(day.isoformat() for day in gone)}"
    for freeze in old.freezes:
        if not any(
            one.begins_at <= freeze.begins_at and freeze.ends_at <= one.ends_at for one in new.freezes
        ):
            yield f"without the whole freeze from {freeze.begins_at.isoformat()}"


def _minutes(openings: tuple[Opening, ...]) -> set[int]:
    """The minutes of the week at which one of them is open; an opening over midnight goes on the next day."""
    found: set[int] = set()
    for opening in openings:
        opens, closes = _minute(opening.opens), _minute(opening.closes)
        length = closes - opens if closes > opens else closes + _DAY - opens
        for day in opening.days:
            start = day * _DAY + opens
            found |= {minute % _WEEK for minute in range(start, start + length)}
    return found


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute
