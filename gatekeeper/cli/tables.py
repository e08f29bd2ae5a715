"""Plain tables that a person reads and `grep` and `awk` still can."""

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from gatekeeper.cli.output import clean

_NARROWEST = 12
"""Characters that a column keeps when it has to give way."""


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """`rows` in aligned columns under `header`, two spaces between, no lines; ends with a newline.

    Without `width`, a row is one line however long. With it the widest columns give way and their cells
    wrap, the first column never: it is what people copy.
    """
    table = [list(map(clean, row)) for row in (header, *rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    if width is not None:
        widths = _fitted(widths, width)
    return "".join(_row(row, widths) for row in table)


def _fitted(widths: Sequence[int], width: int) -> list[int]:
    fitted = list(widths)
    while sum(fitted) + 2 * (len(fitted) - 1) > width:
        widest = max(range(1, len(fitted)), key=lambda column: fitted[column], default=0)
        if fitted[widest] <= _NARROWEST:
            break
        fitted[widest] -= 1
    return fitted


def _row(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        [cell] if len(cell) <= width else textwrap.wrap(cell, width)
        for cell, width in zip(row, widths, strict=True)
    ]
    lines = zip_longest(*cells, fillvalue="")
    return "".join(
        "  ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )
