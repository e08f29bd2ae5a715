"""Numbers of foreign JSON that may be missing, negative, booleans or absurdly long."""

_MAX = 2**31 - 1


def line_of(value: object) -> int | None:
    """A 1-based line or column; None for everything that cannot be one."""
    return value if type(value) is int and 0 < value <= _MAX else None


def count_of(value: object) -> int:
    """A count that a tool states; 0 for everything that is not one."""
    return value if type(value) is int and 0 <= value <= _MAX else 0
