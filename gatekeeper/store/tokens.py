"""Bearer tokens, known by the digest of their secret."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from gatekeeper.access import TokenRecord
from gatekeeper.store.convert import token_of, token_row
from gatekeeper.store.statements import table

_TOKEN = table("token")


def add(connection: Connection, record: TokenRecord) -> None:
    """Keep a new token."""
    connection.execute(_TOKEN.insert().values(**token_row(record)))


def by_id(connection: Connection, token_id: str) -> TokenRecord | None:
    """The token with this public part."""
    row = connection.execute(select(_TOKEN).where(_TOKEN.c.id == token_id)).mappings().first()
    return token_of(row) if row else None


def page(connection: Connection, *, after: str, limit: int) -> list[TokenRecord]:
    """Tokens by id, beginning after `after`; also ended ones, for the record."""
    wanted = select(_TOKEN).where(_TOKEN.c.id > after).order_by(_TOKEN.c.id).limit(limit)
    return [token_of(row) for row in connection.execute(wanted).mappings()]


def revoke(connection: Connection, token_id: str, at: datetime) -> bool:
    """End the token now; False when it had been revoked before."""
    ended = update(_TOKEN).where(_TOKEN.c.id == token_id, _TOKEN.c.revoked_at.is_(None))
    return connection.execute(ended.values(revoked_at=at)).rowcount == 1


def shorten(connection: Connection, token_id: str, until: datetime) -> None:
    """Let the token end at `until`, unless it ends before."""
    ended = update(_TOKEN).where(_TOKEN.c.id == token_id, _TOKEN.c.expires_at > until)
    connection.execute(ended.values(expires_at=until))


def note_use(connection: Connection, token_id: str, at: datetime) -> None:
    """Note that the token was used."""
    connection.execute(update(_TOKEN).where(_TOKEN.c.id == token_id).values(last_used_at=at))


def has_usable_admin(connection: Connection, at: datetime) -> bool:
    """True while somebody holds an admin token that is no bootstrap token."""
    wanted = select(_TOKEN.c.scopes).where(
        _TOKEN.c.is_bootstrap.is_(False), _TOKEN.c.revoked_at.is_(None), _TOKEN.c.expires_at > at
    )
    return any('"admin"' in row[0] for row in connection.execute(wanted))


def revoke_bootstrap(connection: Connection, at: datetime) -> list[str]:
    """End every bootstrap token that is still usable; their ids."""
    ended = update(_TOKEN).where(
        _TOKEN.c.is_bootstrap.is_(True), _TOKEN.c.revoked_at.is_(None), _TOKEN.c.expires_at > at
    )
    return list(connection.execute(ended.values(revoked_at=at).returning(_TOKEN.c.id)).scalars())
