"""People: who somebody is, by which accounts, and what was granted to them.

A `Person` has an `Identity` (issuer, subject) for each account; `Grant`s, each of which gives a role or
scopes on projects until an end; and a `Session` for each login that lasts.
"""

from datetime import datetime

import msgspec

from gatekeeper.caller import Holding, Scope

LOCAL = "local"
"""The issuer of accounts that this server keeps itself."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can sign. All accounts with one verified e-mail are one person."""

    id: str
    name: str
    is_active: bool
    """False: no login, no session, no right. Nobody is ever deleted, for what they signed names them."""
    created_at: datetime
    joined_into: str | None = None
    """The person that this one turned out to be; then it is not active."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One account of a person."""

    issuer: str
    subject: str
    """The login name for `LOCAL`; else the claim `sub`, which a provider never gives to somebody else."""
    person: str
    email: str | None = None
    """In small letters, so that it can be compared."""
    email_verified: bool = False
    """The provider, or an administrator, vouches that it is theirs. Any other e-mail joins nothing."""
    created_at: datetime


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What was granted to a person. It never changes; it ends."""

    id: str
    person: str
    role: str | None = None
    scopes: frozenset[Scope] = frozenset()
    projects: tuple[str, ...]
    granted_by: str
    """The principal."""
    granted_at: datetime
    expires_at: datetime | None = None
    """The first instant at which it no longer holds; None: until it is revoked."""
    revoked_at: datetime | None = None

    def holds_at(self, moment: datetime) -> bool:
        """True while it is worth something. A clock that was turned back revives nothing."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)

    @property
    def holding(self) -> Holding:
        """What it lets the person do where."""
        return Holding(projects=self.projects, scopes=self.scopes, role=self.role)


class LocalAccount(msgspec.Struct, frozen=True, kw_only=True):
    """What proves a login of this server. Never shown, never logged."""

    login: str
    person: str
    password: str
    """As argon2 writes it, with its parameters."""
    totp: str | None = None
    """The shared secret, in base32."""
    totp_confirmed: bool = False
    """Asked for only when its owner has shown a code."""
    totp_step: int = 0
    """The newest step of 30 s whose code was used: a code works once."""

    def __repr__(self) -> str:
        return f"LocalAccount(login={self.login!r})"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One login that lasts. Its secret is known only as a digest."""

    id: str
    """The public part, as in `gks_<id>_...`."""
    sha256: str
    person: str
    method: str
    """`local`, or the name of the provider."""
    held: tuple[Holding, ...] = ()
    """What the provider's groups mean here, for this session alone."""
    created_at: datetime
    last_used_at: datetime
    """Sampled, so it may be a minute old."""
    ends_at: datetime
    """The first instant at which it is worth nothing, however much it is used."""
    ended_at: datetime | None = None


class OidcAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A login that a browser began and a provider has not answered yet."""

    state_sha256: str
    browser_sha256: str
    """Of the cookie: only the browser that began may go on."""
    provider: str
    nonce: str
    verifier: str
    """The secret of PKCE (RFC 7636)."""
    began_at: datetime

    def __repr__(self) -> str:
        return f"OidcAttempt(provider={self.provider!r})"
