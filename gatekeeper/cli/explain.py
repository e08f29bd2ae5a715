"""`gatekeeper explain`: a stored decision in words."""

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gatekeeper.cli import terminal
from gatekeeper.cli.files import NoSuchFile
from gatekeeper.cli.output import clean, put
from gatekeeper.cli.reading import FileUnreadable
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.cli.views import View, written
from gatekeeper.decision import Decision, decision_from
from gatekeeper.errors import GatekeeperError

MAX_DECISION_BYTES = 256 * 1024 * 1024

_ID = re.compile(r"dec_[0-9A-Za-z_-]{1,100}")
"""What no file of a decision is called; `./dec_1` names a file all the same."""


class NotADecision(GatekeeperError):
    """The file holds something else."""

    code = "not-a-decision"


def explain(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="ID|FILE",
            help="The id of a decision of the server, a file as `--format json` writes it, or - for stdin.",
        ),
    ],
    view: Annotated[View, typer.Option("--format", help="How to write the decision.")] = View.TABLE,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Show a stored decision: every rule with its arithmetic, the evidence, the digests, what to do.

    An id such as dec_4f0a is asked of the server. Of a file it shows what the file says, without a check that
    it is genuine: evaluating the same files again gives the same `outputs` digest. Ends with 0 whatever the
    decision was, with 4 when the server could not be asked.

    Examples:
      gatekeeper explain dec_4f0a
      gatekeeper evaluate reports/ --stage test --format json --output decision.json
      gatekeeper explain decision.json
      gatekeeper explain decision.json --format markdown
    """
    if _ID.fullmatch(str(file)):
        with client_for(server, token_file) as client:
            decision = client.decision(str(file))
    else:
        decision = _decision(file)
    if view is not View.JSON:
        decision = msgspec.convert(_cleaned(msgspec.to_builtins(decision)), Decision)
    screen = terminal.screen_of(sys.stdout)
    put(written(decision, (), view, screen=screen, reproduce=_again(decision), details=True))


def _decision(file: Path) -> Decision:
    name = "standard input" if str(file) == "-" else str(file)
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MAX_DECISION_BYTES + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(MAX_DECISION_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NoSuchFile(
            f"there is no file {name}", hint="`explain` takes one decision file, or an id such as dec_4f0a"
        ) from error
    except OSError as error:
        raise FileUnreadable(f"{name} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_DECISION_BYTES:
        raise NotADecision(f"{name} is larger than a decision may be: {MAX_DECISION_BYTES:,} bytes")
    try:
        return decision_from(data)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise NotADecision(
            f"{name} is not a decision: {str(error)[:200]}",
            hint="`gatekeeper evaluate --format json --output FILE` writes one; "
            "`gatekeeper inspect` shows reports",
        ) from error


def _cleaned(value: Any) -> Any:
    """Plain JSON with all its texts cleaned: a stored file may hold anything in any place."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _cleaned(inner) for key, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list | tuple) else value


def _again(decision: Decision) -> str | None:
    if decision.gate:
        return None
    instant = decision.as_of.isoformat().replace("+00:00", "Z")
    return f"gatekeeper evaluate FILES --stage {decision.stage} --as-of {instant}"
