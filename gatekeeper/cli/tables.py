"""Plain tables that a person reads and `grep` and `awk` still can."""

from collections.abc import Sequence

from gatekeeper.cli.output import clean


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """`rows` in aligned columns under `header`, two spaces between, no lines; ends with a newline."""
    table = [list(map(clean, row)) for row in (header, *rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "".join(line.rstrip() + "\n" for line in lines)
