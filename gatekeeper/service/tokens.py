"""Bearer tokens: made by an administrator, shown once, ended at will; and the first one of a new server."""

import os
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from gatekeeper.access import TokenRecord
from gatekeeper.caller import PERSON_SCOPES, Caller, Scope
from gatekeeper.evidence import Kind
from gatekeeper.recorded import Event
from gatekeeper.service.errors import NotFound, Refused, Unavailable, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize, bearer
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, people, tokens
from gatekeeper.store.database import Connection

MAX_DAYS = 366
MAX_NAME_CHARS = 100
MAX_GLOBS = 100
BOOTSTRAP_TTL = timedelta(hours=1)
BOOTSTRAP_FILE = "bootstrap"
CACHE_S = 5.0
"""How long a token that was looked up is believed without asking again: on another replica, a revoked one
lives this much longer."""


class Tokens:
    """Finds the caller of a bearer token. Thread-safe; holds what it looked up for `CACHE_S` seconds."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._held: dict[str, tuple[float, TokenRecord]] = {}
        self._lock = threading.Lock()

    def caller_at_hand(self, text: str) -> Caller | None:
        """The caller of a token that was looked up a moment ago; None when it must be looked up.

        Raises:
            NotAuthenticated: it is malformed, wrong, expired or revoked.
        """
        sent = bearer.presented(text)
        held = self._held.get(sent.id)
        if held is None or held[0] < time.monotonic():
            return None
        return bearer.caller_from(sent, held[1], self._server.clock())

    def caller(self, text: str) -> Caller:
        """The caller of a token.

        Raises:
            NotAuthenticated: there is none, it is wrong, expired or revoked.
            StoreUnavailable: nobody can say.
        """
        sent = bearer.presented(text)
        record = self._server.database.read(lambda connection: tokens.by_id(connection, sent.id))
        now = self._server.clock()
        caller = bearer.caller_from(sent, record, now)
        if record is not None:
            record = self._noted(record, now)
            with self._lock:
                if len(self._held) > 10_000:
                    self._held.clear()
                self._held[sent.id] = (time.monotonic() + CACHE_S, record)
        return caller

    def forget(self, token_id: str) -> None:
        """Have the token looked up again: it was changed here."""
        with self._lock:
            self._held.pop(token_id, None)

    def _noted(self, record: TokenRecord, now: datetime) -> TokenRecord:
        """The record with its use noted, at most every few minutes."""
        last = record.last_used_at
        if last is not None and now - last < self._server.rules.token_use_sample:
            return record
        self._server.database.write(lambda connection: tokens.note_use(connection, record.id, now))
        return msgspec.structs.replace(record, last_used_at=now)


def create(
    server: Server,
    caller: Caller,
    *,
    name: str,
    scopes: frozenset[Scope],
    projects: tuple[str, ...],
    refs: tuple[str, ...] = ("*",),
    kinds: tuple[Kind, ...] = (),
    expires_in_days: int = 90,
) -> tuple[TokenRecord, str]:
    """The new token and its text, which is shown once and kept nowhere.

    The first lasting administrator's token ends the bootstrap token.

    Raises:
        Denied: the caller is no administrator, or grants projects that it does not reach itself.
        Refused: `bad-parameter`.
    """
    authorize.demand(caller, Scope.ADMIN)
    _check(name, scopes, projects, refs, expires_in_days)
    at = server.clock()
    secret = bearer.new_secret()
    record = TokenRecord(
        id=secret.id,
        name=name,
        sha256=secret.sha256,
        scopes=scopes,
        projects=projects,
        refs=refs,
        kinds=kinds,
        created_at=at,
        expires_at=at + timedelta(days=expires_in_days),
        created_by=caller.principal,
    )

    def work(connection: Connection) -> None:
        _keep(connection, record, caller.principal, at)
        if Scope.ADMIN in scopes:
            end_bootstrap(connection, caller.principal, at)

    server.database.write(work)
    return record, secret.plain


def rotate(server: Server, caller: Caller, token_id: str, grace_hours: int) -> tuple[TokenRecord, str]:
    """A token with the same grant and a new secret; the old one ends after the time of grace.

    Raises:
        Denied, NotFound: the caller is no administrator; there is no usable token of this id.
        Refused: `bad-parameter`.
    """
    authorize.demand(caller, Scope.ADMIN)
    if not 0 <= grace_hours <= 24 * 30:
        raise coded(Refused, "bad-parameter", f"grace_hours is 0 to 720, not {grace_hours}")
    at = server.clock()
    secret = bearer.new_secret()

    def work(connection: Connection) -> TokenRecord:
        old = _usable(connection, token_id, at)
        made = msgspec.structs.replace(
            old,
            id=secret.id,
            sha256=secret.sha256,
            created_at=at,
            expires_at=at + (old.expires_at - old.created_at),
            last_used_at=None,
            created_by=caller.principal,
            is_bootstrap=False,
        )
        _keep(connection, made, caller.principal, at)
        tokens.shorten(connection, old.id, at + timedelta(hours=grace_hours))
        return made

    return server.database.write(work), secret.plain


def revoke(server: Server, caller: Caller, token_id: str) -> None:
    """End a token now. Ending it again changes nothing.

    Raises:
        Denied, NotFound: the caller is no administrator; there is no token of this id.
    """
    authorize.demand(caller, Scope.ADMIN)
    at = server.clock()

    def work(connection: Connection) -> None:
        record = tokens.by_id(connection, token_id)
        if record is None:
            raise _none(token_id)
        if tokens.revoke(connection, token_id, at):
            _tell_revoked(connection, token_id, caller.principal, at)

    server.database.write(work)


def page(server: Server, caller: Caller, *, after: str, limit: int) -> tuple[list[TokenRecord], str | None]:
    """All tokens by id, also ended ones, and the cursor of the next page."""
    authorize.demand(caller, Scope.ADMIN)
    found = server.database.read(lambda connection: tokens.page(connection, after=after, limit=limit + 1))
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def bootstrap(server: Server, data: Path) -> Path | None:
    """The file with a one-time administrator's token; None while there is a lasting administrator.

    Only who can read the server's data folder can use it, for an hour. Starting again makes another one.

    Raises:
        Unavailable: the file cannot be written.
    """
    at = server.clock()
    secret = bearer.new_secret()
    record = TokenRecord(
        id=secret.id,
        name="bootstrap",
        sha256=secret.sha256,
        scopes=frozenset({Scope.ADMIN}),
        projects=("*",),
        created_at=at,
        expires_at=at + BOOTSTRAP_TTL,
        created_by="system",
        is_bootstrap=True,
    )

    def work(connection: Connection) -> bool:
        if tokens.has_usable_admin(connection, at) or people.has_lasting_admin(connection):
            return False
        end_bootstrap(connection, "system", at)
        _keep(connection, record, "system", at)
        return True

    path = data / BOOTSTRAP_FILE
    if not server.database.write(work):
        path.unlink(missing_ok=True)
        return None
    try:
        _write_private(path, secret.plain)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def end_bootstrap(connection: Connection, actor: str, at: datetime) -> None:
    """End the token of the bootstrap file: there is a lasting administrator now."""
    for token_id in tokens.revoke_bootstrap(connection, at):
        _tell_revoked(connection, token_id, actor, at)


def _check(
    name: str, scopes: frozenset[Scope], projects: tuple[str, ...], refs: tuple[str, ...], days: int
) -> None:
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise coded(Refused, "bad-parameter", f"name is 1 to {MAX_NAME_CHARS} printable characters")
    if not scopes:
        raise coded(Refused, "bad-parameter", "scopes is empty: the token could do nothing")
    if personal := sorted(scopes & PERSON_SCOPES):
        raise coded(
            Refused,
            "scope-of-people",
            f"{', '.join(personal)} cannot be put into a token: only people sign",
            hint="grant it to a person: gatekeeper person grant",
        )
    if not 1 <= days <= MAX_DAYS:
        raise coded(Refused, "bad-parameter", f"expires_in_days is 1 to {MAX_DAYS}, not {days}")
    for label, globs in (("projects", projects), ("refs", refs)):
        if len(globs) > MAX_GLOBS or any(not glob or len(glob) > 200 for glob in globs):
            raise coded(
                Refused, "bad-parameter", f"{label} holds at most {MAX_GLOBS} globs of 1 to 200 characters"
            )


def _keep(connection: Connection, record: TokenRecord, actor: str, at: datetime) -> None:
    tokens.add(connection, record)
    told = event(
        Event.ACCESS_GRANTED,
        msgspec.structs.replace(record, name="", sha256=""),
        project_id=None,
        actor=actor,
        at=at,
        subject=f"token:gk_{record.id}",
    )
    outbox.tell(connection, told)


def _tell_revoked(connection: Connection, token_id: str, actor: str, at: datetime) -> None:
    told = event(
        Event.ACCESS_REVOKED, {"id": token_id}, project_id=None, actor=actor, at=at,
        subject=f"token:gk_{token_id}",
    )  # fmt: skip
    outbox.tell(connection, told)


def _usable(connection: Connection, token_id: str, at: datetime) -> TokenRecord:
    record = tokens.by_id(connection, token_id)
    if record is None or record.revoked_at is not None or record.expires_at <= at:
        raise _none(token_id)
    return record


def _none(token_id: str) -> Exception:
    return coded(NotFound, "token-not-found", f"there is no usable token {token_id[:40]!r}")


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
