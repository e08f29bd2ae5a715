"""How often somebody may try to log in: by login name and by address, each try slower than the one before.

A try is counted before the password is looked at, so that a hundred at once are a hundred. A success takes
the count of its login back. Kept in the database, for all replicas, under digests: somebody may have typed a
password in place of a login name.
"""

import hashlib
import math
from datetime import datetime, timedelta

from gatekeeper.service.errors import TooMany
from gatekeeper.service.server import Server
from gatekeeper.store import sessions
from gatekeeper.store.database import Connection

FREE_BY_LOGIN = 5
FREE_BY_ADDRESS = 30
"""Tries without any delay. Many people share the address of an office."""
MAX_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
"""Without another failure; longer than any delay, so that waiting is not enough to begin anew."""
KEPT_FOR = timedelta(days=1)


class TooManyLogins(TooMany):
    """The next try is not heard before `retry_after_s` seconds are over."""

    code = "too-many-logins"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"too many failed logins; the next try is heard in {retry_after_s} s",
            hint="wait; an administrator can set another password meanwhile",
        )
        self.retry_after_s = retry_after_s


def charge(server: Server, login: str, address: str) -> None:
    """Count one more try as failed.

    Raises:
        TooManyLogins: it comes too early; then it does not count.
    """
    now = server.clock()

    def work(connection: Connection) -> float:
        sessions.forget_failures(connection, now - KEPT_FOR)
        wait = max(_wait(connection, key, free, now) for key, free in _keys(login, address))
        if wait <= 0:
            for key, free in _keys(login, address):
                _count(connection, key, free, now)
        return wait

    wait = server.database.write(work)
    if wait > 0:
        raise TooManyLogins(math.ceil(wait))


def forgive(connection: Connection, login: str, address: str, now: datetime) -> None:
    """Forget the failures of a login that succeeded, and the one that was counted for the address."""
    by_login, by_address = (key for key, _ in _keys(login, address))
    sessions.clear_failures(connection, by_login)
    count, last_at, _ = sessions.failures(connection, by_address, now)
    sessions.set_failures(connection, by_address, max(0, count - 1), last_at, last_at)


def delay_after(count: int, free: int) -> timedelta:
    """How long nobody listens after the failure number `count`: 2, 4, 8 s and so on behind the free ones."""
    over = count - free
    return timedelta(0) if over < 0 else min(MAX_DELAY, timedelta(seconds=2 ** min(over + 1, 20)))


def _keys(login: str, address: str) -> tuple[tuple[str, int], tuple[str, int]]:
    return (
        (hashlib.sha256(f"login:{login}".encode("utf-8", "replace")).hexdigest(), FREE_BY_LOGIN),
        (hashlib.sha256(f"address:{address}".encode()).hexdigest(), FREE_BY_ADDRESS),
    )


def _wait(connection: Connection, key: str, free: int, now: datetime) -> float:
    count, _, again_at = sessions.failures(connection, key, now)
    if count < free:  # whoever came a moment later may have been counted before
        return 0.0
    # A clock that was turned back must not lock anybody out for longer than the longest delay.
    return min((again_at - now).total_seconds(), MAX_DELAY.total_seconds())


def _count(connection: Connection, key: str, free: int, now: datetime) -> None:
    count, last_at, _ = sessions.failures(connection, key, now)
    before = count if now - last_at < FORGOTTEN_AFTER else 0
    sessions.set_failures(connection, key, before + 1, now, now + delay_after(before + 1, free))
