"""`gatekeeper project`: make, list and show the projects of a server."""

import sys
from typing import Annotated

import msgspec
import typer

from gatekeeper.cli.lazy import HELP_OPTIONS
from gatekeeper.cli.output import escaped, one_line, put, say
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.cli.tables import text_table
from gatekeeper.cli.terminal import table_width
from gatekeeper.client import calls
from gatekeeper.client.client import Client
from gatekeeper.client.model import Project
from gatekeeper.errors import GatekeeperError

app = typer.Typer(
    help="Make, list and show the projects of a server.",
    no_args_is_help=True,
    context_settings=HELP_OPTIONS,
)

Path_ = Annotated[str, typer.Argument(metavar="PATH", help="The project, such as pay/api.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


class NoSuchProject(GatekeeperError):
    """The server has no project of this path, or shows it to others only."""

    code = "project-not-found"


@app.command("create")
def create(
    path: Path_,
    policy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The policy that decides. Default: the one that applies to it."),
    ] = None,
    default_ref: Annotated[str, typer.Option(metavar="REF", help="The branch of everyday work.")] = "main",
    protected_ref: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Refs to release from; may be repeated. Default: the default ref."),
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(metavar="URL", help="The CI system whose jobs may speak for it.")
    ] = None,
    provider_id: Annotated[
        str | None, typer.Option(metavar="ID", help="The number of the project there.")
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Make a project. The same one again is no error.

    Exit codes: 0 made, or there already; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper project create pay/api
      gatekeeper project create pay/api --policy strict --protected-ref main --protected-ref 'release/*'
      gatekeeper project create pay/api --issuer https://gitlab.example.com --provider-id 42
    """
    with client_for(server, token_file) as client:
        made = client.create_project(
            path=path,
            policy=policy,
            default_ref=default_ref,
            protected_refs=protected_ref or [default_ref],
            issuer=issuer,
            provider_id=provider_id,
        )
    _show(made, as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False, server: Server = None, token_file: TokenFile = None) -> None:
    """List the projects that the token reaches.

    Examples:
      gatekeeper project list
      gatekeeper project list --json
    """
    with client_for(server, token_file) as client:
        found = list(client.pages(lambda cursor: calls.projects(cursor=cursor)))
    if as_json:
        put(escaped(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()) + "\n")
        return
    rows = [(item.path, item.policy, item.default_ref, ", ".join(item.protected_refs)) for item in found]
    header = ("project", "policy", "default ref", "protected refs")
    put(text_table(header, rows, width=table_width(sys.stdout)))


@app.command("show")
def show(path: Path_, as_json: AsJson = False, server: Server = None, token_file: TokenFile = None) -> None:
    """Show one project.

    Examples:
      gatekeeper project show pay/api
    """
    with client_for(server, token_file) as client:
        _show(_named(client, path), as_json=as_json)


@app.command("use")
def use(
    path: Path_,
    policy: Annotated[str, typer.Argument(metavar="POLICY", help="The name of a policy of the server.")],
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Let another policy decide about a project.

    Exit codes: 0 done; 1 refused, or there is no such project or policy; 4 the server could not be asked.

    Examples:
      gatekeeper project use pay/api strict
    """
    with client_for(server, token_file) as client:
        changed = client.assign_policy(project_id=_named(client, path).id, policy=policy)
    say(one_line(f"{changed.path} is judged by the policy {changed.policy}"))


def _named(client: Client, path: str) -> Project:
    for found in client.pages(lambda cursor: calls.projects(path=path, cursor=cursor)):
        if found.path == path:
            return found
    raise NoSuchProject(
        f"there is no project {path!r} for this token", hint=f"`gatekeeper project create {path}` makes it"
    )


def _show(project: Project, *, as_json: bool) -> None:
    if as_json:
        put(escaped(msgspec.json.format(msgspec.json.encode(project), indent=2).decode()) + "\n")
        return
    speaks = f"{project.issuer}, project {project.provider_id}" if project.issuer else "tokens only"
    rows = (
        ("project", project.path),
        ("id", project.id),
        ("policy", project.policy),
        ("default ref", project.default_ref),
        ("protected refs", ", ".join(project.protected_refs)),
        ("who speaks for it", speaks),
        ("made", f"{project.created_at:%Y-%m-%d %H:%M} UTC"),
    )
    put("".join(f"{name.ljust(18)}{one_line(value, 500)}\n" for name, value in rows))
