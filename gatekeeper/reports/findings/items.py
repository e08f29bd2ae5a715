"""Lists of which one bad item must not spoil the rest, and the repeated keys that would hide a whole list."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.json import as_utf8
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.source import ReportSource

T = TypeVar("T")


def each(
    raws: list[msgspec.Raw], decoder: msgspec.json.Decoder[T], *, notes: Notes, code: str = "unparsed"
) -> Iterator[T]:
    """The items that can be read, in order; the others are counted as the problem `code`."""
    for raw in raws:
        item = read_item(raw, decoder, notes=notes, code=code)
        if item is not None:
            yield item


def read_item(
    raw: msgspec.Raw, decoder: msgspec.json.Decoder[T], *, notes: Notes, code: str = "unparsed"
) -> T | None:
    """The item, or None and one more `code` with the reason."""
    try:
        return decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        notes.count(code, _reason(exc))
    except RecursionError:
        notes.count(code, "nested too deeply")
    return None


def check_count(raws: list[msgspec.Raw], limits: Limits) -> None:
    """Refuse more items than `limits.max_findings`.

    Raises:
        UnreadableReport: `too-many-items`.
    """
    if len(raws) > limits.max_findings:
        raise UnreadableReport("too-many-items", limit=limits.max_findings)


def refuse_repeated_key(source: ReportSource, key: str, expected: int) -> None:
    """Refuse a report in which one object has `key` twice: decoders keep the last, here often an empty list.

    `expected` is how often the key may stand in the text before the slow, exact look is worth it.

    Raises:
        UnreadableReport: `wrong-shape`, naming the key.
    """
    if _occurrences(source, key) <= expected:
        return

    def unique(pairs: list[tuple[str, Any]]) -> None:
        if sum(name == key for name, _ in pairs) > 1:
            raise UnreadableReport("wrong-shape", detail=f'an object has the key "{key}" twice')

    try:
        json.loads(as_utf8(source.whole()), object_pairs_hook=unique)
    except ValueError as exc:
        raise UnreadableReport("malformed", where="the end", detail=str(exc)[:300]) from exc
    except RecursionError as exc:
        raise UnreadableReport("too-deep", limit=1000) from exc


def _occurrences(source: ReportSource, key: str) -> int:
    """How often the quoted key stands in the bytes, as a value too; inside a string quotes are escaped."""
    quoted = f'"{key}"'.encode()
    found, tail = 0, b""
    for chunk in source.chunks():
        window = tail + chunk
        found += window.count(quoted)
        tail = window[len(window) - len(quoted) + 1 :] if len(window) >= len(quoted) else window
    return found


def _reason(exc: Exception) -> str:
    return re.sub(r"\[\d+\]", "[...]", str(exc))
