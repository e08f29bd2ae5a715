"""Words for message codes. Layers below pass codes and parameters around; the words come late.

One table per audience of a code: `problems` of reports, `reasons` of rules, `remedies`.
"""

import string
from collections.abc import Mapping
from functools import cache
from typing import Any

from gatekeeper.evidence import Message, Param


class _Words(string.Formatter):
    """`str.format` with lists joined and `{n:file|files}` choosing the noun by the number before it."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, int) and "|" in format_spec:
            one, many = format_spec.split("|", 1)
            return f"{value:,} {one if value == 1 else many}"
        if isinstance(value, list | tuple):
            return ", ".join(_item(item) for item in value)
        if isinstance(value, int):
            return f"{value:,}"
        return str(value)


def _item(item: Any) -> str:
    return f"{item[0]} ({item[1]:,})" if isinstance(item, list | tuple) else str(item)


_WORDS = _Words()


def render(code: str, params: Mapping[str, Param], table: Mapping[str, str]) -> str:
    """The English words of `code` in `table`; the bare code when the table does not know it."""
    template = table.get(code)
    if not template:
        return code
    return "".join(
        literal if name is None else literal + _WORDS.format_field(params[name], spec)
        for literal, name, spec in _parsed(template)
    )


@cache
def _parsed(template: str) -> tuple[tuple[str, str | None, str], ...]:
    """(text, name of the parameter behind it, form) of each part. There are some hundred templates."""
    return tuple((literal, name, spec or "") for literal, name, spec, _ in _WORDS.parse(template))


def render_message(message: Message, table: Mapping[str, str]) -> str:
    """The English words of `message`."""
    return render(message.code, message.params, table)
