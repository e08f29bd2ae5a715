"""Who a pipeline job is: id_tokens of GitLab and GitHub Actions, verified down to what they may claim.

The steps, in this order, each of which can only refuse:

1. form: three parts, at most 16 KB, an algorithm of the list, a `kid`, no `crit`;
2. issuer: exactly one that the settings name;
3. key: among the issuer's published ones, by `kid`;
4. signature;
5. registered claims: issuer again, audience, times;
6. the provider's claims: every one that something is bound to is there and has its type.

A token is not used up: a job sends many requests with the same one. Whoever steals one can do what the job
could, for the job's commit alone, until it expires or is `max_age_s` old.
"""

import base64
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Literal, NoReturn

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from msgspec import UNSET, Meta, UnsetType

from gatekeeper.caller import Claims
from gatekeeper.service.errors import NotAuthenticated, coded
from gatekeeper.service.identity.issuer_keys import Issuer, IssuerKeys
from gatekeeper.service.identity.job_claims import claims_in, read_json, refuse

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
"""Signatures only. With `none` anybody signs, and with HS* the published key would be the secret."""
MAX_TOKEN_BYTES = 16 * 1024
"""GitLab's tokens have about 2 KB, more with `groups_direct`, which is left out above 200 groups."""
SKEW_S = 60
"""How far the clock of an issuer may be ahead of ours. None is granted on `exp`."""

_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
_FAR_FUTURE = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second of a datetime
_MAX_KEYS = 100
_MIN_RSA_BITS, _MAX_RSA_BITS = 2048, 8192
_SHOWN_CHARS = 120

_Key = RSAKey | ECKey


class OidcVerifier:
    """Believes id_tokens of the configured issuers. Shared by all threads."""

    def __init__(self, issuers: Iterable[Issuer]) -> None:
        """Remember the issuers; nothing is fetched before the first token.

        Raises:
            ValueError: two of them have the same `issuer`.
        """
        self._keys: dict[str, IssuerKeys[_Key]] = {}
        for issuer in issuers:
            if issuer.issuer in self._keys:
                raise ValueError(f"issuer {issuer.issuer!r} is configured twice")
            self._keys[issuer.issuer] = IssuerKeys(issuer, _usable_keys)

    @property
    def issuers(self) -> tuple[Issuer, ...]:
        """Whom it believes."""
        return tuple(keys.issuer for keys in self._keys.values())

    def verify(self, token: str, now: datetime) -> Claims:
        """What the provider signed about the job that sent `token`, which counts at `now`.

        Blocks for seconds when the issuer's keys have to be fetched.

        Raises:
            NotAuthenticated: the token is malformed, forged, of another issuer or for another audience, too
                old, or lacks a claim that is needed; code `token-expired` when only its time is over.
            Unavailable: the issuer's keys cannot be had, so nobody can tell.
        """
        payload, issuer, expires_at = self.proven(token, now)
        return claims_in(payload, issuer, expires_at)

    def proven(self, token: str, now: datetime) -> tuple[bytes, Issuer, datetime]:
        """Steps 1 to 5: the claims that an issuer signed for our audience, whose they are, until when.

        Raises:
            NotAuthenticated, Unavailable: as `verify`.
        """
        header, unproven = _dissected(token)
        keys = self._keys_of(unproven.iss)
        payload = _signed_payload(token, header.alg, keys.get(header.kid, now))
        return payload, keys.issuer, _end_of(read_json(payload, _Registered), keys.issuer, now)

    def _keys_of(self, name: str) -> IssuerKeys[_Key]:
        if (keys := self._keys.get(name)) is None:
            known = ", ".join(sorted(self._keys)) or "none"
            refuse(
                f"issuer {name[:_SHOWN_CHARS]!r} is not one that this server believes ({known})",
                "an administrator names it in GATEKEEPER_ISSUERS",
            )
        return keys


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: Annotated[str, Meta(min_length=1, max_length=256)]
    crit: msgspec.Raw | UnsetType = UNSET
    b64: msgspec.Raw | UnsetType = UNSET


class _Registered(msgspec.Struct, frozen=True):
    """RFC 7519, section 4.1. `exp` and `iat` are optional there and required here."""

    iss: str
    aud: str | list[str]
    exp: int | float
    iat: int | float
    nbf: int | float = 0


def _dissected(token: str) -> tuple[_Header, _Registered]:
    """Steps 1 and 2: a header in which nothing is turned off, and claims that nobody has proven yet."""
    if len(token) > MAX_TOKEN_BYTES:
        refuse(f"the id_token has {len(token):,} characters; the limit is {MAX_TOKEN_BYTES:,}")
    if (form := _FORM.fullmatch(token)) is None:
        refuse("an id_token has three parts of base64url, separated by dots, and the last is its signature")
    header = read_json(_decoded(form[1]), _Header)
    if header.alg not in ALGORITHMS:
        refuse(f"algorithm {header.alg[:_SHOWN_CHARS]!r} is not accepted, only {', '.join(ALGORITHMS)}")
    # RFC 7515, section 4.1.11: what is not understood must be refused, and nothing critical is understood.
    if header.crit is not UNSET or header.b64 is not UNSET:
        refuse("the id_token has a critical extension (crit or b64); none is accepted")
    return header, read_json(_decoded(form[2]), _Registered)


