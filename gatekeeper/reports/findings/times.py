"""The time at which a report says it was made."""

from datetime import UTC, datetime

from gatekeeper.reports.findings.notes import Notes


def utc_time(text: str | None, notes: Notes) -> datetime | None:
    """The time in UTC; None when absent, unreadable (problem `bad-time`) or without zone (`no-time-zone`)."""
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        notes.count("bad-time")
        return None
    if time.tzinfo is None:
        notes.count("no-time-zone")
        return None
    try:
        return time.astimezone(UTC)
    except OverflowError:
        notes.count("bad-time")
        return None
