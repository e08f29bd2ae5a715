"""What is kept of a bearer token: its grant and the digest of its secret, never the secret."""

from datetime import datetime

import msgspec

from gatekeeper.caller import Scope
from gatekeeper.evidence import Kind


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One bearer token. Its grant never changes: rotating makes another record with the same grant."""

    id: str
    """The public part, as in `gk_<id>_...`: may be logged and shown."""
    name: str
    """What people call it."""
    sha256: str
    """SHA-256 of the whole token, in hex. 256 random bits cannot be guessed, so a slow hash adds nothing."""
    scopes: frozenset[Scope]
    projects: tuple[str, ...]
    """Globs of project paths; empty: none."""
    refs: tuple[str, ...] = ("*",)
    """Globs of refs for which evidence may be sent."""
    kinds: tuple[Kind, ...] = ()
    """Kinds of evidence that may be sent; empty: all."""
    created_at: datetime
    expires_at: datetime
    """The first instant at which it is worth nothing; there is no token without an end. A rotated token
    gets an earlier one, after its time of grace."""
    revoked_at: datetime | None = None
    """Any instant here ends it at once."""
    last_used_at: datetime | None = None
    """Sampled, so it may be some minutes old."""
    created_by: str
    """The principal that asked for it."""
    is_bootstrap: bool = False
    """True for the first token of a new server, which only makes the real ones."""
