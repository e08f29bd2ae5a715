"""`gatekeeper policy import`: publish a policy on the server."""

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.output import one_line, put
from gatekeeper.cli.policy_files import policy_bytes
from gatekeeper.cli.server import Server, TokenFile, client_for


def import_(
    file: Annotated[
        Path,
        typer.Argument(metavar="POLICY", help="A policy file, or the name of a shipped one: base, strict."),
    ],
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why it changes, for whoever reads the history.")
    ] = "",
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Publish a policy on the server as a new version, which never changes.

    The server checks it and runs its tests first. The same text again is no error. Projects that use the
    policy are judged by the new version from then on; their decisions keep the version that they were made
    with.

    Exit codes: 0 published, or there already; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy import policy.yaml --reason "coverage 70 to 80, SEC-12"
      gatekeeper policy import strict
    """
    text = policy_bytes(file)
    with client_for(server, token_file) as client:
        found = client.import_policy(text, reason=reason)
    put(one_line(f"policy {found.name} version {found.version}, {found.digest}", 500) + "\n")
