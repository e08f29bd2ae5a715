"""Durations as test tools write them."""

import re

MAX_SECONDS = 366 * 24 * 3600.0
"""Longer is no duration of a test: container-structure-test before 1.14 wrote nanoseconds."""

_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+\.\d+")
_DECIMAL_COMMA = re.compile(r"(0|\d{4,}),\d+|\d+,(\d{1,2}|\d{4,})")


def seconds_from(text: str) -> float | None:
    """A duration in seconds, or None when the text is not one: negative, NaN, over a year, with a unit.

    `2,503.1` has thousands separators and `0,160` a decimal comma; `25,357` may be either and is neither.
    """
    plain = text.strip()
    if _THOUSANDS.fullmatch(plain):
        plain = plain.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(plain):
        plain = plain.replace(",", ".")
    try:
        seconds = float(plain)
    except ValueError:
        return None
    return seconds if 0.0 <= seconds <= MAX_SECONDS else None
