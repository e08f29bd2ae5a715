"""`gatekeeper metrics`: the facts that rules can use."""

import sys
from typing import Annotated

import msgspec
import typer

from gatekeeper.cli.output import put
from gatekeeper.evidence import Kind
from gatekeeper.metrics import METRICS


def metrics(
    kind: Annotated[
        Kind | None,
        typer.Option(metavar="KIND", help="Only the metrics of this kind: tests, coverage, sast, ..."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List every metric that a rule can name, with unit and better direction.

    Examples:
      gatekeeper metrics
      gatekeeper metrics --kind coverage
      gatekeeper metrics --json
    """
    rows = [metric for metric in METRICS.values() if kind is None or metric.kind is kind]
    if as_json:
        put(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
        return
    from gatekeeper.cli.tables import text_table
    from gatekeeper.cli.terminal import table_width

    header = ("metric", "unit", "better", "what it counts")
    table = [(m.name, m.unit, m.better, m.description) for m in rows]
    put(text_table(header, table, width=table_width(sys.stdout)))
