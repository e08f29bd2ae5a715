"""The commands of the server: `gatekeeper serve`, `worker` and `db`.

The table of `gatekeeper.cli.main` names them; the command line itself never imports the service. What they
need comes with the extra `server` and is imported only when one of them runs: without it they say how to
install it.
"""

import importlib.util
from typing import TYPE_CHECKING, Annotated

import typer

from gatekeeper.errors import UsageError

if TYPE_CHECKING:
    from gatekeeper.service.settings import ServerSettings

_NEEDS = ("alembic", "fastapi", "prometheus_client", "pydantic_settings", "sqlmodel", "structlog", "uvicorn")

_DB_HELP = """\
Make and check the tables of the server.

Examples:
  gatekeeper db upgrade
  gatekeeper db check
"""
db = typer.Typer(help=_DB_HELP, no_args_is_help=True)


class ExtraMissing(UsageError):
    """The command belongs to the server, which is not installed."""

    code = "extra-missing"


def serve(
    host: Annotated[
        str | None, typer.Option(help="The address to listen on. Default: GATEKEEPER_HOST, or 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="The port; 0 takes any that is free. Default: GATEKEEPER_PORT, or 8080."),
    ] = None,
) -> None:
    """Run the HTTP service in this process until it is stopped.

    Settings are environment variables that begin with GATEKEEPER_. It speaks plain HTTP: for other machines,
    put a proxy in front of it that ends TLS.

    Exit codes: 0 it was told to end; 1 it could not start; 2 usage.

    Examples:
      gatekeeper serve
      GATEKEEPER_DATA=/srv/gatekeeper gatekeeper serve --host 0.0.0.0 --port 8080
    """
    settings = _settings(host=host, port=port)
    from gatekeeper_api import assemble, serving

    serving.serve(settings, assemble.assembled(settings))


def worker() -> None:
    """Do the jobs of the server in this process until it is stopped.

    With SQLite `gatekeeper serve` does them itself; with PostgreSQL any number of workers share them.

    Examples:
      gatekeeper worker
      GATEKEEPER_DATABASE_URL=postgresql://gate@db/gate gatekeeper worker
    """
    settings = _settings()
    from gatekeeper_api import logs, working

    logs.configure(settings.log_format)
    working.work(settings)


@db.command("upgrade")
def upgrade() -> None:
    """Bring the tables to what this version needs. Data stays.

    Examples:
      gatekeeper db upgrade
    """
    settings = _settings()
    from gatekeeper_api import tables

    typer.echo(tables.upgrade(settings))


@db.command("check")
def check() -> None:
    """Say whether the tables are what this version needs; if not, end with 1.

    Examples:
      gatekeeper db check
    """
    settings = _settings()
    from gatekeeper_api import tables

    typer.echo(tables.check(settings))


@db.command("downgrade")
def downgrade(
    revision: Annotated[str, typer.Argument(help="The revision to go back to; `base` leaves no tables.")],
    yes: Annotated[bool, typer.Option("--yes", help="Lose what the older tables cannot hold.")] = False,
) -> None:
    """Take the tables back to an older revision, and what only newer ones can hold away with them.

    Stop every server first, and have a copy of the database.

    Examples:
      gatekeeper db downgrade 0001 --yes
    """
    settings = _settings()
    from gatekeeper_api import tables

    typer.echo(tables.downgrade(settings, revision, is_confirmed=yes))


def _settings(**flags: object) -> "ServerSettings":
    """The settings, once it is clear that there is a server.

    Raises:
        ExtraMissing: there is none.
        BadSetting: a value cannot be used.
    """
    if missing := [name for name in _NEEDS if importlib.util.find_spec(name) is None]:
        raise ExtraMissing(
            f"the server is not installed: {missing[0]} is missing",
            hint="pip install 'quality-gatekeeper[server]'",
        )
    from gatekeeper.service.settings import server_settings

    return server_settings(**flags)
