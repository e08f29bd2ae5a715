"""Logging in by an OpenID Connect provider: begun by a browser, answered by the provider, once.

The steps of the answer, each of which can only refuse:

1. its state was given out, to this browser, for this provider, a moment ago, and is used up with that;
2. it is of the issuer that the login was begun with (RFC 9207), and holds a code;
3. the provider gives an id_token for the code and the secret of PKCE, with the nonce of this login;
4. the account is a person, who is active.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import timedelta

import msgspec
import structlog

from gatekeeper.person import OidcAttempt, Session
from gatekeeper.recorded import Event
from gatekeeper.service.errors import NotAuthenticated, NotFound, ServiceError, coded
from gatekeeper.service.events import event
from gatekeeper.service.people import joining
from gatekeeper.service.people import sessions as own_sessions
from gatekeeper.service.people.provider import Proven, Provider
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, sessions
from gatekeeper.store.database import Connection
from gatekeeper.store.statements import one_at_a_time

WITHIN = timedelta(minutes=10)
"""How long the provider and whoever types there may take."""

log = structlog.get_logger(__name__)


class Begun(msgspec.Struct, frozen=True):
    """Where the browser goes, and the secret that it keeps in a cookie meanwhile."""

    address: str
    browser: str

    def __repr__(self) -> str:
        return "Begun()"


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser brings back from the provider."""

    state: str
    code: str | None = None
    error: str | None = None
    issuer: str | None = None
    """The parameter `iss`, where the provider sends it."""

    def __repr__(self) -> str:
        return "Returned()"


class Providers:
    """Those of the settings, by name. Shared by all threads."""

    def __init__(self, providers: Iterable[Provider]) -> None:
        """Remember them.

        Raises:
            ValueError: two have one name.
        """
        self._by_name: dict[str, Provider] = {}
        for one in providers:
            if one.client.name in self._by_name:
                raise ValueError(f"login provider {one.client.name!r} is configured twice")
            self._by_name[one.client.name] = one

    @property
    def names(self) -> list[str]:
        """Of all, sorted."""
        return sorted(self._by_name)

    def named(self, name: str) -> Provider:
        """The provider of this name.

        Raises:
            NotFound: `provider-not-found`.
        """
        if (found := self._by_name.get(name)) is None:
            known = ", ".join(self.names) or "none"
            raise coded(NotFound, "provider-not-found", f"there is no login provider {name[:40]!r} ({known})")
        return found


def begin(server: Server, provider: Provider, redirect_uri: str) -> Begun:
    """A login that was begun and is remembered for ten minutes. Blocks while the provider is asked where.

    Raises:
        Unavailable: the provider cannot be asked.
    """
    state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
    address = provider.address(state=state, nonce=nonce, verifier=verifier, redirect_uri=redirect_uri)
    attempt = OidcAttempt(
        state_sha256=_digest(state),
        browser_sha256=_digest(browser),
        provider=provider.client.name,
        nonce=nonce,
        verifier=verifier,
        began_at=server.clock(),
    )

    def work(connection: Connection) -> None:
        sessions.forget_attempts(connection, attempt.began_at - WITHIN)
        sessions.begin(connection, attempt)

    server.database.write(work)
    return Begun(address, browser)


def finish(
    server: Server, provider: Provider, returned: Returned, *, browser: str | None, redirect_uri: str
) -> tuple[Session, str]:
    """A new session and its secret. Blocks while the provider is asked.

    Raises:
        NotAuthenticated: `login-failed`, with what does not fit.
        Unavailable: the provider cannot be asked; begin again.
    """
    attempt = _used_up(server, provider, returned.state, browser)  # 1.
    if returned.issuer is not None and returned.issuer != provider.client.issuer:  # 2.
        raise _failed(
            f"the answer is of the issuer {returned.issuer[:200]!r}, not of {provider.client.issuer!r}"
        )
    if returned.error is not None or not returned.code:
        raise _failed(f"the provider {provider.client.name} says {(returned.error or 'no code')[:80]!r}")
    proven = provider.redeem(  # 3.
        code=returned.code,
        nonce=attempt.nonce,
        verifier=attempt.verifier,
        redirect_uri=redirect_uri,
        now=server.clock(),
    )
    session, secret = _begun(server, provider, proven)  # 4.
    log.info("login.succeeded", person=session.person, provider=provider.client.name)
    return session, secret


def _used_up(server: Server, provider: Provider, state: str, browser: str | None) -> OidcAttempt:
    at = server.clock()
    attempt = server.database.write(
        lambda connection: sessions.finish(connection, _digest(state), at, WITHIN)
    )
    if attempt is None:
        raise _failed("this login was not begun here, was finished before, or took more than 10 minutes")
    if not hmac.compare_digest(attempt.browser_sha256, _digest(browser or "")):
        raise _failed("this login was begun in another browser")
    if attempt.provider != provider.client.name:
        raise _failed(f"this login was begun with another provider than {provider.client.name}")
    return attempt


def _begun(server: Server, provider: Provider, proven: Proven) -> tuple[Session, str]:
    at = server.clock()
    actor = f"login:{provider.client.name}"

    def work(connection: Connection) -> tuple[Session, str] | None:
        one_at_a_time(connection)
        person = joining.person_of(connection, proven.account, actor=actor, at=at)
        if not person.is_active:
            return None
        session, secret = own_sessions.begin(
            connection, person, method=provider.client.name, rules=server.rules, at=at, held=proven.held
        )
        if proven.held:  # what groups give lasts as long as the session, and is told as any grant
            told = event(
                Event.ACCESS_GRANTED, msgspec.structs.replace(session, sha256=""), project_id=None,
                actor=actor, at=at, subject=f"person:{person.id}",
            )  # fmt: skip
            outbox.tell(connection, told)
        return session, secret

    begun = server.database.write(work)
    if begun is None:
        raise _failed("this person is not active here; ask an administrator")
    return begun


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _failed(why: str) -> ServiceError:
    return coded(NotAuthenticated, "login-failed", why, hint="begin the login again")
