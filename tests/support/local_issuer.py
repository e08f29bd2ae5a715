"""A CI provider on this machine: discovery, published keys, and id_tokens as GitLab and GitHub make them."""

import base64
import hashlib
import json
import secrets
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, Key

ALGORITHMS = ["RS256", "ES256"]
DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/keys"
AUTHORIZE, TOKEN = "/authorize", "/token"
CLIENT, CLIENT_SECRET = "gatekeeper", "a secret of the client"
AUDIENCE = "https://gate.example.com"
COMMIT = "8f14e45fceea167a5a36dedd4bea2543d1f5a0c1"


class Answer(NamedTuple):
    """What a path answers instead of the truth."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class LocalIssuer:
    """Signs with the newest of its keys and publishes all; `answers` and `stop` make it misbehave."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.answers: dict[str, Answer] = {}
        self.requests: Counter[str] = Counter()
        self.audience = AUDIENCE
        self.logins: dict[str, tuple[dict[str, str], dict[str, Any]]] = {}
        self._port = 0
        self.rotate()
        self.start()

    @property
    def url(self) -> str:
        """The `iss` claim."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen; after a `stop` on the same port."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._server.daemon_threads = False
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def rotate(self, key: Key | None = None) -> None:
        """Publish another key (by default a fresh one of P-256) and sign with it from now on."""
        new = key or ECKey.generate_key("P-256")
        new.ensure_kid()
        self.keys.append(new)

    def gitlab_token(self, **claims: Any) -> str:
        """An id_token of GitLab, for `COMMIT` on the protected `main`; None leaves a claim out."""
        return self.token(
            {
                "project_id": "42",
                "project_path": "pay/api",
                "user_login": "mara",
                "pipeline_id": "574",
                "pipeline_source": "push",
                "job_id": "302",
                "ref": "main",
                "ref_type": "branch",
                "ref_path": "refs/heads/main",
                "ref_protected": "true",
                "runner_id": 1,
                "runner_environment": "self-hosted",
                "sha": COMMIT,
                "sub": "project_path:pay/api:ref_type:branch:ref:main",
            }
            | claims
        )

    def github_token(self, **claims: Any) -> str:
        """An id_token of GitHub Actions, for `COMMIT` pushed to `main`; None leaves a claim out."""
        return self.token(
            {
                "repository_id": "74",
                "repository": "pay/api",
                "actor": "mara",
                "event_name": "push",
                "job_workflow_ref": "pay/api/.github/workflows/ci.yml@refs/heads/main",
                "ref": "refs/heads/main",
                "ref_type": "branch",
                "ref_protected": "true",
                "run_id": "9001",
                "run_attempt": "2",
                "sha": COMMIT,
                "sub": "repo:pay/api:ref:refs/heads/main",
            }
            | claims
        )

    def token(
        self, claims: dict[str, Any], *, header: dict[str, Any] | None = None, key: Key | None = None
    ) -> str:
        """Any id_token: issued now for five minutes, unless `claims` say otherwise."""
        now = int(datetime.now(UTC).timestamp())
        usual = {
            "iss": self.url,
            "aud": self.audience,
            "iat": now,
            "nbf": now - 5,
            "exp": now + 300,
            "jti": "1",
        }
        content = {name: value for name, value in (usual | claims).items() if value is not None}
        return self.signed(json.dumps(content).encode(), header=header, key=key)

    def signed(self, payload: bytes, *, header: dict[str, Any] | None = None, key: Key | None = None) -> str:
        """Any bytes with a valid signature."""
        key = key or self.keys[-1]
        algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
        head = {"typ": "JWT", "alg": algorithm, "kid": key.kid} | (header or {})
        registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        return jws.serialize_compact(head, payload, key, registry=registry)

    def published(self) -> bytes:
        """The JWK set."""
        return json.dumps({"keys": [key.as_dict(private=False, use="sig") for key in self.keys]}).encode()

    def agree(self, address: str, **claims: Any) -> dict[str, str]:
        """What the browser brings back, after somebody with these claims logged in at `address`."""
        query = dict(parse_qsl(urlsplit(address).query))
        code = secrets.token_urlsafe(12)
        self.logins[code] = (query, claims)
        return {"code": code, "state": query["state"]}

    def _redeemed(self, form: dict[str, str], authorization: str | None) -> Answer:
        """The token endpoint: a code is worth one id_token, to whom it was given (RFC 6749, RFC 7636)."""
        if TOKEN in self.answers:
            return self.answers[TOKEN]
        query, claims = self.logins.pop(form.get("code", ""), ({}, {}))
        pair = base64.b64encode(f"{CLIENT}:{quote(CLIENT_SECRET)}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        is_right = (
            authorization == f"Basic {pair}"
            and form.get("grant_type") == "authorization_code"
            and query.get("redirect_uri") == form.get("redirect_uri")
            and query.get("code_challenge") == base64.urlsafe_b64encode(digest).decode().rstrip("=")
        )
        if not is_right:
            return Answer(400, b'{"error": "invalid_grant"}')
        usual = {"sub": "ann", "aud": CLIENT, "nonce": query["nonce"]}
        header = claims.pop("header", None)
        token = self.token(usual | claims)
        if header is not None:  # the signer would refuse to write such a one
            head = {"typ": "JWT", "alg": "ES256", "kid": self.keys[-1].kid} | header
            text = base64.urlsafe_b64encode(json.dumps(head).encode()).decode().rstrip("=")
            token = ".".join((text, *token.split(".")[1:]))
        return Answer(body=json.dumps({"id_token": token}).encode())

    def _body(self, path: str) -> Answer:
        if path in self.answers:
            return self.answers[path]
        if path == DISCOVERY:
            document = {
                "issuer": self.url,
                "jwks_uri": self.url + JWKS,
                "authorization_endpoint": self.url + AUTHORIZE,
                "token_endpoint": self.url + TOKEN,
            }
            return Answer(body=json.dumps(document).encode())
        return Answer(body=self.published()) if path == JWKS else Answer(404)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests[self.path] += 1
                status, body, headers = issuer._body(self.path)
                self.send_response(status)
                for name, value in (("Content-Length", str(len(body))), *headers):
                    self.send_header(name, value)
                self.end_headers()
                with suppress(ConnectionError):  # the caller may hang up on a body that is too long
                    self.wfile.write(body)

            def do_POST(self) -> None:
                issuer.requests[self.path] += 1
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, body, _ = issuer._redeemed(dict(parse_qsl(form)), self.headers["Authorization"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@contextmanager
def running_issuer() -> Iterator[LocalIssuer]:
    """A provider that is up until the block ends."""
    issuer = LocalIssuer()
    try:
        yield issuer
    finally:
        issuer.stop()
