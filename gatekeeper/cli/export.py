"""`gatekeeper export`: what the server recorded, fetched so that it can be looked at without the server."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from gatekeeper import __version__
from gatekeeper.cli.export_archive import SUFFIX, pack
from gatekeeper.cli.export_folder import ExportWriter
from gatekeeper.cli.lazy import HELP_OPTIONS
from gatekeeper.cli.output import CannotWrite, put, say
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.cli.terminal import is_terminal
from gatekeeper.client import calls
from gatekeeper.client.client import Client
from gatekeeper.client.errors import ServerRefused
from gatekeeper.client.model import HistoryItem
from gatekeeper.errors import UsageError
from gatekeeper.policy.replay import KeptDecision

app = typer.Typer(
    help="Fetch what the server recorded, to look at it without it.",
    no_args_is_help=True,
    context_settings=HELP_OPTIONS,
)

_TELL_EVERY = 100


@app.callback()
def _export() -> None:
    """Fetch what the server recorded, to look at it without it."""


@app.command("decisions")
def decisions(
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="A new folder, or a new file that ends in .tar.zst.")
    ],
    project: Annotated[
        str | None, typer.Option(metavar="PATH", help="Only this project. Default: all in the token's reach.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only what was recorded since this day (UTC).")
    ] = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Fetch recorded decisions with their inputs, documents and policies. Takes a token with audit:read.

    Documents and policies are believed by their digest only. One that the server has lost is named, and the
    decisions that it is about cannot be replayed.

    Exit codes: 0 fetched; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper export decisions --output history/
      gatekeeper export decisions --output pay.tar.zst --project pay/api --since 2026-06-01
    """
    begins = _day(since)
    if output.exists():
        raise UsageError(f"{output} is there already", hint="name a new folder or file")
    is_archive = output.name.endswith(SUFFIX)
    try:
        with ExitStack() as stack:
            client = stack.enter_context(client_for(server, token_file))
            folder = output
            if is_archive:
                output.parent.mkdir(parents=True, exist_ok=True)
                made = TemporaryDirectory(prefix=".export-", dir=output.parent)
                folder = Path(stack.enter_context(made)) / "export"
            count = Fetch(client, ExportWriter(folder)).all(project, begins)
            if is_archive:
                pack(folder, output)
    except OSError as error:
        raise CannotWrite(f"{output} cannot be written: {error.strerror or error}") from error
    put(f"{count:,} decisions in {output}\n")


class Fetch:
    """Fetches each thing once."""

    def __init__(self, client: Client, writer: ExportWriter) -> None:
        self._client, self._writer = client, writer
        self._is_told = is_terminal(sys.stderr)

    def all(self, project: str | None, since: date | None) -> int:
        """Write every decision with what it names; how many there were."""
        count = 0
        for item in self._client.pages(
            lambda cursor: calls.history(project=project, since=since, cursor=cursor)
        ):
            self._take(item)
            count += 1
            if self._is_told and count % _TELL_EVERY == 0:
                say(f"{count:,} decisions")
        self._writer.finish(made_by=f"gatekeeper {__version__}")
        return count

    def _take(self, item: HistoryItem) -> None:
        self._writer.add(
            KeptDecision(
                decision=item.decision,
                inputs=item.inputs,
                baseline=item.baseline,
                waivers=item.waivers,
                records=item.records,
            )
        )
        policy = item.decision.policy
        if policy.version is not None and not self._writer.has("policies", policy.digest):
            fetch = partial(self._client.policy_document, policy.name, policy.version, digest=policy.digest)
            self._keep("policies", policy.digest, fetch)
        for digest, evidence in item.documents.items():
            if not self._writer.has("documents", digest):
                self._keep("documents", digest, partial(self._client.document, evidence, digest=digest))

    def _keep(self, folder: str, digest: str, fetch: Callable[[], bytes]) -> None:
        try:
            self._writer.put(folder, digest, fetch())
        except ServerRefused as error:
            say(f"note: {digest} of {folder} is not there: {error.message}")


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise UsageError(f"--since {text!r} is no day", hint="such as 2026-06-01") from error
