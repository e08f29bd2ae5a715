"""`gatekeeper token`: make, list, rotate and revoke the tokens of a server."""

import math
import sys
from datetime import datetime
from typing import Annotated

import msgspec
import typer

from gatekeeper.caller import Scope
from gatekeeper.cli.lazy import HELP_OPTIONS
from gatekeeper.cli.output import escaped, one_line, put, say
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.cli.tables import text_table
from gatekeeper.cli.terminal import table_width
from gatekeeper.client import calls
from gatekeeper.client.model import NewToken, Token
from gatekeeper.errors import UsageError
from gatekeeper.evidence import Kind
from gatekeeper.policy.spelling import duration_s

app = typer.Typer(
    help="Make, list, rotate and revoke tokens.", no_args_is_help=True, context_settings=HELP_OPTIONS
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a token; `token list` shows it.")]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for, for people.")],
    scope: Annotated[
        list[Scope], typer.Option(metavar="SCOPE", help="What it may do; repeat it for several.")
    ],
    project: Annotated[
        list[str], typer.Option(metavar="GLOB", help="For which projects, such as pay/*; may be repeated.")
    ],
    ref: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="For evidence of which refs; may be repeated. Default: all."),
    ] = None,
    kind: Annotated[
        list[Kind] | None,
        typer.Option(metavar="KIND", help="For which kinds of evidence; may be repeated. Default: all."),
    ] = None,
    expires_in: Annotated[
        str, typer.Option(metavar="DURATION", help="How long it is valid, from 1d to 366d.")
    ] = "90d",
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Make a token. Its secret goes to stdout, alone, and is never shown again.

    Scopes: project:create, evidence:write, gate:read, decision:write, scan:run, policy:write, waiver:write,
    audit:read, ledger:read, metrics:read, admin. A pipeline needs evidence:write, gate:read and
    decision:write.

    Exit codes: 0 made; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      TOKEN=$(gatekeeper token create ci --scope evidence:write --project pay/api)
      gatekeeper token create release --scope gate:read --scope decision:write --project 'pay/*' --ref main
    """
    days = _days(expires_in)
    with client_for(server, token_file) as client:
        made = client.create_token(
            name=name,
            scopes=[str(item) for item in scope],
            projects=project,
            refs=ref or ["*"],
            kinds=[str(item) for item in kind or []],
            expires_in_days=days,
        )
    _hand_over(made)


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """List the tokens, without their secrets.

    Examples:
      gatekeeper token list
      gatekeeper token list --json
    """
    with client_for(server, token_file) as client:
        found = list(client.pages(lambda cursor: calls.tokens(cursor=cursor)))
    if as_json:
        put(escaped(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()) + "\n")
        return
    header = ("id", "name", "scopes", "projects", "refs", "kinds", "ends", "last used")
    put(text_table(header, [_row(token) for token in found], width=table_width(sys.stdout)))


@app.command("rotate")
def rotate(
    token: Id,
    grace: Annotated[
        str, typer.Option(metavar="DURATION", help="How long the old secret is still valid, in hours.")
    ] = "24h",
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Make the successor of a token. The secret goes to stdout, alone; the old one ends after the grace.

    Exit codes: 0 made; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      TOKEN=$(gatekeeper token rotate tok_4f0a)
      gatekeeper token rotate tok_4f0a --grace 1h
    """
    hours = math.ceil(_seconds(grace, "--grace") / 3600)
    with client_for(server, token_file) as client:
        made = client.rotate_token(token, grace_hours=hours)
    _hand_over(made)


@app.command("revoke")
def revoke(token: Id, server: Server = None, token_file: TokenFile = None) -> None:
    """End a token now.

    Examples:
      gatekeeper token revoke tok_4f0a
    """
    with client_for(server, token_file) as client:
        client.revoke_token(token)
    say(one_line(f"{token} is revoked"))


def _hand_over(made: NewToken) -> None:
    say(
        one_line(f"token {made.token.id} ({made.token.name}), valid until {_day(made.token.expires_at)}"),
        hint="keep the secret as a protected variable GATEKEEPER_TOKEN; it is not shown again",
    )
    put(one_line(made.secret, 1_000) + "\n")


def _row(token: Token) -> tuple[str, ...]:
    ends = f"revoked {_day(token.revoked_at)}" if token.revoked_at is not None else _day(token.expires_at)
    lists = (token.scopes, token.projects, token.refs, token.kinds or ("all",))
    return (token.id, token.name, *(", ".join(items) for items in lists), ends, _day(token.last_used_at))


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else "never"


def _days(text: str) -> int:
    seconds = _seconds(text, "--expires-in")
    if seconds % 86_400:
        raise UsageError(f"--expires-in {text!r} is not a number of days", hint="for example 90d")
    return seconds // 86_400


def _seconds(text: str, option: str) -> int:
    try:
        return duration_s(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
