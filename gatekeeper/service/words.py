"""Texts of people in records: bounded, and there where they must be."""

from gatekeeper.service.errors import Refused, coded

MAX_CHARS = 2000


def demand_text(name: str, text: str, *, is_required: bool = True) -> None:
    """Return when `text` is printable (lines and tabs count as such), not too long, and not missing.

    Raises:
        Refused: `bad-parameter`.
    """
    if is_required and not text.strip():
        raise coded(Refused, "bad-parameter", f"{name} is missing", hint="say it in a sentence")
    if len(text) > MAX_CHARS:
        raise coded(Refused, "bad-parameter", f"{name} has {len(text)} characters; the limit is {MAX_CHARS}")
    if any(not (char.isprintable() or char in "\n\t") for char in text):
        raise coded(Refused, "bad-parameter", f"{name} holds characters that cannot be printed")
