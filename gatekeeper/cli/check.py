"""`gatekeeper check`: ask the server's gate, have it decide, and end with its answer."""

import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from gatekeeper.cli import exits, terminal
from gatekeeper.cli.identity import Flags, Unnamed, identity
from gatekeeper.cli.output import escaped, one_line, put_or_save, remove, say
from gatekeeper.cli.question import Question, waiting_words
from gatekeeper.cli.server import Commit, Project, Server, TokenFile, Tree, Verbose, client_for
from gatekeeper.cli.views import View, written
from gatekeeper.client.model import Gate
from gatekeeper.decision import Decision, Outcome
from gatekeeper.errors import UsageError
from gatekeeper.policy.spelling import duration_s, shown_duration


def check(
    stage: Annotated[str, typer.Option(metavar="STAGE", help="The stage to be entered.")],
    wait: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="Wait so long for evidence that is on its way, such as 90s, 10m, 1h."
        ),
    ] = None,
    artifact: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="The image or package that is promoted, as sha256:..."),
    ] = None,
    project: Project = None,
    commit: Commit = None,
    tree: Tree = None,
    view: Annotated[View, typer.Option("--format", help="How to write the decision.")] = View.TABLE,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the decision to this file.")
    ] = None,
    warn_exit: Annotated[
        int, typer.Option(metavar="N", min=0, max=125, help="The exit code of a `warn`.")
    ] = 0,
    server: Server = None,
    token_file: TokenFile = None,
    verbose: Verbose = False,
) -> None:
    """Ask the gate: may this build enter a stage? The answer is recorded.

    With `--wait`, it asks again while a scan runs, a set is open, or nothing but evidence is missing, and has
    the gate decide once. An artifact stands for the source that `link` named.

    Exit codes: 0 allowed (a `warn`: N of `--warn-exit N`); 1 not allowed; 2 usage; 3 still pending when the
    wait ended; 4 the server could not be asked. Everything but 0 stops a promotion.

    Examples:
      gatekeeper check --stage test
      gatekeeper check --stage uat --wait 10m --format junit --output gate.xml
      gatekeeper check --stage production --artifact sha256:7f1d...
      gatekeeper check --stage test --format json > decision.json
    """
    wait_s = _seconds(wait)
    if output is not None:
        # An answer of an earlier run must not stand in for one that this run may not get.
        remove(output)
    about = identity(
        Flags(project=project, commit=commit, tree=tree, artifact=artifact),
        environ=os.environ,
        cwd=Path.cwd(),
        tell=lambda text: say(f"note: {text}"),
        explain=say if verbose else None,
        artifact_is_enough=True,
    )
    if about.commit is None and about.artifact is None:
        raise Unnamed("nothing names the commit", hint="--commit with the full id, or --artifact")
    with Question(
        connect=lambda: client_for(server, token_file, verbose=verbose), about=about, stage=stage
    ) as question:
        answer = question.decided(wait_s)
        where = question.url
    if isinstance(answer, Gate):
        _write_pending(answer, view, output, wait)
        raise typer.Exit(exits.PENDING)
    screen = terminal.FILE if output is not None else terminal.screen_of(sys.stdout)
    again = f"gatekeeper explain {answer.id}"
    put_or_save(written(answer, (), view, screen=screen, reproduce=again), output)
    say(_verdict(answer, f"{where}/{answer.id}"))
    if answer.allowed and answer.outcome is Outcome.WARN:
        raise typer.Exit(warn_exit)
    raise typer.Exit(exits.ALLOWED if answer.allowed else exits.NO)


def _seconds(wait: str | None) -> int:
    if wait is None:
        return 0
    try:
        return duration_s(wait)
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from error


def _write_pending(gate: Gate, view: View, output: Path | None, wait: str | None) -> None:
    """A question asked too early. Only JSON has a form for that; the other views show decisions."""
    if view is View.JSON:
        put_or_save(escaped(msgspec.json.format(msgspec.json.encode(gate), indent=2).decode()) + "\n", output)
    waited = f" after {shown_duration(_seconds(wait))}" if wait else ""
    say(
        f"pending{waited}: {gate.project} into {gate.stage}: {waiting_words(gate)}",
        hint="nothing was decided or recorded; ask again, or wait longer with --wait 10m",
    )


def _verdict(decision: Decision, url: str) -> str:
    word = "allowed" if decision.allowed else "not allowed"
    by = " by an override" if decision.allowed and decision.outcome is Outcome.FAIL else ""
    what = f"{decision.subject.project} into {decision.stage} {word}{by}"
    return one_line(f"{decision.outcome}: {what}: {decision.id}, {url}", 500)
