"""Lists of which one bad item must not spoil the rest."""

import re
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.repeated_keys import Decisive

T = TypeVar("T")


def each(
    raws: list[msgspec.Raw],
    decoder: msgspec.json.Decoder[T],
    *,
    notes: Notes,
    code: str = "unparsed",
    decisive: Decisive | None = None,
) -> Iterator[T]:
    """The items that can be read, in order; the others are counted as the problem `code`.

    An item that has a `decisive` key twice cannot be read.
    """
    for raw in raws:
        item = read_item(raw, decoder, notes=notes, code=code, decisive=decisive)
        if item is not None:
            yield item


def read_item(
    raw: msgspec.Raw,
    decoder: msgspec.json.Decoder[T],
    *,
    notes: Notes,
    code: str = "unparsed",
    decisive: Decisive | None = None,
) -> T | None:
    """The item, or None and one more `code` with the reason."""
    try:
        item = decoder.decode(raw)
        repeated = decisive.repeated_in(bytes(raw)) if decisive else None
        if repeated is None:
            return item
        notes.count(code, f'the key "{repeated}" twice')
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


def _reason(exc: Exception) -> str:
    return re.sub(r"\[\d+\]", "[...]", str(exc))
