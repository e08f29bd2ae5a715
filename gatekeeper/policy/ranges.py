"""Sets of line numbers in the written form of `evidence.Lines`: `1-5,7,9-12`."""

import re

_PART = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")

Spans = list[tuple[int, int]]
"""Sorted, disjoint, inclusive ranges."""


def spans(text: str) -> Spans | None:
    """The ranges in `text`, sorted and joined; None when it is not in the written form."""
    found: Spans = []
    for part in text.split(",") if text else ():
        match = _PART.fullmatch(part)
        if not match:
            return None
        first = int(match[1])
        last = int(match[2] or first)
        if last < first:
            return None
        found.append((first, last))
    return _joined(found)


def union(left: Spans, right: Spans) -> Spans:
    """Lines in either."""
    return _joined(left + right)


def without(left: Spans, right: Spans) -> Spans:
    """Lines of `left` that are not in `right`."""
    found: Spans = []
    at = 0
    for first, last in left:
        while at < len(right) and right[at][1] < first:
            at += 1
        index, begin = at, first
        while index < len(right) and right[index][0] <= last:
            if right[index][0] > begin:
                found.append((begin, right[index][0] - 1))
            begin = max(begin, right[index][1] + 1)
            index += 1
        if begin <= last:
            found.append((begin, last))
    return found


def size(these: Spans) -> int:
    """How many lines."""
    return sum(last - first + 1 for first, last in these)


def _joined(these: Spans) -> Spans:
    found: Spans = []
    for first, last in sorted(these):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
