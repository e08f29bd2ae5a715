"""The part of `doctor` that looks at the server: can it be reached, who am I there, do the clocks agree."""

import os
from collections.abc import Iterator
from dataclasses import replace

from gatekeeper import clock
from gatekeeper.cli.output import one_line
from gatekeeper.cli.server import resolved, timing_from
from gatekeeper.client.address import address_of
from gatekeeper.client.client import Client
from gatekeeper.client.errors import CouldNotAsk
from gatekeeper.client.model import Health
from gatekeeper.errors import GatekeeperError

SKEW_S = 30
"""Clocks further apart make fresh evidence look stale and identities not yet valid."""

Found = tuple[str, str, str, str]
"""A check, `ok`, `warn` or `fail`, what it says, what to do."""


def look() -> Iterator[Found]:
    """What can be said of the server that GATEKEEPER_URL names; nothing when it names none."""
    url = os.environ.get("GATEKEEPER_URL")
    if not url:
        return
    timing = replace(timing_from(os.environ), tries=1, connect_s=5.0, read_s=10.0)
    try:
        with Client(address_of(url, credential=None), timing=timing) as bare:
            health = bare.health()
    except GatekeeperError as error:
        yield "server", "fail", error.message, error.hint or "check GATEKEEPER_URL"
        return
    if health.is_ready:
        yield "server", "ok", f"{url} is ready", ""
    else:
        yield "server", "fail", f"{url} is not ready: {one_line(health.says)}", "ask whoever runs it"
    yield from _clocks(health)
    try:
        address, origin = resolved(None, None, environ=os.environ)
        with Client(address, timing=timing) as client:
            caller = client.whoami()
    except CouldNotAsk as error:
        yield "caller", "fail", f"{error.message}{error.reference}", error.hint or "ask for another token"
        return
    except GatekeeperError as error:
        yield "caller", "fail", error.message, error.hint or "check GATEKEEPER_TOKEN"
        return
    ends = f", until {caller.expires_at:%Y-%m-%d %H:%M} UTC" if caller.expires_at is not None else ""
    scopes = ", ".join(caller.scopes) or "no scope"
    yield "caller", "ok", one_line(f"{caller.principal} by {origin}: {scopes}{ends}", 400), ""


def _clocks(health: Health) -> Iterator[Found]:
    if health.date is None:
        return
    skew = round((clock.now() - health.date).total_seconds())
    if abs(skew) <= SKEW_S:
        yield "clock", "ok", f"{abs(skew)} s from that of the server", ""
    else:
        way = "ahead of" if skew > 0 else "behind"
        yield "clock", "warn", f"{abs(skew):,} s {way} that of the server", "set this clock by NTP"
