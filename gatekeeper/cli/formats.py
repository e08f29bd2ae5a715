"""`gatekeeper formats`: the report formats that can be read."""

import sys
from typing import Annotated

import msgspec
import typer

from gatekeeper.cli.output import put
from gatekeeper.cli.tables import text_table
from gatekeeper.cli.terminal import table_width
from gatekeeper.reports.registry import FORMATS


def formats(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List every report format with what it is evidence of and who writes it.

    The format is found by content; `inspect --format NAME` forces one.

    Examples:
      gatekeeper formats
      gatekeeper formats --json
    """
    rows = [
        {"name": row.name, "title": row.title, "kinds": list(row.kinds), "tools": row.tools}
        for row in FORMATS
    ]
    if as_json:
        put(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
        return
    table = [(row.name, ", ".join(row.kinds), row.title, row.tools) for row in FORMATS]
    header = ("format", "evidence of", "title", "written by")
    put(text_table(header, table, width=table_width(sys.stdout)))
