"""Keys that one JSON object has twice: decoders keep the last, so the first, with its findings, is gone.

An exact look costs more than reading the whole report. Counting how often a key stands in the bytes costs
next to nothing, and honest reports pass it; only where the count is too high, or where the bytes cannot be
counted in, is the exact look taken.
"""

import codecs
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.json import as_utf8
from gatekeeper.reports.source import ReportSource

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# JSON may spell the letters of a key `\u0072esults`. No tool does; it would pass every count.
_LETTER_HEAD = rb"\u00"
_SPELLED_LETTER = re.compile(rb"\\u00[4-7]")


def refuse_repeated_keys(source: ReportSource, expected: Mapping[str, int]) -> None:
    """Refuse a report in which one object has one of the keys of `expected` twice.

    `expected` is how often each key stands in an honest report, as a key or as a value.

    Raises:
        UnreadableReport: `wrong-shape`, naming the key.
    """
    if source.head().startswith(_UTF16) or _has_too_many(source, expected):
        refuse_all_repeated_keys(source, expected)


def refuse_all_repeated_keys(source: ReportSource, keys: Iterable[str] | None = None) -> None:
    """The exact look: refuse a report in which any object has one of `keys` (None: any key) twice.

    Raises:
        UnreadableReport: `wrong-shape`, naming the key; `malformed`, `too-deep`.
    """
    try:
        found = first_repeated_key(as_utf8(source.whole()), keys)
    except RecursionError as exc:
        raise UnreadableReport("too-deep", limit=1000) from exc
    except ValueError as exc:
        raise UnreadableReport("malformed", where="the end", detail=str(exc)[:300]) from exc
    if found is not None:
        raise UnreadableReport("wrong-shape", detail=f'an object has the key "{found[:80]}" twice')


class Decisive:
    """The keys of an item that decide what it means."""

    def __init__(self, *keys: str) -> None:
        self._keys = keys
        self._quoted = tuple(f'"{key}"'.encode() for key in keys)

    def repeated_in(self, item: bytes) -> str | None:
        """The key that an object of `item`, which is JSON in UTF-8, has twice; None when there is none.

        Raises:
            RecursionError: it is nested too deeply to look.
        """
        # Runs once per finding: a plain loop over counts, which C does.
        for quoted in self._quoted:
            if item.count(quoted) > 1:
                return first_repeated_key(item, self._keys)
        return (
            first_repeated_key(item, self._keys)
            if _LETTER_HEAD in item and _SPELLED_LETTER.search(item)
            else None
        )


def first_repeated_key(data: bytes, keys: Iterable[str] | None = None) -> str | None:
    """One of `keys` (None: any key) that an object of the JSON text has twice; None when there is none.

    Raises:
        ValueError, RecursionError: it is not JSON, or nested too deeply.
    """
    wanted = None if keys is None else frozenset(keys)
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) != len(pairs) and not found:
            names = [name for name, _ in pairs]
            found.extend(n for n in names if names.count(n) > 1 and (wanted is None or n in wanted))

    # Numbers are not needed, and one of 5,000 digits would be refused by `int`.
    json.loads(data, object_pairs_hook=look, parse_int=len, parse_float=len)
    return found[0] if found else None


def _has_too_many(source: ReportSource, expected: Mapping[str, int]) -> bool:
    """Whether a quoted key stands in the bytes too often; inside a string quotes are escaped."""
    counts = dict.fromkeys((f'"{key}"'.encode() for key in expected), 0)
    limits = dict(zip(counts, expected.values(), strict=True))
    tails = dict.fromkeys(counts, b"")
    before = b""
    for chunk in source.chunks():
        if _SPELLED_LETTER.search(before + chunk):
            return True
        before = chunk[-4:]
        for quoted in counts:
            window = tails[quoted] + chunk
            counts[quoted] += window.count(quoted)
            tails[quoted] = window[-(len(quoted) - 1) :]
    return any(counts[quoted] > limits[quoted] for quoted in counts)
