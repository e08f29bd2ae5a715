"""Runs the application under uvicorn: one process, one worker, ended by SIGTERM or Ctrl-C."""

import errno
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from types import FrameType
from typing import NoReturn

import typer
import uvicorn

from gatekeeper import __version__
from gatekeeper.errors import GatekeeperError, UsageError
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api import logs
from gatekeeper_api.app import create_app
from gatekeeper_api.metrics import Metrics
from gatekeeper_api.services import Services

_BACKLOG = 2048
_SWITCH_S = 0.0005
"""How long a thread may hold Python's lock while others wait, a tenth of the default. The event loop lets go
of it with every system call, six times for a gate query, and beside an upload waits so long each time:
measured with 16 uploads of 20 MB, the p99 of the gate query is 12 to 20 ms, and else 33 to 38."""


class CannotListen(UsageError):
    """The address cannot be used: taken, forbidden or unknown."""

    code = "cannot-listen"


def serve(settings: ServerSettings, services: Services, *, metrics: Metrics | None = None) -> None:
    """Serve until a signal comes; requests that run get `shutdown_s` to end.

    Raises:
        CannotListen: before anything was started.
        GatekeeperError: what the start of `services` was refused with.
    """
    failures: list[GatekeeperError] = []
    access = logs.configure(settings.log_format)
    watched = replace(services, start=_kept(services.start, failures))
    app = create_app(settings, watched, metrics=metrics, access=access)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,  # the middleware writes that line, with the template instead of the path
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=settings.shutdown_s,
    )
    sys.setswitchinterval(_SWITCH_S)
    with listening(settings.host, settings.port) as listener:
        _leave_on_signals()
        quiet = logging.getLogger("uvicorn.error")
        told = lambda _record: not failures  # noqa: E731 - the words of a refused start are ours, without traceback
        quiet.addFilter(told)
        try:
            _Server(config, _greeting(settings, listener), services.notes).run(sockets=[listener])
        except SystemExit as ending:
            if failures:
                raise failures[0] from None
            if ending.code:  # uvicorn's own numbers mean something else in our table of exit codes
                raise RuntimeError("the server could not start; its log says why") from ending
            raise
        finally:
            quiet.removeFilter(told)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on the address.

    Raises:
        CannotListen: with the setting to change.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE:
                text, hint = f"port {port} of {host} is in use", "take another with --port or GATEKEEPER_PORT"
            case errno.EACCES:
                text, hint = (
                    f"port {port} of {host} is not for this user",
                    "take one from 1024 on with --port",
                )
            case _:
                text = f"cannot listen on {host}, port {port}: {error.strerror or error}"
                hint = "take an address of this machine with --host or GATEKEEPER_HOST"
        raise CannotListen(text, hint=hint) from error


class _Server(uvicorn.Server):
    """Tells the address once requests are answered, and not before."""

    def __init__(self, config: uvicorn.Config, greeting: str, notes: Callable[[], Sequence[str]]) -> None:
        super().__init__(config)
        self._greeting, self._notes = greeting, notes

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then speak."""
        await super().startup(sockets)
        if self.started:
            _spare_what_stays()
            for line in (self._greeting, *self._notes()):
                typer.echo(line)


def _spare_what_stays() -> None:
    """Let the collector of cycles pass over what was imported and made so far, for good.

    It stops every thread while it looks: 60 to 130 ms for modules alone, at moments that nobody chooses.
    """
    gc.collect()
    gc.freeze()


def _greeting(settings: ServerSettings, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    text = f"Gatekeeper {__version__} serves http://{shown}:{port} (Ctrl-C ends it)"
    if settings.is_local:
        return text
    return text + (
        "\nOther machines can reach it over plain HTTP, which shows them tokens: put a proxy that ends TLS "
        "in front of it."
    )


def _kept(
    start: Callable[[], Awaitable[None]], failures: list[GatekeeperError]
) -> Callable[[], Awaitable[None]]:
    """`start`, whose refusal is kept: uvicorn turns it into text and `SystemExit`."""

    async def started() -> None:
        try:
            await start()
        except GatekeeperError as error:
            failures.append(error)
            raise

    return started


def _leave_on_signals() -> None:
    """Being told to end is the normal end. uvicorn raises the signal again once it has shut down."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _leave)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)
