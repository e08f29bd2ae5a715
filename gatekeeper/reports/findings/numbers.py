"""Numbers of foreign JSON that may be missing, negative, booleans or absurdly long."""

from typing import Any

_MAX = 2**31 - 1


def line_of(value: object) -> int | None:
    """A 1-based line or column; None for everything that cannot be one."""
    return value if type(value) is int and 0 < value <= _MAX else None


def count_of(value: Any) -> int:
    """A count that a tool states, also as `1.0` (Bandit before 1.7); 0 for everything that is not one."""
    return int(value) if type(value) in (int, float) and 0 <= value <= _MAX else 0