def _decoded(segment: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        refuse("a part of the id_token is no base64url")


def _signed_payload(token: str, algorithm: str, key: _Key) -> bytes:
    """Step 4: the bytes that `key` signed."""
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = registry.max_signature_length = MAX_TOKEN_BYTES
    try:
        return bytes(jws.deserialize_compact(token, key, registry=registry).payload)
    except (JoseError, ValueError, RecursionError) as error:
        raise NotAuthenticated(
            f"the signature of the id_token is not made with its issuer's key ({type(error).__name__})",
            hint="ask the CI provider for a new id_token and send it unchanged",
        ) from error


def _end_of(claims: _Registered, issuer: Issuer, now: datetime) -> datetime:
    """Step 5: from when on the token does not count, which is after `now`."""
    if claims.iss != issuer.issuer:
        refuse("the id_token names two issuers")
    if issuer.audience not in ([claims.aud] if isinstance(claims.aud, str) else claims.aud):
        refuse(
            f"the id_token is for audience {str(claims.aud)[:_SHOWN_CHARS]!r}, not for {issuer.audience!r}",
            f"ask the CI provider for an id_token with the audience {issuer.audience}",
        )
    instant = now.timestamp()
    for name, value in (("exp", claims.exp), ("iat", claims.iat), ("nbf", claims.nbf)):
        if not 0 <= value <= _FAR_FUTURE:
            refuse(f"claim {name} is no time: {value:g}")
    for name, value in (("iat", claims.iat), ("nbf", claims.nbf)):
        if value > instant + SKEW_S:
            refuse(
                f"claim {name} is {value - instant:,.0f} s in the future; {SKEW_S} s are accepted",
                "compare the clocks of the CI provider and of this server",
            )
    if claims.exp <= instant:
        _expired(f"the id_token expired {instant - claims.exp:,.0f} s ago")
    if instant - claims.iat >= issuer.max_age_s:
        _expired(
            f"the id_token is {instant - claims.iat:,.0f} s old; "
            f"the limit is {issuer.max_age_s:,} s (max_age_s of the issuer)"
        )
    return datetime.fromtimestamp(min(claims.exp, claims.iat + issuer.max_age_s), UTC)


def _expired(message: str) -> NoReturn:
    hint = "ask for the id_token shortly before it is used, or let a later job send the evidence"
    raise coded(NotAuthenticated, "token-expired", message, hint=hint)


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[msgspec.Raw]


class _Jwk(msgspec.Struct, frozen=True, omit_defaults=True):
    """The public members; what else is published (certificates, or a private key by mistake) is not read."""

    kty: Literal["RSA", "EC"]
    kid: Annotated[str, Meta(min_length=1, max_length=256)]
    use: Literal["sig"] | None = None
    alg: Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] | None = None
    n: str | None = None
    e: str | None = None
    crv: Literal["P-256", "P-384", "P-521"] | None = None
    x: str | None = None
    y: str | None = None


def _usable_keys(data: bytes) -> dict[str, _Key]:
    """The keys of a JWK set (RFC 7517) that can verify what is accepted here, by `kid`.

    A key of another type or use is passed over, as section 5 asks; so is one that is weak or broken.

    Raises:
        ValueError: it is no JWK set, has too many keys, or none that is usable.
    """
    try:
        found = msgspec.json.decode(data, type=_KeySet).keys
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if len(found) > _MAX_KEYS:
        raise ValueError(f"{len(found)} keys; the limit is {_MAX_KEYS}")
    usable = dict(pair for entry in found if (pair := _usable_key(entry)) is not None)
    if not usable:
        raise ValueError(f"none of {len(found)} keys is an RSA or EC key for signatures, with a kid")
    return usable


def _usable_key(entry: msgspec.Raw) -> tuple[str, _Key] | None:
    try:
        jwk = msgspec.json.decode(entry, type=_Jwk)
        members = msgspec.to_builtins(jwk)
        if jwk.kty == "EC":
            return jwk.kid, ECKey.import_key(members)
        modulus = int.from_bytes(base64.urlsafe_b64decode((jwk.n or "") + "=="))
        if not _MIN_RSA_BITS <= modulus.bit_length() <= _MAX_RSA_BITS:
            return None
        return jwk.kid, RSAKey.import_key(members)
    except (JoseError, ValueError, KeyError, RecursionError):
        return None
