"""The server that a command asks: its address, the credential, and the options that name both."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import httpx
import typer

from gatekeeper.cli import session_file
from gatekeeper.cli.output import say
from gatekeeper.client.address import Address, address_of
from gatekeeper.client.client import Client
from gatekeeper.client.errors import Unauthorised, Unreachable
from gatekeeper.client.retries import Timing
from gatekeeper.errors import UsageError
from gatekeeper.policy.spelling import duration_s

Server = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The server. Default: GATEKEEPER_URL."),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="A file with the token. Default: GATEKEEPER_ID_TOKEN, GATEKEEPER_TOKEN, or that of the job.",
    ),
]
Project = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="The project, such as pay/api. Default: GATEKEEPER_PROJECT, or that of the pipeline or git.",
    ),
]
Commit = Annotated[
    str | None,
    typer.Option(metavar="ID", help="The commit. Default: that of the pipeline, or of git here."),
]
Tree = Annotated[str | None, typer.Option(metavar="ID", help="The tree id. Default: that of the commit.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say where each value came from.")]

_MAX_TOKEN_BYTES = 64 * 1024


class NoServer(UsageError):
    """Nothing names the server."""

    code = "no-server"


def client_for(server: str | None, token_file: Path | None, *, verbose: bool = False) -> Client:
    """A client for the server that the options or the environment name.

    Raises:
        NoServer, BadAddress, UsageError: nothing names it, or not in a usable way.
        Unauthorised: there is no credential.
        Unreachable: the CI system gives none.
    """
    address, origin = resolved(server, token_file, environ=os.environ)
    if verbose:
        say(f"server {address.url}, asked with {origin}")
    return Client(address, timing=timing_from(os.environ))


def resolved(
    server: str | None, token_file: Path | None, *, environ: Mapping[str, str]
) -> tuple[Address, str]:
    """The address with its credential, and where the credential came from. Raises as `client_for`."""
    url = server or environ.get("GATEKEEPER_URL", "")
    if not url:
        raise NoServer("nothing names the server", hint="--server URL, or set GATEKEEPER_URL")
    allow_http = environ.get("GATEKEEPER_ALLOW_HTTP") == "1"
    bare = address_of(url, credential=None)
    credential, origin = _credential(bare.url, token_file, environ)
    return address_of(url, credential=credential, allow_http=allow_http), origin


def timing_from(environ: Mapping[str, str]) -> Timing:
    """`GATEKEEPER_TIMEOUT`, such as 30s, limits how long one call is tried; 5 minutes without it.

    Raises:
        UsageError: it is no duration.
    """
    text = environ.get("GATEKEEPER_TIMEOUT")
    if not text:
        return Timing()
    try:
        return Timing(total_s=float(duration_s(text)))
    except ValueError as error:
        raise UsageError(f"GATEKEEPER_TIMEOUT: {error}") from error


def _credential(url: str, token_file: Path | None, environ: Mapping[str, str]) -> tuple[str, str]:
    """The most particular one: a file, the identity of this job, a token of the project, GitHub's offer.

    Where a job has none of them, the session that somebody began with `gatekeeper login`.

    An identity goes before a token: it proves the job and is worth more trust.
    """
    if token_file is not None:
        return _from_file(token_file), f"the token of {token_file}"
    for name in ("GATEKEEPER_ID_TOKEN", "GATEKEEPER_TOKEN"):
        if value := environ.get(name, "").strip():
            return value, name
    if "ACTIONS_ID_TOKEN_REQUEST_URL" in environ and "ACTIONS_ID_TOKEN_REQUEST_TOKEN" in environ:
        return _github_id_token(url, environ), "the id_token of the GitHub job"
    if (secret := session_file.kept(session_file.path_from(environ), url)) is not None:
        return secret, "the session of `gatekeeper login`"
    raise Unauthorised(
        "there is no token",
        hint="log in with `gatekeeper login`, set GATEKEEPER_TOKEN or name a --token-file; in GitLab CI give "
        "the job `id_tokens:` with GATEKEEPER_ID_TOKEN, in GitHub Actions `permissions: id-token: write`",
    )


def _from_file(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_TOKEN_BYTES)
    except OSError as error:
        raise UsageError(f"the token file {path} cannot be read: {error.strerror or error}") from error
    token = data.decode("ascii", "replace").strip()
    if not token:
        raise UsageError(f"the token file {path} is empty")
    return token


def _github_id_token(audience: str, environ: Mapping[str, str]) -> str:
    """A fresh id_token of this job for the server; GitHub makes one for each audience."""
    asked = address_of(
        environ["ACTIONS_ID_TOKEN_REQUEST_URL"].partition("?")[0],
        credential=environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"],
    )
    query = environ["ACTIONS_ID_TOKEN_REQUEST_URL"].partition("?")[2]
    url = httpx.URL(f"{asked.url}?{query}").copy_merge_params({"audience": audience})
    try:
        with httpx.Client(trust_env=not asked.is_loopback, timeout=30) as http:
            answer = http.get(url, headers={"Authorization": f"Bearer {asked.credential}"})
        value = answer.json()["value"] if answer.status_code == 200 else None
    except (httpx.TransportError, ValueError, KeyError, TypeError) as error:
        raise Unreachable(f"GitHub gives no id_token: {type(error).__name__}: {error}") from error
    if not isinstance(value, str) or not value:
        raise Unauthorised(
            f"GitHub gives no id_token: its answer was {answer.status_code}",
            hint="the job needs `permissions: id-token: write`",
        )
    return value
