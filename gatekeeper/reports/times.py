"""The instants that reports state."""

from collections.abc import Callable
from datetime import UTC, datetime


def utc_time(text: str | None, remark: Callable[[str], object]) -> datetime | None:
    """The ISO 8601 time in UTC; None when there is none, or none that can be used.

    Then `remark` is called with the code of the problem: `no-time-zone`, or `bad-time` for what is no time or
    has a year that UTC has not.
    """
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text.strip())
        if time.tzinfo is None:
            remark("no-time-zone")
            return None
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        remark("bad-time")
        return None
