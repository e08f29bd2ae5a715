"""The entry point `gatekeeper`: finds the command, and turns every ending into an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command as command_of

from gatekeeper import __version__
from gatekeeper.cli import exits, lazy
from gatekeeper.cli.lazy import Entry
from gatekeeper.cli.output import close_stdout, say
from gatekeeper.client.errors import Answered
from gatekeeper.errors import GatekeeperError

COMMANDS = {
    "scan": Entry("gatekeeper.cli.scan:scan", "Run the scanners on a folder and write their reports."),
    "inspect": Entry("gatekeeper.cli.inspect:inspect", "Show what Gatekeeper understands of report files."),
    "evaluate": Entry(
        "gatekeeper.cli.evaluate:evaluate", "Ask the gate without a server: may this build enter a stage?"
    ),
    "submit": Entry("gatekeeper.cli.submit:submit", "Send reports to the server as evidence."),
    "link": Entry("gatekeeper.cli.link:link", "Say which source an artifact was built from."),
    "check": Entry("gatekeeper.cli.check:check", "Ask the server's gate: may this build enter a stage?"),
    "explain": Entry("gatekeeper.cli.explain:explain", "Show a stored decision in words."),
    "policy": Entry("gatekeeper.cli.policy:app", "Check, test, show and publish policies."),
    "export": Entry("gatekeeper.cli.export:app", "Fetch what the server recorded, to look at it without it."),
    "project": Entry("gatekeeper.cli.project:app", "Make, list and show the projects of a server."),
    "person": Entry("gatekeeper.cli.person:app", "Add people, grant roles and scopes, shut people out."),
    "login": Entry("gatekeeper.cli.login:login", "Log in to a server as a person."),
    "logout": Entry("gatekeeper.cli.login:logout", "End the session with a server."),
    "whoami": Entry("gatekeeper.cli.login:whoami", "Show for whom the server takes you."),
    "token": Entry("gatekeeper.cli.token:app", "Make, list, rotate and revoke tokens."),
    "advisories": Entry("gatekeeper.cli.advisories:app", "Fill and check the advisory mirror."),
    "formats": Entry("gatekeeper.cli.formats:formats", "List the report formats that can be read."),
    "metrics": Entry("gatekeeper.cli.metrics:metrics", "List the metrics that rules can use."),
    "serve": Entry("gatekeeper_api.run:serve", "Run the HTTP service."),
    "worker": Entry("gatekeeper_api.run:worker", "Do the jobs of the HTTP service."),
    "db": Entry("gatekeeper_api.run:db", "Make and check the tables of the HTTP service."),
    "doctor": Entry("gatekeeper.cli.doctor:doctor", "Check this machine, and say what to do."),
    "completion": Entry("gatekeeper.cli.completion:completion", "Print the completion script of a shell."),
}


EXAMPLES = """\
Examples:
  gatekeeper scan . --output reports
  gatekeeper inspect reports/*
  gatekeeper evaluate reports/ --stage test
  gatekeeper evaluate junit.xml coverage.xml --stage uat --policy policy.yaml --format markdown
  gatekeeper submit reports/ && gatekeeper check --stage test --wait 10m

Exit codes:
""" + "\n".join(f"  {code}  {meaning}" for code, meaning in exits.TABLE)

app = lazy.group("gatekeeper", "May this build enter the next stage?", COMMANDS)
app.info.epilog = lazy.keep_examples(EXAMPLES)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gatekeeper {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """May this build enter the next stage?"""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of the command line `argv` (default: that of the process)."""
    args = list(sys.argv[1:] if argv is None else argv)
    if "_GATEKEEPER_COMPLETE" in os.environ:
        _register_shells()
    try:
        code = command_of(app).main(args, prog_name="gatekeeper", standalone_mode=False)
    except GatekeeperError as error:
        reference = error.reference if isinstance(error, Answered) else ""
        say(f"error: {error.message}{reference}", hint=error.hint)
        code = exits.exit_code(error)
    except typer.TyperException as error:
        code = _refuse(error)
    except (KeyboardInterrupt, typer.Abort):
        code = exits.INTERRUPTED
    except SystemExit as ending:
        code = ending.code
    except Exception as error:  # noqa: BLE001 - the edge of the process: a defect must stop a promotion and say so
        code = _defect(error)
    if code == exits.INTERRUPTED:
        say("interrupted")
    close_stdout()
    return code if isinstance(code, int) else exits.ALLOWED


def _refuse(error: typer.TyperException) -> int:
    """Say what is wrong with the command line; `gatekeeper` alone shows the help, on stderr."""
    if type(error).__name__ == "NoArgsIsHelpError":
        say(error.format_message())
        return exits.USAGE
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "gatekeeper"
    text = " ".join(error.format_message().replace("Value error, ", "").split())  # pydantic's word, not ours
    say(f"error: {text}", hint=f"`{path} --help` shows what it takes")
    return exits.USAGE


def _defect(error: Exception) -> int:
    if os.environ.get("GATEKEEPER_DEBUG") == "1":
        traceback.print_exc(file=sys.stderr)
    text = " ".join(str(error).split())[:300]
    say(
        f"internal error: {type(error).__name__}: {text}",
        hint=f"this is a defect of gatekeeper {__version__}, and no answer: run it again with "
        "GATEKEEPER_DEBUG=1 and report what it prints to its maintainers",
    )
    return exits.INTERNAL


def _register_shells() -> None:
    from typer._completion_classes import completion_init

    completion_init()
