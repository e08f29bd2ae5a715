"""Rows of an LCOV record that are plain and stand together, read in one piece.

One decode of a whole block takes a fifth of the time of a loop over its rows. What is not plain in every row
is left to that loop, which knows the dialects.
"""

import re
from itertools import compress
from operator import not_

import msgspec

from gatekeeper.reports.coverage.tally import MAX_LINE

_BRANCHES = re.compile(rb"\nBRDA:([1-9]\d{0,9},.+),(-|0|[1-9]\d*)(?=\n|\Z)")
_PAIRS = msgspec.json.Decoder(list[tuple[int, int]])


def plain_lines(body: bytes) -> tuple[list[int], list[int], bytes] | None:
    """Hit lines and missed lines of the `DA` rows, sorted, and the body without them; None: read by rows."""
    block = _block(body, b"\nDA:")
    if not block:
        return None
    text = body[block]
    if b"[" in text or b"]" in text:
        return None
    try:
        pairs = _PAIRS.decode(b"[[" + text[len(b"\nDA:") :].replace(b"\nDA:", b"],[") + b"]]")
    except (msgspec.DecodeError, RecursionError):
        return None
    numbers, hits = zip(*pairs, strict=True)
    if min(numbers) < 1 or max(numbers) > MAX_LINE or min(hits) < 0 or len(set(numbers)) != len(numbers):
        return None
    hit, miss = sorted(compress(numbers, hits)), sorted(compress(numbers, map(not_, hits)))
    return hit, miss, body[: block.start] + body[block.stop :]


def plain_branches(body: bytes) -> tuple[dict[bytes, bool], bytes] | None:
    """Whether each branch of the `BRDA` rows was taken, and the body without them; None: read by rows."""
    block = _block(body, b"\nBRDA:")
    if not block:
        return None
    text = body[block]
    taken = {identity: times not in (b"-", b"0") for identity, times in _BRANCHES.findall(text)}
    if len(taken) != text.count(b"\n"):
        return None
    return taken, body[: block.start] + body[block.stop :]


def _block(body: bytes, tag: bytes) -> slice | None:
    """Where the rows of `tag` stand, line feed before and none after; None when others are among them."""
    first = body.find(tag)
    if first < 0:
        return None
    end = body.find(b"\n", body.rfind(tag) + 1)
    block = slice(first, len(body) if end < 0 else end)
    return block if body.count(b"\n", block.start, block.stop) == body.count(tag) else None
