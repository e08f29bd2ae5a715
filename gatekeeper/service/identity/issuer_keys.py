"""The keys with which a CI provider signs its id_tokens: fetched, bounded, cached.

What a request for a key does, by the age of the keys that are here and whether they hold the `kid`:

    younger than 1 h, known      the key, without asking anybody
    older than 1 h, known        fetch; if that fails or is under way in another thread: the key, up to 24 h
    unknown                      fetch; then the key, or NotAuthenticated; if that fails: Unavailable
    none here                    fetch; if that fails: Unavailable

Nobody makes this server fetch more often than every 30 s. A key that the issuer withdrew is gone with the
next fetch. When it cannot be known whether a key is the issuer's, the token is never believed.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Generic, Literal, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec
import structlog

from gatekeeper.service.errors import NotAuthenticated, Unavailable

FRESH_FOR = timedelta(hours=1)
STALE_FOR = timedelta(hours=24)
RETRY_AFTER = timedelta(seconds=30)
MAX_ANSWER_BYTES = 1024 * 1024
FETCH_S = 5.0
"""For one whole answer, and for each wait on the network within it."""

_WAIT_S = 2 * FETCH_S
_HINT = "try again; an administrator can set jwks_uri of the issuer in GATEKEEPER_ISSUERS"

Key = TypeVar("Key")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """A CI provider whose id_tokens are believed, for one audience: ours."""

    issuer: str
    """The `iss` claim, byte for byte; https, or plain http to this machine."""
    provider: Literal["gitlab", "github", "people"]
    """Whose claims its id_tokens have; `people`: those of somebody who logs in, never of a job."""
    audience: str
    jwks_uri: str | None = None
    """Where its keys are; None: as its discovery document says."""
    max_age_s: int = 3600
    """How long after its issue a token counts, even when it says longer (GitLab: the job's timeout)."""

    def __post_init__(self) -> None:
        for name, value in (("issuer", self.issuer), ("jwks_uri", self.jwks_uri)):
            if value is not None and (fault := _fault_of(value, may_be_local=True)):
                raise ValueError(f"{name} {value!r} {fault}")
        if not self.audience:
            raise ValueError(f"the audience of issuer {self.issuer!r} is empty")
        if self.max_age_s < 1:
            raise ValueError(f"max_age_s of issuer {self.issuer!r} must be at least 1, not {self.max_age_s}")


class IssuerKeys(Generic[Key]):
    """The published keys of one issuer by `kid`. Thread-safe; fetches in the thread that asks."""

    def __init__(self, issuer: Issuer, parse: Callable[[bytes], Mapping[str, Key]]) -> None:
        """`parse` reads a JWK set and raises ValueError when it holds no usable key."""
        self.issuer = issuer
        self._parse = parse
        self._keys: Mapping[str, Key] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._failure: str | None = None
        self._fetching = threading.Lock()

    def get(self, kid: str, now: datetime) -> Key:
        """The key `kid`.

        Raises:
            NotAuthenticated: the issuer does not publish such a key.
            Unavailable: its keys cannot be had, and the key is not among those of the last 24 h.
        """
        known = self._known(kid, now, FRESH_FOR)
        if known is not None:
            return known
        stale = self._known(kid, now, STALE_FOR)
        # With a key at hand nobody waits for another thread's fetch; without one there is nothing else to do.
        is_mine = self._fetching.acquire(timeout=_WAIT_S) if stale is None else self._fetching.acquire(False)
        if not is_mine:
            if stale is None:
                raise _unavailable(self.issuer, f"another request waits for them since {_WAIT_S:g} s")
            return stale
        try:
            self._refresh(kid, now)
        finally:
            self._fetching.release()
        return self._after_fetching(kid, now)

    def _known(self, kid: str, now: datetime, limit: timedelta) -> Key | None:
        # Read the time first: keys that another thread puts in between are newer than it, never older.
        fetched_at = self._fetched_at
        return self._keys.get(kid) if _within(fetched_at, now, limit) else None

    def _refresh(self, kid: str, now: datetime) -> None:
        """Fetch, unless another thread just did or somebody asks too often."""
        if self._known(kid, now, FRESH_FOR) is not None or _within(self._tried_at, now, RETRY_AFTER):
            return
        self._tried_at, self._failure = now, "the last attempt broke off"
        try:
            keys = self._parse(_key_set(self.issuer))
        except Unavailable as error:
            self._failure = error.message
        except ValueError as error:
            self._failure = _unavailable(self.issuer, f"its key set is unusable: {error}").message
        else:
            self._keys, self._fetched_at, self._failure = keys, now, None
        if self._failure is not None:
            log.warning("issuer.keys-unavailable", issuer=self.issuer.issuer, reason=self._failure)

    def _after_fetching(self, kid: str, now: datetime) -> Key:
        found = self._known(kid, now, STALE_FOR)
        if found is not None:
            return found
        if self._failure is not None:
            raise Unavailable(self._failure, hint=_HINT)
        raise NotAuthenticated(
            f"issuer {self.issuer.issuer} publishes no key {kid[:80]!r}",
            hint="if the provider changed its keys just now, try again in 30 s",
        )


def _within(since: datetime | None, now: datetime, limit: timedelta) -> bool:
    """True when `now` is less than `limit` after `since`; false when the clock was turned back."""
    return since is not None and timedelta(0) <= now - since < limit


def _key_set(issuer: Issuer) -> bytes:
    """The issuer's JWK set as it was served.

    Raises:
        Unavailable: no usable answer.
    """
    if issuer.jwks_uri is not None:
        return _fetched(issuer.jwks_uri, issuer)
    found = discovered(issuer)
    if fault := _fault_of(found.jwks_uri, may_be_local=_is_local(issuer.issuer)):
        raise _unavailable(issuer, f"the jwks_uri {found.jwks_uri[:200]!r} it names {fault}")
    return _fetched(found.jwks_uri, issuer)


class Discovery(msgspec.Struct, frozen=True):
    """What an issuer says of itself, OpenID Connect Discovery 1.0, section 3."""

    issuer: str
    jwks_uri: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""


def discovered(issuer: Issuer) -> Discovery:
    """The discovery document of the issuer, fetched now.

    Raises:
        Unavailable: no usable answer, or one of another issuer.
    """
    url = issuer.issuer.rstrip("/") + "/.well-known/openid-configuration"
    try:
        found = msgspec.json.decode(_fetched(url, issuer), type=Discovery)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unavailable(issuer, f"{url} is no discovery document: {error}") from error
    # OpenID Connect Discovery 1.0, section 4.3: else one host could speak for another.
    if found.issuer != issuer.issuer:
        raise _unavailable(issuer, f"{url} is of another issuer: {found.issuer[:200]!r}")
    return found


def endpoint(issuer: Issuer, url: str) -> str:
    """`url`, which the issuer's discovery document names, when it may be used.

    Raises:
        Unavailable: it is missing, or not https.
    """
    if fault := _fault_of(url, may_be_local=_is_local(issuer.issuer)):
        raise _unavailable(issuer, f"the endpoint {url[:200]!r} it names {fault}")
    return url


def is_local(url: str) -> bool:
    """True when `url` leads to this machine."""
    return _is_local(url)


def _fetched(url: str, issuer: Issuer) -> bytes:
    """The body of a 200 answer of at most `MAX_ANSWER_BYTES`, from that very URL and not compressed."""
    deadline = time.monotonic() + FETCH_S
    # A proxy of the environment is for the world outside, not for this machine.
    client = httpx.Client(timeout=FETCH_S, follow_redirects=False, trust_env=not _is_local(url))
    try:
        with client, client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer:
            _demand_plain(answer, url, issuer)
            body = bytearray()
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise _unavailable(issuer, f"{url} answers with more than {MAX_ANSWER_BYTES:,} bytes")
                if time.monotonic() > deadline:
                    raise _unavailable(issuer, f"{url} was still sending after {FETCH_S:g} s")
            return bytes(body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _unavailable(issuer, f"{url}: {type(error).__name__} {error}") from error


def _demand_plain(answer: httpx.Response, url: str, issuer: Issuer) -> None:
    if answer.is_redirect:
        target = urljoin(url, answer.headers["location"])
        raise _unavailable(issuer, f"{url} redirects to {target[:200]}, which is not followed")
    if answer.status_code != httpx.codes.OK:
        raise _unavailable(issuer, f"{url} answers {answer.status_code}")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise _unavailable(issuer, f"{url} answers compressed, which was not asked for")


def _unavailable(issuer: Issuer, why: str) -> Unavailable:
    return Unavailable(f"the keys of issuer {issuer.issuer} cannot be had: {why}", hint=_HINT)


def _fault_of(url: str, *, may_be_local: bool) -> str:
    """What keeps `url` from being trusted, as the end of a sentence; empty: nothing."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "is no URL"
    if not host or parts.username is not None or parts.query or parts.fragment:
        return "must be a URL of a host and a path, without user, query or fragment"
    if parts.scheme == "https" or (parts.scheme == "http" and may_be_local and _is_local(url)):
        return ""
    return "must begin with https:// (http:// only for an issuer on this machine)"


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
