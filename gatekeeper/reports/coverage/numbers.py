"""Line numbers and hit counts as tools write them: plain, floating, huge, negative or no number at all."""

import math

from gatekeeper.reports.coverage.tally import MAX_LINE
from gatekeeper.reports.notes import Notes

_MAX_DIGITS = len(str(MAX_LINE))


def line_number(text: str | bytes) -> int | None:
    """The 1-based line, or None for what is no line (0, `undefined`, more than 2^31 - 1)."""
    if not text.isdigit() or len(text) > _MAX_DIGITS or not text.isascii():
        return None
    number = int(text)
    return number if 1 <= number <= MAX_LINE else None


def hits_of(text: str | bytes, notes: Notes) -> bool | None:
    """Whether a count is above 0; None when it is no number. A negative one is 0, `count-out-of-range`."""
    if text.isdigit() and text.isascii():
        return bool(text.strip("0") if isinstance(text, str) else text.strip(b"0"))
    try:
        count = float(text)
    except ValueError:
        return None
    if not math.isfinite(count):
        return None
    if count < 0:
        notes.count("count-out-of-range")
    return count > 0
