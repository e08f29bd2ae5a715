"""Bearer tokens `gk_<id>_<secret>`: how they are made, read, and turned into a caller.

    gk_ k3v5tq2mzx7a _ 52 characters of secret  8 hex digits of CRC-32
        public id      256 random bits          over all that stands before

The checksum protects nothing: it tells a typo from a wrong token, and lets secret scanners find real tokens
without false alarms (`gk_[a-z2-7]{12}_[a-z2-7]{52}[0-9a-f]{8}`).
"""

import base64
import hashlib
import hmac
import re
import secrets
import zlib
from datetime import datetime

import msgspec

from gatekeeper.access import TokenRecord
from gatekeeper.caller import Caller, Method
from gatekeeper.service.errors import NotAuthenticated, ServiceError, coded

PREFIX = "gk_"
SESSION_PREFIX = "gks_"
"""How the secret of a person's session begins; else it is made as a token is."""
_FORM = re.compile(r"((gks?_)([a-z2-7]{12})_[a-z2-7]{52})([0-9a-f]{8})")
_SECRET_BYTES = 32
_ID_CHARS = 12


class NewSecret(msgspec.Struct, frozen=True):
    """A token that was just made. `plain` is shown once and kept nowhere."""

    id: str
    plain: str
    sha256: str

    def __repr__(self) -> str:
        return f"NewSecret(id={self.id!r})"


class Presented(msgspec.Struct, frozen=True):
    """What is left of a token that somebody sent, well-formed but not yet believed."""

    id: str
    sha256: str


def new_secret(prefix: str = PREFIX) -> NewSecret:
    """A fresh token: 60 random bits of id, 256 random bits of secret."""
    token_id = _base32(secrets.token_bytes(8))[:_ID_CHARS]
    body = f"{prefix}{token_id}_{_base32(secrets.token_bytes(_SECRET_BYTES))}"
    plain = body + _checksum(body)
    return NewSecret(token_id, plain, _sha256(plain))


def presented(text: str, prefix: str = PREFIX) -> Presented:
    """The public id and the digest of a token that was sent. No error ever repeats the token.

    Raises:
        NotAuthenticated: it has not the form of a token, or was mistyped.
    """
    form = _FORM.fullmatch(text)
    if form is None or form[2] != prefix:
        raise NotAuthenticated(
            f"this is no token of Gatekeeper ({len(text)} characters)",
            hint="send `Authorization: Bearer` and the whole token as it was shown once, or an id_token",
        )
    body, _, token_id, checksum = form.groups()
    if _checksum(body) != checksum:
        raise NotAuthenticated(
            f"token {prefix}{token_id} is mistyped: its checksum is wrong", hint="copy the whole token again"
        )
    return Presented(token_id, _sha256(text))


def caller_from(sent: Presented, record: TokenRecord | None, now: datetime) -> Caller:
    """The caller who sent the token `sent`, when `record` (looked up by `sent.id`) is of that very token.

    Only who holds the secret learns that a token exists, is expired or revoked.

    Raises:
        NotAuthenticated: no such token, another secret, expired or revoked.
    """
    # A digest that nothing has keeps the work equal for ids that exist and ids that do not.
    kept = record.sha256 if record is not None else "0" * 64
    if not hmac.compare_digest(kept, sent.sha256) or record is None or record.id != sent.id:
        raise NotAuthenticated(
            f"token gk_{sent.id} is not known", hint="ask whoever administers this server for a token"
        )
    return caller_of(record, now)


def caller_of(record: TokenRecord, now: datetime) -> Caller:
    """The caller with the grant of `record`, whose secret was shown to be theirs.

    Raises:
        NotAuthenticated: `token-revoked` or `token-expired` (from `expires_at` on).
    """
    if record.revoked_at is not None:  # whatever the clock says: turned back, it must not revive a token
        raise _ended(record, "token-revoked", f"was revoked on {record.revoked_at:%Y-%m-%d %H:%M} UTC")
    if record.expires_at <= now:
        raise _ended(record, "token-expired", f"expired on {record.expires_at:%Y-%m-%d %H:%M} UTC")
    return Caller(
        principal=f"token:{PREFIX}{record.id}",
        method=Method.TOKEN,
        scopes=record.scopes,
        projects=record.projects,
        refs=record.refs,
        kinds=record.kinds,
        expires_at=record.expires_at,
    )


def _ended(record: TokenRecord, code: str, what: str) -> ServiceError:
    return coded(
        NotAuthenticated,
        code,
        f"token gk_{record.id} ({record.name}) {what}",
        hint="rotate it before its end next time (gatekeeper token rotate); now make a new one",
    )


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


def _sha256(plain: str) -> str:
    return hashlib.sha256(plain.encode()).hexdigest()
