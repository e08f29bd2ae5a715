"""Sets of line numbers as text, `1-5,7,9-12`: sorted, disjoint, inclusive, never touching ranges."""

from collections.abc import Iterable

Ranges = tuple[tuple[int, int], ...]
"""(first, last) pairs, sorted, with at least one number between two of them."""


def as_text(numbers: Iterable[int]) -> str:
    """The text for sorted, distinct line numbers; "" for none."""
    parts: list[str] = []
    add = parts.append
    first = last = -2
    for number in numbers:
        if number == last + 1:
            last = number
            continue
        if last >= 0:
            add(f"{first}-{last}" if first != last else str(first))
        first = last = number
    if last >= 0:
        add(f"{first}-{last}" if first != last else str(first))
    return ",".join(parts)


def ranges_in(text: str) -> Ranges:
    """The ranges of a text that `as_text` wrote.

    Raises:
        ValueError: the text is not in that form: unsorted, overlapping, touching, or not numbers.
    """
    if not text:
        return ()
    found: list[tuple[int, int]] = []
    end = -1
    for part in text.split(","):
        first_text, dash, last_text = part.partition("-")
        first = int(first_text)
        last = int(last_text) if dash else first
        if (first <= end + 1 and found) or last < first or (dash and last == first):
            raise ValueError(f"line ranges must be sorted and disjoint: {part!r} in {text[:80]!r}")
        found.append((first, last))
        end = last
    return tuple(found)


def numbers_in(text: str) -> list[int]:
    """Every line number of the text, sorted."""
    return [number for first, last in ranges_in(text) for number in range(first, last + 1)]


def count(ranges: Ranges) -> int:
    """How many lines the ranges hold."""
    return sum(last - first + 1 for first, last in ranges)


def union(*sets: Ranges) -> Ranges:
    """The lines that are in any of the sets."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(pair for ranges in sets for pair in ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def without(ranges: Ranges, removed: Ranges) -> Ranges:
    """The lines of `ranges` that are not in `removed`."""
    kept: list[tuple[int, int]] = []
    position = 0
    for first, last in ranges:
        while position < len(removed) and removed[position][1] < first:
            position += 1
        start, at = first, position
        while at < len(removed) and removed[at][0] <= last:
            if removed[at][0] > start:
                kept.append((start, removed[at][0] - 1))
            start = removed[at][1] + 1
            at += 1
        if start <= last:
            kept.append((start, last))
    return tuple(kept)


def text_of(ranges: Ranges) -> str:
    """The text of the ranges."""
    return ",".join(f"{first}-{last}" if first != last else str(first) for first, last in ranges)
