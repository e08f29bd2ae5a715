"""Column types that give the same value back on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """An instant as whole microseconds since 1970: exact, ordered, and without any database's time zones."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Microseconds; a time without zone is a defect of the caller."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The instant in UTC."""
        return None if value is None else instant(int(value))


def microseconds(value: datetime) -> int:
    """`value` as microseconds since 1970.

    Raises:
        ValueError: it has no time zone.
    """
    if value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} has no time zone")
    return (value - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """The instant `value` microseconds after 1970, in UTC."""
    return _EPOCH + value * _MICROSECOND
