"""`gatekeeper login`, `logout` and `whoami`: the session of a person with a server."""

import os
from typing import Annotated

import msgspec
import typer

from gatekeeper.cli import session_file
from gatekeeper.cli.output import escaped, one_line, put, say
from gatekeeper.cli.passwords import PasswordFile, code_from, password_from
from gatekeeper.cli.server import NoServer, Server, TokenFile, client_for, timing_from
from gatekeeper.client import people_calls
from gatekeeper.client.address import Address, address_of
from gatekeeper.client.client import Client
from gatekeeper.client.errors import Unauthorised
from gatekeeper.client.model import NewSession

_ENDED = frozenset({"session-ended", "not-authenticated"})


def login(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Your login name.")],
    password_file: PasswordFile = None,
    totp: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="A code of the second factor. Default: asked for where needed."),
    ] = None,
    server: Server = None,
) -> None:
    """Log in to a server. The session is kept for you alone and used where no token is named.

    Exit codes: 0 logged in; 2 usage; 4 refused, or the server could not be asked.

    Examples:
      gatekeeper login ann --server https://gate.example.com
      gatekeeper login ann --password-file - < password.txt
    """
    address = _address(server)
    password = password_from(password_file)
    with Client(address, timing=timing_from(os.environ)) as client:
        begun = _begun(client, name, password, totp)
    session_file.keep(session_file.path_from(os.environ), address.url, begun.secret)
    until = f"{begun.session.ends_at:%Y-%m-%d %H:%M} UTC"
    say(one_line(f"logged in at {address.url} as {name}, at most until {until}"))
    for variable in ("GATEKEEPER_ID_TOKEN", "GATEKEEPER_TOKEN"):
        if os.environ.get(variable):
            say(f"{variable} is set and goes before this session")


def logout(server: Server = None) -> None:
    """End the session with a server, there and here.

    Exit codes: 0 logged out; 2 usage; 4 the server could not be asked, and the session is kept.

    Examples:
      gatekeeper logout --server https://gate.example.com
    """
    address, path = _address(server), session_file.path_from(os.environ)
    secret = session_file.kept(path, address.url)
    if secret is None:
        say(f"there is no session with {address.url}")
        return
    known = address_of(address.url, credential=secret, allow_http=_may_http())
    try:
        with Client(known, timing=timing_from(os.environ)) as client:
            client.ask(people_calls.log_out())
    except Unauthorised as error:
        if error.code not in _ENDED:  # over already: there is nothing to end
            raise
    session_file.keep(path, address.url, None)
    say(f"logged out at {address.url}")


def whoami(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Show for whom the server takes you, and what you may do where.

    Examples:
      gatekeeper whoami
      gatekeeper whoami --json
    """
    with client_for(server, token_file) as client:
        found = client.whoami()
    if as_json:
        put(escaped(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()) + "\n")
        return
    ends = f", until {found.expires_at:%Y-%m-%d %H:%M} UTC" if found.expires_at is not None else ""
    put(one_line(f"{found.principal} ({found.method}{ends})") + "\n")
    for one in found.held:
        what = ([f"role {one.role}"] if one.role else []) + list(one.scopes)
        put("  " + one_line(f"{', '.join(what)} on {', '.join(one.projects)}", 1_000) + "\n")
    if not found.held:
        scopes, projects = (", ".join(names) or "none" for names in (found.scopes, found.projects))
        put("  " + one_line(f"scopes: {scopes}; projects: {projects}", 1_000) + "\n")


def _begun(client: Client, name: str, password: str, totp: str | None) -> NewSession:
    try:
        return client.ask(people_calls.log_in(login=name, password=password, totp=totp))
    except Unauthorised as error:
        code = code_from() if error.code == "totp-required" and totp is None else None
        if code is None:
            raise
    return client.ask(people_calls.log_in(login=name, password=password, totp=code))


def _address(server: str | None) -> Address:
    """The address of the server, to which a password may be sent."""
    url = server or os.environ.get("GATEKEEPER_URL", "")
    if not url:
        raise NoServer("nothing names the server", hint="--server URL, or set GATEKEEPER_URL")
    checked = address_of(url, credential="password", allow_http=_may_http())
    return Address(url=checked.url)


def _may_http() -> bool:
    return os.environ.get("GATEKEEPER_ALLOW_HTTP") == "1"
