"""Reasons and remedies with their English words."""

from gatekeeper.decision import Reason, Remedy
from gatekeeper.evidence import Param
from gatekeeper.messages import render
from gatekeeper.messages.reasons import REASONS
from gatekeeper.messages.remedies import REMEDIES


def reason(code: str, **params: Param) -> Reason:
    """A reason with its English words."""
    kept = {key: _clean(value) for key, value in params.items()}
    return Reason(code=code, params=kept, text=render(code, kept, REASONS))


def remedy(code: str, **params: Param) -> Remedy:
    """A remedy with its English words."""
    kept = {key: _clean(value) for key, value in params.items()}
    return Remedy(code=code, params=kept, text=render(code, kept, REMEDIES))


def _clean(value: Param) -> Param:
    """`value` with characters that have no UTF-8 form replaced, so that it can be hashed and shown."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, tuple):
        return tuple(_clean_item(item) for item in value)
    return value


def _clean_item(item: str | tuple[str, int]) -> str | tuple[str, int]:
    if isinstance(item, str):
        return item.encode("utf-8", "replace").decode()
    return (item[0].encode("utf-8", "replace").decode(), item[1])
