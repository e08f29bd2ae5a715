"""`gatekeeper person`: add people to a server, grant to them, and shut them out."""

import sys
from typing import Annotated

import typer

from gatekeeper.caller import Scope
from gatekeeper.cli.lazy import HELP_OPTIONS
from gatekeeper.cli.output import one_line, put, say
from gatekeeper.cli.passwords import PasswordFile, password_from
from gatekeeper.cli.person_lines import as_json_text, grant_line, lines_of, row_of
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.cli.tables import text_table
from gatekeeper.cli.terminal import table_width
from gatekeeper.client import people_calls as calls
from gatekeeper.client.client import Client
from gatekeeper.client.model import Person
from gatekeeper.errors import GatekeeperError, UsageError
from gatekeeper.policy.spelling import duration_s

app = typer.Typer(
    help="Add people, grant roles and scopes to them, and shut them out.",
    no_args_is_help=True,
    context_settings=HELP_OPTIONS,
)

Who = Annotated[str, typer.Argument(metavar="WHO", help="The login name, verified e-mail or id (usr_...).")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
_DAY_S = 86_400


class NoSuchPerson(GatekeeperError):
    """The server knows nobody of that name, or several."""

    code = "person-not-found"


@app.command("add")
def add(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="The login name, in small letters.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What people call them. Default: the login name.")
    ] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="The e-mail address.")] = None,
    verified: Annotated[
        bool,
        typer.Option("--verified", help="You vouch for the e-mail: who else has it verified is this person."),
    ] = False,
    admin: Annotated[bool, typer.Option("--admin", help="They administer the server.")] = False,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Add a person with an account of the server. The first administrator ends the bootstrap token.

    Exit codes: 0 added; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper person add ann --admin --token-file /srv/gatekeeper/bootstrap
      gatekeeper person add bob --name 'Bob Example' --email bob@example.com --verified
    """
    with client_for(server, token_file) as client:
        password = password_from(password_file, prompt=f"Password for {login}: ", twice=True)
        made = client.ask(
            calls.add_person(
                name=name or login,
                login=login,
                password=password,
                email=email,
                email_verified=verified,
                admin=admin,
            )
        )
    _show(made, as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False, server: Server = None, token_file: TokenFile = None) -> None:
    """List people, with the roles and scopes that they hold now.

    Examples:
      gatekeeper person list
      gatekeeper person list --json
    """
    with client_for(server, token_file) as client:
        found = list(client.pages(lambda cursor: calls.people(cursor=cursor)))
    if as_json:
        put(as_json_text(found))
        return
    header = ("id", "name", "accounts", "holds", "state")
    put(text_table(header, [row_of(one) for one in found], width=table_width(sys.stdout)))


@app.command("show")
def show(who: Who, as_json: AsJson = False, server: Server = None, token_file: TokenFile = None) -> None:
    """Show one person, with all that was ever granted.

    Examples:
      gatekeeper person show ann
    """
    with client_for(server, token_file) as client:
        _show(_named(client, who), as_json=as_json)


@app.command("grant")
def grant(
    who: Who,
    project: Annotated[
        list[str], typer.Option(metavar="GLOB", help="For which projects, such as pay/*; may be repeated.")
    ],
    role: Annotated[
        str | None, typer.Option(metavar="ROLE", help="A role that policies name, such as qa-lead.")
    ] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(metavar="SCOPE", help="What they may do; repeat it for several.")
    ] = None,
    expires_in: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long, in days such as 90d. Default: no end.")
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Grant a role, scopes, or both. The person logs in again to have them.

    policy:approve, waiver:approve, approval:give and override:give are for people only; admin, whose project
    is '*', does not hold them.

    Exit codes: 0 granted; 1 refused, or nobody is called that; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper person grant ann --role qa-lead --scope approval:give --project 'pay/*'
      gatekeeper person grant bob --scope gate:read --project pay/api --expires-in 30d
    """
    days = None if expires_in is None else _days(expires_in)
    with client_for(server, token_file) as client:
        made = client.ask(
            calls.grant(
                _named(client, who).id,
                role=role,
                scopes=[str(one) for one in scope or ()],
                projects=project,
                expires_in_days=days,
            )
        )
    put(as_json_text(made) if as_json else f"{grant_line(made)}\n")


@app.command("revoke")
def revoke(
    who: Who,
    grant_id: Annotated[str, typer.Argument(metavar="GRANT", help="The id of the grant (grt_...).")],
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """End a grant now.

    Examples:
      gatekeeper person revoke ann grt_06b1
    """
    with client_for(server, token_file) as client:
        client.ask(calls.revoke_grant(_named(client, who).id, grant_id))
    say(one_line(f"{grant_id} is revoked"))


@app.command("deactivate")
def deactivate(
    who: Who,
    undo: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Shut a person out: no login, no session, no right. What they signed stays.

    Examples:
      gatekeeper person deactivate ann
      gatekeeper person deactivate ann --undo
    """
    with client_for(server, token_file) as client:
        changed = client.ask(calls.set_active(_named(client, who).id, is_active=undo))
    say(one_line(f"{changed.name} ({changed.id}) is {'active' if changed.is_active else 'shut out'}"))


@app.command("password")
def password(
    who: Who,
    password_file: PasswordFile = None,
    reset_totp: Annotated[
        bool, typer.Option("--reset-totp", help="Take the second factor away: they lost it.")
    ] = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Set the password of a person. Their sessions end, and the ledger is told who did it.

    Examples:
      gatekeeper person password ann
      gatekeeper person password ann --reset-totp --password-file new.txt
    """
    with client_for(server, token_file) as client:
        person = _named(client, who)
        text = password_from(password_file, prompt=f"New password for {who}: ", twice=True)
        client.ask(calls.set_password(person.id, password=text, reset_totp=reset_totp))
    say(one_line(f"{person.name} ({person.id}) has another password; their sessions are over"))


def _named(client: Client, who: str) -> Person:
    """The one person with this id, login name or verified e-mail."""
    if who.startswith("usr_"):
        return client.ask(calls.person(who))
    wanted = who.strip().lower()
    found = [one for one in client.pages(lambda cursor: calls.people(cursor=cursor)) if _is(one, wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NoSuchPerson(f"nobody is called {who!r}", hint="`gatekeeper person list` shows everybody")
    ids = ", ".join(one.id for one in found)
    raise NoSuchPerson(f"{who!r} are {len(found)} people: {ids}", hint="name one by its id")


def _is(person: Person, wanted: str) -> bool:
    return any(
        (one.issuer == "local" and one.subject == wanted) or (one.email_verified and one.email == wanted)
        for one in person.identities
    )


def _show(person: Person, *, as_json: bool) -> None:
    put(as_json_text(person) if as_json else lines_of(person))


def _days(text: str) -> int:
    try:
        seconds = duration_s(text)
    except ValueError as error:
        raise UsageError(f"--expires-in: {error}") from error
    if seconds < _DAY_S or seconds % _DAY_S:
        raise UsageError(f"--expires-in {text!r} is not a number of days", hint="for example 90d")
    return seconds // _DAY_S
