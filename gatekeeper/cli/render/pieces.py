"""Pieces of a terminal view: signs in their colour, and aligned columns without lines."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from gatekeeper.cli.output import clean
from gatekeeper.cli.render.screen import Screen, style_of
from gatekeeper.decision import Status


def sign(screen: Screen, status: Status) -> Text:
    """One character for the eye; the word stands beside it."""
    return Text(screen.sign_of(status), style=style_of(status))


def joined(facts: Iterable[str], dot: str, width: int) -> list[str]:
    """`facts` in a row with `dot` between them, on as many lines as it takes; no fact is broken in two."""
    lines: list[str] = []
    for fact in map(clean, facts):
        longer = f"{lines[-1]}{dot}{fact}" if lines else fact
        if lines and len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fact)
    return lines


def grid(columns: int) -> Table:
    """Aligned columns; the last one wraps, the others keep their words whole."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for column in range(columns):
        is_last = column == columns - 1
        table.add_column(overflow="fold", no_wrap=not is_last, min_width=7 if column else None)
    return table
