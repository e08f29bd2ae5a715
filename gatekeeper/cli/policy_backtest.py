"""`gatekeeper policy backtest`: what a policy would have said to decisions that were recorded."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from gatekeeper.cli import exits
from gatekeeper.cli.export_archive import opened
from gatekeeper.cli.export_folder import Place
from gatekeeper.cli.output import clean, escaped, put_or_save
from gatekeeper.cli.policy_files import policy_at
from gatekeeper.cli.render.backtest_words import as_table
from gatekeeper.cli.terminal import table_width
from gatekeeper.errors import UsageError
from gatekeeper.policy.backtest import Backtest, Turn, backtest
from gatekeeper.policy.spelling import instant, zone
from gatekeeper.reports.json import collector_off


class Form(StrEnum):
    """The formats of `--format`."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


class FailOn(StrEnum):
    """What makes the command end with 1."""

    NOTHING = "nothing"
    PASS_TO_FAIL = "pass-to-fail"
    ANY = "any"
    """Any change, and any decision that cannot be replayed: nobody knows what becomes of it."""


def run(
    file: Annotated[
        Path, typer.Argument(metavar="POLICY", help="The policy to try, or the name of a shipped one.")
    ],
    export: Annotated[
        Path,
        typer.Argument(metavar="EXPORT", help="A folder or .tar.zst of `gatekeeper export decisions`."),
    ],
    last: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the newest N decisions. Default: all.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only decisions since then (UTC), such as 2026-06-01.")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TABLE,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there instead of stdout.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it, too, as SVG: decisions over time.")
    ] = None,
    fail_on: Annotated[FailOn, typer.Option(help="End with 1 when this happens.")] = FailOn.NOTHING,
) -> None:
    """Try a policy on recorded decisions: which would have come out otherwise, and through which rule.

    Each decision is judged again with its own clock and inputs, first by the policy that decided. When that
    does not give what was recorded, or something is gone, it is `not-replayable`, and nothing is said of it.

    Exit codes: 0 done; 1 what --fail-on names, or a policy or export that is refused; 2 usage.

    Examples:
      gatekeeper policy backtest policy.yaml history/
      gatekeeper policy backtest policy.yaml history.tar.zst --last 500 --picture flips.svg
      gatekeeper policy backtest policy.yaml history/ --since 2026-06-01 --fail-on pass-to-fail
    """
    if last is not None and since is not None:
        raise UsageError("--last and --since exclude each other")
    policy = policy_at(file)
    with opened(export) as folder, collector_off():
        places = _chosen(folder.places(), last, since)
        found = backtest(policy, folder.kept(places), folder)
    put_or_save(_written(found, form, to_terminal=output is None), output)
    if picture is not None:
        from gatekeeper.cli.render.backtest_picture import as_picture

        put_or_save(as_picture(found), picture)
    if _is_bad(found, fail_on):
        raise typer.Exit(exits.NO)


def _chosen(places: Sequence[Place], last: int | None, since: str | None) -> Sequence[Place]:
    if last is not None:
        return places[-last:]
    if since is None:
        return places
    try:
        start = instant(since, begins_in=zone("UTC"))
    except ValueError as error:
        raise UsageError(f"--since: {error}", hint="such as 2026-06-01 or 2026-06-01T09:00:00Z") from error
    return [place for place in places if place.as_of >= start]


def _written(found: Backtest, form: Form, *, to_terminal: bool) -> str:
    match form:
        case Form.TABLE:
            return clean(as_table(found, width=table_width(sys.stdout) if to_terminal else None))
        case Form.JSON:
            return escaped(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()) + "\n"
        case Form.HTML:
            from gatekeeper.cli.render.backtest_page import as_page

            return as_page(found)


def _is_bad(found: Backtest, fail_on: FailOn) -> bool:
    match fail_on:
        case FailOn.NOTHING:
            return False
        case FailOn.PASS_TO_FAIL:
            return bool(found.turns[Turn.PASS_TO_FAIL])
        case FailOn.ANY:
            return found.turns[Turn.UNCHANGED] != found.total
