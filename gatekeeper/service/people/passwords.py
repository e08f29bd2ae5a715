"""Passwords: what may be one, and the slow hash that is kept of it (argon2id, RFC 9106)."""

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gatekeeper.service.errors import Refused, coded

MIN_CHARS = 12
MAX_CHARS = 1024
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""19 MiB and two passes, the least that OWASP's cheat sheet on password storage names for argon2id: about
40 ms. More memory would let whoever sends many logins take that of the server."""


def demand_usable(password: str, login: str) -> None:
    """Return when `password` may be one. Length is what counts, so nothing is said about its characters.

    Raises:
        Refused: `bad-password`; the message never repeats it.
    """
    if not MIN_CHARS <= len(password) <= MAX_CHARS:
        raise _bad(f"has {len(password):,} characters; it has {MIN_CHARS} to {MAX_CHARS:,}")
    if len(set(password)) < 5:
        raise _bad("repeats fewer than 5 different characters")
    if login in password.lower():
        raise _bad("holds the login name")


def hashed(password: str) -> str:
    """The hash to keep, with its parameters and a salt of its own. Takes tens of milliseconds."""
    return _HASHER.hash(_bytes_of(password))


def matches(kept: str | None, password: str) -> bool:
    """True when `password` is the one behind `kept`. Without one it takes as long and is False."""
    nobodys = _nobodys()  # made at the first call, whoever that is about
    try:
        _HASHER.verify(kept or nobodys, _bytes_of(password))
    except (Argon2Error, InvalidHashError):
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """True when `kept` was made with other parameters than those of this version."""
    return _HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _HASHER.hash(b"nobody has this password")


def _bytes_of(password: str) -> bytes:
    """The same bytes for the same letters, however a keyboard composes them (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def _bad(why: str) -> Exception:
    return coded(
        Refused, "bad-password", f"the password {why}", hint="a sentence of some words is a good one"
    )
