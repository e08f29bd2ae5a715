"""The one clock, read at the edge and passed in; pure layers never import this module."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current instant in UTC with microseconds."""
    return datetime.now(UTC)
