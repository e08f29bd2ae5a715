"""`gatekeeper policy export|sync`: the policies of a server beside those of a folder, as git keeps them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli import exits
from gatekeeper.cli.output import one_line, put, put_or_save
from gatekeeper.cli.policy_draft import Reason, is_sound, name_in, newest, tell
from gatekeeper.cli.policy_files import policy_bytes
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.client import calls, policy_calls
from gatekeeper.client.client import Client
from gatekeeper.errors import UsageError

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder with a file for each policy.")]


@dataclass(frozen=True, kw_only=True)
class _Beside:
    """A policy here and there."""

    name: str
    says: str
    """`same`, `differs`, `new` (only here) or `only on the server`."""
    text: bytes = b""


def export(folder: Folder, server: Server = None, token_file: TokenFile = None) -> None:
    """Write every policy in force into DIR as NAME.yaml. Other files there stay.

    Exit codes: 0 written; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy export policies/
    """
    folder.mkdir(parents=True, exist_ok=True)
    with client_for(server, token_file) as client:
        for name, text in _in_force(client):
            put_or_save(text.decode(), folder / f"{name}.yaml")
            put(one_line(str(folder / f"{name}.yaml"), 500) + "\n")


def sync(
    folder: Folder,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell; end with 1 when something differs.")
    ] = False,
    reason: Reason = "",
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Begin a draft for every policy of DIR that differs from the one in force. People then submit them.

    Nothing is ever taken away from the server: a policy that is only there is named.

    Exit codes: 0 nothing differs, or drafts were made; 1 with --check something differs, or a draft has
    faults; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy sync policies/ --check
      gatekeeper policy sync policies/ --reason "$CI_COMMIT_SHORT_SHA"
    """
    files = _files(folder)
    with client_for(server, token_file) as client:
        found = list(_compared(files, dict(_in_force(client))))
        for one in found:
            put(one_line(f"{one.name}: {one.says}", 300) + "\n")
        wanted = [one for one in found if one.says in ("differs", "new")]
        if check:
            is_equal = not wanted and all(one.says == "same" for one in found)
            raise typer.Exit(exits.ALLOWED if is_equal else exits.NO)
        is_fine = True
        for one in wanted:
            based_on = newest(client, one.name)
            made = client.ask(policy_calls.begin_draft(one.name, one.text, based_on=based_on, reason=reason))
            tell(made)
            is_fine = is_fine and is_sound(made)
    raise typer.Exit(exits.ALLOWED if is_fine else exits.NO)


def _in_force(client: Client) -> Iterator[tuple[str, bytes]]:
    for one in client.pages(lambda cursor: calls.policies(cursor=cursor)):
        yield one.name, client.ask(policy_calls.policy_text(one.name, one.version))


def _files(folder: Path) -> dict[str, bytes]:
    """The policies of the folder by name."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    found: dict[str, bytes] = {}
    for file in sorted((*folder.glob("*.yaml"), *folder.glob("*.yml"))):
        text = policy_bytes(file)
        name = name_in(text, file)
        if name in found:
            raise UsageError(f"{folder} has two files of the policy {name}")
        found[name] = text
    return found


def _compared(here: dict[str, bytes], there: dict[str, bytes]) -> Iterator[_Beside]:
    for name in sorted({*here, *there}):
        if name not in here:
            yield _Beside(name=name, says="only on the server")
        elif name not in there:
            yield _Beside(name=name, says="new", text=here[name])
        else:
            says = "same" if here[name] == there[name] else "differs"
            yield _Beside(name=name, says=says, text=here[name])
