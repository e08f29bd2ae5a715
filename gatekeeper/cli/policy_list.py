"""`gatekeeper policy list`: the policies of the server."""

import sys
from typing import Annotated

import msgspec
import typer

from gatekeeper.cli.output import escaped, put
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.cli.tables import text_table
from gatekeeper.cli.terminal import table_width
from gatekeeper.client import calls


def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="List all versions of this policy.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """List the policies of the server with their newest versions, or all versions of one.

    Examples:
      gatekeeper policy list
      gatekeeper policy list base --json
    """
    with client_for(server, token_file) as client:
        if name is None:
            found = list(client.pages(lambda cursor: calls.policies(cursor=cursor)))
        else:
            found = list(client.pages(lambda cursor: calls.policy_versions(name, cursor=cursor)))
    if as_json:
        put(escaped(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()) + "\n")
        return
    rows = [
        (
            item.name,
            str(item.version),
            "yes" if item.in_force else "no",
            f"{item.created_at:%Y-%m-%d %H:%M} UTC",
            item.author,
            item.approved_by or "nobody",
            item.reason,
            item.digest,
        )
        for item in found
    ]
    header = ("policy", "version", "in force", "made", "by", "approved by", "reason", "digest")
    put(text_table(header, rows, width=table_width(sys.stdout)))
