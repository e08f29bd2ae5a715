"""One OpenID Connect provider by which people log in: where to send them, and what its answer proves.

The authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE (RFC 7636). The id_token comes
from the token endpoint over a connection of ours, and all the same its signature is verified: so nobody has
to trust the way to the provider, and a token of a CI job never passes for a login, since it has no nonce.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import httpx
import msgspec
import structlog
from msgspec import Meta

from gatekeeper.caller import Holding
from gatekeeper.service.errors import NotAuthenticated, Unavailable
from gatekeeper.service.identity import issuer_keys
from gatekeeper.service.identity.job_claims import read_json, refuse
from gatekeeper.service.identity.oidc import OidcVerifier
from gatekeeper.service.people.joining import Account

MAX_ID_TOKEN_AGE_S = 600
MAX_ANSWER_BYTES = 256 * 1024
FETCH_S = 10.0
DISCOVERED_FOR_S = 3600.0
MAX_GROUPS = 2000
MAX_NAME_CHARS = 100
_SHOWN_CHARS = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class GroupMeaning:
    """What members of a group hold."""

    group: str
    holding: Holding


@dataclass(frozen=True, kw_only=True)
class Client:
    """This server as the provider knows it."""

    name: str
    issuer: str
    client_id: str
    secret: Callable[[], str | None] = field(default=lambda: None, repr=False)
    """Reads the secret anew at each login, so that it can be replaced without a restart."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    groups_claim: str = "groups"
    meanings: tuple[GroupMeaning, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Proven:
    """Who somebody is by the word of the provider, and what that means here."""

    account: Account
    held: tuple[Holding, ...]


class _Claims(msgspec.Struct, frozen=True):
    sub: Annotated[str, Meta(min_length=1, max_length=255)]
    aud: str | list[str]
    nonce: str = ""
    azp: str | None = None
    email: str | None = None
    email_verified: bool | str | None = None
    name: str | None = None
    preferred_username: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    id_token: str


class Provider:
    """Talks to one provider. Shared by all threads."""

    def __init__(self, client: Client) -> None:
        """Remember the client; nothing is fetched before the first login.

        Raises:
            ValueError: the issuer is no https address (or http of this machine).
        """
        self.client = client
        self._issuer = issuer_keys.Issuer(
            issuer=client.issuer, provider="people", audience=client.client_id, max_age_s=MAX_ID_TOKEN_AGE_S
        )
        self._verifier = OidcVerifier([self._issuer])
        self._found: tuple[float, issuer_keys.Discovery] | None = None

    def address(self, *, state: str, nonce: str, verifier: str, redirect_uri: str) -> str:
        """Where to send the browser.

        Raises:
            Unavailable: the provider does not say.
        """
        query = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self.client.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        url = issuer_keys.endpoint(self._issuer, self._discovered().authorization_endpoint)
        return f"{url}?{urlencode(query)}"

    def redeem(self, *, code: str, nonce: str, verifier: str, redirect_uri: str, now: datetime) -> Proven:
        """Whoever the provider gave `code` to. Blocks for seconds.

        Raises:
            NotAuthenticated: the code is not good, or the id_token does not prove it.
            Unavailable: the provider cannot be asked.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": self.client.client_id,
            "code_verifier": verifier,
        }
        token = self._exchanged(form)
        payload, _, _ = self._verifier.proven(token, now)
        claims = read_json(payload, _Claims)
        if not claims.sub.isprintable():
            refuse("claim sub holds letters that cannot be shown", "ask whoever runs the provider")
        if not hmac.compare_digest(claims.nonce.encode(), nonce.encode()):
            refuse("the id_token is not of this login: its nonce is another one", "begin again")
        if isinstance(claims.aud, list) and len(claims.aud) > 1 and claims.azp != self.client.client_id:
            refuse("the id_token has several audiences and was not made for this server (azp)", "begin again")
        groups = _groups(payload, self.client.groups_claim)
        return Proven(
            account=Account(
                issuer=self.client.issuer,
                subject=claims.sub,
                name=_name(claims),
                email=claims.email,
                email_verified=claims.email_verified is True,
            ),
            held=tuple(one.holding for one in self.client.meanings if one.group in groups),
        )

    def _discovered(self) -> issuer_keys.Discovery:
        held = self._found
        if held is None or held[0] < time.monotonic():
            held = (time.monotonic() + DISCOVERED_FOR_S, issuer_keys.discovered(self._issuer))
            self._found = held
        return held[1]

    def _exchanged(self, form: dict[str, str]) -> str:
        url = issuer_keys.endpoint(self._issuer, self._discovered().token_endpoint)
        secret = self.client.secret()
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if secret is not None:  # RFC 6749, section 2.3.1: both are encoded before they are joined
            pair = f"{quote(self.client.client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        try:
            with (
                httpx.Client(
                    timeout=FETCH_S, follow_redirects=False, trust_env=not issuer_keys.is_local(url)
                ) as http,
                http.stream("POST", url, data=form, headers=headers) as answer,
            ):
                body = _bounded(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"{url} cannot be asked: {type(error).__name__}", hint="try again") from error
        if answer.status_code >= 500:
            raise Unavailable(f"{url} answers {answer.status_code}", hint="try again")
        if answer.status_code != httpx.codes.OK:
            log.warning("login.code-refused", provider=self.client.name, status=answer.status_code)
            raise NotAuthenticated(
                f"the provider {self.client.name} does not accept the code ({answer.status_code})",
                hint="begin the login again; if that does not help, an administrator looks at client_id and "
                "secret_file in GATEKEEPER_LOGIN_PROVIDERS",
            )
        try:
            return msgspec.json.decode(body, type=_Answer).id_token
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise NotAuthenticated(f"the provider {self.client.name} gave no id_token") from error


def challenge_of(verifier: str) -> str:
    """RFC 7636, section 4.2, method S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _bounded(answer: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in answer.iter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise Unavailable(f"{answer.url.host} answers with more than {MAX_ANSWER_BYTES:,} bytes")
    return bytes(body)


def _name(claims: _Claims) -> str:
    text = claims.name or claims.preferred_username or claims.email or claims.sub
    shown = "".join(letter for letter in text if letter.isprintable()).strip()
    return shown[:MAX_NAME_CHARS] or "somebody"


def _groups(payload: bytes, claim: str) -> frozenset[str]:
    """The groups of the claim; another form than a list of texts is none, for it may only ever give."""
    found: Any = msgspec.json.decode(payload, type=dict[str, Any]).get(claim)
    if not isinstance(found, list) or len(found) > MAX_GROUPS:
        return frozenset()
    return frozenset(one for one in found if isinstance(one, str))
