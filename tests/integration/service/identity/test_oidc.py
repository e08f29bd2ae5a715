"""An id_token is believed when a configured provider signed it for us, now; every forgery is refused."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from local_issuer import COMMIT, DISCOVERY, JWKS, Answer, LocalIssuer, running_issuer

from gatekeeper.caller import JOB_SCOPES, Method
from gatekeeper.service.errors import NotAuthenticated, ServiceError, Unavailable
from gatekeeper.service.identity.issuer_keys import Issuer
from gatekeeper.service.identity.job_claims import caller_of_claims
from gatekeeper.service.identity.oidc import OidcVerifier

RSA = RSAKey.generate_key(2048)


def now() -> datetime:
    """The clock of the tests is the real one: the issuer uses it as well."""
    return datetime.now(UTC)


def epoch(seconds: float) -> int:
    """An instant `seconds` from now, as a claim."""
    return int(now().timestamp() + seconds)


def trusted(issuer: LocalIssuer, **more: Any) -> Issuer:
    """The setting with which a server believes `issuer`."""
    return Issuer(**{"issuer": issuer.url, "provider": "gitlab", "audience": issuer.audience} | more)


@pytest.fixture
def verifier(issuer: LocalIssuer) -> OidcVerifier:
    """A server that believes the local issuer as a GitLab."""
    return OidcVerifier([trusted(issuer)])


@pytest.fixture
def github(issuer: LocalIssuer) -> OidcVerifier:
    """A server that believes the local issuer as a GitHub."""
    return OidcVerifier([trusted(issuer, provider="github")])


def encoded(value: Any) -> str:
    """A segment of a token with these bytes, or this JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refusal(verifier: OidcVerifier, token: str, at: datetime | None = None) -> ServiceError:
    """How `token` is refused, by an error that says nobody knows who asks."""
    with pytest.raises(NotAuthenticated) as caught:
        verifier.verify(token, at or now())
    return caught.value


def test_a_job_of_gitlab(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """GitLab's claims become ours, and the caller may do what a job may."""
    token = issuer.gitlab_token(environment="prod/eu", deployment_tier="production", exp=epoch(300))
    claims = verifier.verify(token, now())
    assert (claims.issuer, claims.provider) == (issuer.url, "gitlab")
    assert (claims.project_id, claims.project_path) == ("42", "pay/api")
    assert (claims.commit, claims.ref, claims.ref_protected) == (COMMIT, "main", True)
    assert (claims.environment, claims.environment_tier) == ("prod/eu", "production")
    assert (claims.run, claims.job, claims.attempt, claims.user) == ("574", "302", "1", "mara")
    assert timedelta(seconds=295) < claims.expires_at - now() <= timedelta(seconds=300)
    caller = caller_of_claims(claims)
    assert caller.principal == f"oidc:{issuer.url}#42"
    assert (caller.method, caller.scopes, caller.projects) == (Method.OIDC, JOB_SCOPES, ())
    assert caller.expires_at == claims.expires_at


def test_a_job_of_github(issuer: LocalIssuer, github: OidcVerifier) -> None:
    """GitHub's claims become ours; a branch loses its refs/heads/."""
    claims = github.verify(issuer.github_token(environment="production"), now())
    assert (claims.provider, claims.project_id, claims.project_path) == ("github", "74", "pay/api")
    assert (claims.commit, claims.ref, claims.ref_protected) == (COMMIT, "main", True)
    assert (claims.environment, claims.environment_tier) == ("production", None)
    assert (claims.run, claims.attempt, claims.user) == ("9001", "2", "mara")
    assert claims.job.endswith("ci.yml@refs/heads/main")


@pytest.mark.parametrize(
    ("given", "ref"),
    [("refs/tags/v1.0", "v1.0"), ("refs/pull/7/merge", "refs/pull/7/merge"), ("refs/heads/a/b", "a/b")],
)
def test_refs_of_github(issuer: LocalIssuer, github: OidcVerifier, given: str, ref: str) -> None:
    """Branches and tags are written as people write them; a pull request's ref stays whole."""
    token = issuer.github_token(ref=given, ref_protected="false", event_name="pull_request")
    claims = github.verify(token, now())
    assert (claims.ref, claims.ref_protected) == (ref, False)


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
def test_a_run_that_handles_foreign_code(issuer: LocalIssuer, github: OidcVerifier, event: str) -> None:
    """A run with the identity of main that commonly executes a pull request's code is refused."""
    assert f"event_name {event}" in refusal(github, issuer.github_token(event_name=event)).message


@pytest.mark.parametrize("event", ["issue_comment", "issues", "pull_request_review", "whatever-comes-next"])
def test_a_run_that_anybody_can_start(issuer: LocalIssuer, github: OidcVerifier, event: str) -> None:
    """A run of an event that needs no right to push is no run of a protected ref."""
    assert not github.verify(issuer.github_token(event_name=event), now()).ref_protected


@pytest.mark.parametrize("key", [RSA, ECKey.generate_key("P-256")], ids=["RS256", "ES256"])
def test_kinds_of_keys(issuer: LocalIssuer, verifier: OidcVerifier, key: RSAKey | ECKey) -> None:
    """RSA and EC keys are both accepted."""
    issuer.rotate(key)
    assert verifier.verify(issuer.gitlab_token(), now()).commit == COMMIT


def test_an_audience_among_others(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """A token for several audiences is for us when we are one of them."""
    token = issuer.gitlab_token(aud=["https://vault.example.com", issuer.audience])
    assert verifier.verify(token, now()).project_id == "42"


# What is refused: claims


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"aud": "https://vault.example.com"}, "is for audience"),
        ({"aud": []}, "is for audience"),
        ({"aud": "https://gate.example.com/"}, "is for audience"),
        ({"aud": None}, "`aud`"),
        ({"aud": 1}, "claim `aud`"),
        ({"iss": "https://evil.example.com"}, "is not one that this server believes"),
        ({"iss": None}, "`iss`"),
        ({"exp": None}, "`exp`"),
        ({"exp": "tomorrow"}, "claim `exp`"),
        ({"exp": True}, "claim `exp`"),
        ({"exp": 1e18}, "claim exp is no time"),
        ({"exp": -1}, "claim exp is no time"),
        ({"iat": None}, "`iat`"),
        ({"sha": None}, "`sha`"),
        ({"sha": "abc"}, "claim `sha`"),
        ({"sha": COMMIT + "\n"}, "claim `sha`"),
        ({"sha": COMMIT.upper()}, "claim `sha`"),
        ({"ref": ""}, "claim `ref`"),
        ({"ref": ["main"]}, "claim `ref`"),
        ({"ref_protected": None}, "`ref_protected`"),
        ({"ref_protected": True}, "claim `ref_protected`"),
        ({"ref_protected": "TRUE"}, "claim `ref_protected`"),
        ({"project_id": None}, "`project_id`"),
        ({"project_id": 42}, "claim `project_id`"),
        ({"project_id": "42 or 1"}, "claim `project_id`"),
        ({"project_path": None}, "`project_path`"),
        ({"pipeline_id": None}, "`pipeline_id`"),
        ({"job_id": None}, "`job_id`"),
        ({"environment": 5}, "claim `environment`"),
        ({"deployment_tier": {}}, "claim `deployment_tier`"),
    ],
)
def test_wrong_claims_of_gitlab(
    issuer: LocalIssuer, verifier: OidcVerifier, claims: dict[str, Any], message: str
) -> None:
    """A claim that is missing, of another type, or not for us is refused and named."""
    assert message in refusal(verifier, issuer.gitlab_token(**claims)).message


@pytest.mark.parametrize(
    "name",
    ["repository_id", "repository", "sha", "ref", "ref_protected", "event_name", "run_id", "run_attempt"],
)
@pytest.mark.parametrize("value", [None, 7, ""])
def test_wrong_claims_of_github(issuer: LocalIssuer, github: OidcVerifier, name: str, value: Any) -> None:
    """Every claim of GitHub that something is bound to must be there, as text."""
    assert f"`{name}`" in refusal(github, issuer.github_token(**{name: value})).message


def test_a_token_of_the_other_provider(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """What an issuer calls a project is fixed by its provider: claims of the other kind do not count."""
    assert "`project_id`" in refusal(verifier, issuer.github_token()).message


def test_expired(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """A token is worth nothing from `exp` on, without any leeway, and the refusal has a code of its own."""
    start = datetime.fromtimestamp(epoch(0), UTC)
    token = issuer.gitlab_token(exp=epoch(0) + 10, iat=epoch(0))
    assert verifier.verify(token, start + timedelta(seconds=8)).project_id == "42"
    assert refusal(verifier, token, start + timedelta(seconds=12)).code == "token-expired"


def test_too_old(issuer: LocalIssuer) -> None:
    """A token that is valid for a day counts for `max_age_s` after its issue, and is said to end then."""
    verifier = OidcVerifier([trusted(issuer, max_age_s=600)])
    issued = epoch(0)
    token = issuer.gitlab_token(iat=issued, exp=issued + 86_400)
    start = datetime.fromtimestamp(issued, UTC)
    assert verifier.verify(token, start + timedelta(seconds=599)).expires_at == start + timedelta(seconds=600)
    error = refusal(verifier, token, start + timedelta(seconds=600))
    assert error.code == "token-expired"
    assert "the limit is 600 s" in error.message


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_from_the_future(issuer: LocalIssuer, verifier: OidcVerifier, claim: str) -> None:
    """A token from the future is refused, but for a minute of skew."""
    assert verifier.verify(issuer.gitlab_token(**{claim: epoch(50)}), now()).project_id == "42"
    error = refusal(verifier, issuer.gitlab_token(**{claim: epoch(75)}))
    assert f"claim {claim} is" in error.message
    assert "60 s are accepted" in error.message


# What is refused: signatures


def test_algorithm_none(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """A token that says it needs no signature is refused, with and without one."""
    _, payload, signature = issuer.gitlab_token().split(".")
    for name in ("none", "None", "NONE", ""):
        head = encoded({"alg": name, "typ": "JWT", "kid": issuer.keys[-1].kid})
        for end in ("", signature):
            refusal(verifier, f"{head}.{payload}.{end}")


def test_signed_with_the_public_key(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """HS256 with what everybody knows as the secret is refused, whatever form of the key was used."""
    issuer.rotate(RSA)
    _, payload, _ = issuer.gitlab_token().split(".")
    pem = RSA.as_pem(private=False)
    for secret in (pem, pem.strip(), RSA.as_der(private=False), issuer.published()):
        head = encoded({"alg": "HS256", "typ": "JWT", "kid": RSA.kid})
        mac = hmac.digest(secret, f"{head}.{payload}".encode(), hashlib.sha256)
        assert "HS256" in refusal(verifier, f"{head}.{payload}.{encoded(mac)}").message


def test_an_algorithm_that_is_not_the_keys(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """A token that names an accepted algorithm of another type of key is refused."""
    _, payload, signature = issuer.gitlab_token().split(".")
    for name in ("RS256", "ES384", "ES512"):
        head = encoded({"alg": name, "kid": issuer.keys[-1].kid})
        assert "signature" in refusal(verifier, f"{head}.{payload}.{signature}").message


def test_forged(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """Another key under the same kid, other claims under the same signature, a cut signature: all refused."""
    stranger = ECKey.generate_key("P-256", {"kid": issuer.keys[-1].kid})
    assert "signature" in refusal(verifier, issuer.token({"project_id": "42"}, key=stranger)).message
    head, payload, signature = issuer.gitlab_token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    for changed in (
        f"{head}.{encoded(claims | {'ref': 'release'})}.{signature}",
        f"{head}.{payload}.{signature[:-4]}",
        f"{head}.{payload}.{encoded(bytes(64))}",
        f"{encoded({'alg': 'ES256', 'kid': issuer.keys[-1].kid})}.{payload}.{signature}",
    ):
        assert "signature" in refusal(verifier, changed).message


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": True},
    ],
)
def test_critical_extensions(issuer: LocalIssuer, verifier: OidcVerifier, header: dict[str, Any]) -> None:
    """A token that demands an extension is refused, even when it is signed and even when we could."""
    _, payload, signature = issuer.gitlab_token().split(".")
    head = encoded({"alg": "ES256", "kid": issuer.keys[-1].kid} | header)
    assert "crit" in refusal(verifier, f"{head}.{payload}.{signature}").message


def test_keys_that_the_token_brings(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """A key or an address of keys in the header is never used."""
    mine = ECKey.generate_key("P-256", {"kid": "mine"})
    with running_issuer() as evil:
        for header in ({"jwk": mine.as_dict(private=False)}, {"jku": evil.url + JWKS}, {"x5u": evil.url}):
            for kid in ("mine", issuer.keys[-1].kid):
                token = issuer.token({"project_id": "1"}, header=header | {"kid": kid}, key=mine)
                refusal(verifier, token)
        assert not evil.requests


@pytest.mark.parametrize("kid", [None, "", 7, "x" * 300, "unknown", "../../etc/passwd", "' OR 1=1"])
def test_unknown_keys(issuer: LocalIssuer, verifier: OidcVerifier, kid: Any) -> None:
    """A token must name a key that its issuer publishes."""
    _, payload, signature = issuer.gitlab_token().split(".")
    refusal(verifier, f"{encoded({'alg': 'ES256', 'kid': kid})}.{payload}.{signature}")


def hostile(issuer: LocalIssuer) -> list[str]:
    """Texts that are no token."""
    head, payload, signature = issuer.gitlab_token().split(".")
    deep = b"[" * 5_000 + b"]" * 5_000
    return [
        *("", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "\x00.\x00.\x00", "é.é.é", "\ud800.a.b"),
        f"{head}.{payload}",
        f"{head}.{payload}.",
        f" {head}.{payload}.{signature}",
        f"{head}.{payload}.{signature}\n",
        f"{head}=.{payload}.{signature}",
        f"{head}.{payload}.{signature}=",
        f"{head}.{payload}.{signature[:-1]}+",
        f"{encoded(deep)}.{payload}.{signature}",
        f"{head}.{encoded(deep)}.{signature}",
        f"{encoded(b'{')}.{payload}.{signature}",
        *(f"{encoded(v)}.{payload}.{signature}" for v in (None, [], "x", 1, {"alg": 5}, {"alg": ["ES256"]})),
        *(f"{head}.{encoded(v)}.{signature}" for v in (None, [], "x", b"\xff\xfe", b"", b'{"exp":1e999}')),
        f"{encoded(b'{' + b' ' * 9_000 + b'}')}.{payload}.{signature}",
        f"{head}.{payload}.{'A' * 16_384}",
        "A" * 10_000_000,
    ]


def test_texts_that_are_no_token(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """Whatever is sent in place of a token is refused in words, and nothing else happens."""
    for text in hostile(issuer):
        error = refusal(verifier, text)
        assert 0 < len(error.message) < 500
        assert error.hint
        assert text == "" or len(text) < 20 or text not in error.message


def test_a_provider_that_signs_nonsense(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """Claims that are signed and malformed are refused like others."""
    good = {"iss": issuer.url, "aud": issuer.audience, "iat": epoch(0), "exp": epoch(60)}
    deep = json.dumps(good)[:-1].encode() + b',"a":' + b"[" * 3_000 + b"]" * 3_000 + b"}"
    bad_text = [json.dumps(good)[:-1].encode() + b',"sha":"' + end + b'"}' for end in (b"\xff", b"\\ud800")]
    for payload in (b"{}", b"[]", b"", json.dumps(good).encode(), deep, b"\xff" * 40, *bad_text):
        refusal(verifier, issuer.signed(payload))


def test_a_huge_token(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """A token over 16 KB is refused unread, although it is signed."""
    error = refusal(verifier, issuer.gitlab_token(groups_direct=["group/" * 10] * 300))
    assert "the limit is 16,384" in error.message
    assert verifier.verify(issuer.gitlab_token(groups_direct=["group/" * 10] * 100), now()).project_id == "42"


# Keys: cache, rotation, outages


def test_keys_are_fetched_once(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """Nothing is fetched before the first token, one pair of requests is made for many, also at once."""
    assert not issuer.requests
    tokens = [issuer.gitlab_token() for _ in range(40)]
    with ThreadPoolExecutor(8) as threads:
        commits = set(threads.map(lambda token: verifier.verify(token, now()).commit, tokens))
    assert commits == {COMMIT}
    assert issuer.requests == {DISCOVERY: 1, JWKS: 1}


def test_keys_are_fetched_again_after_an_hour(issuer: LocalIssuer) -> None:
    """A key that its issuer withdrew is unknown an hour later."""
    verifier = OidcVerifier([trusted(issuer, max_age_s=86_400)])
    token = issuer.gitlab_token(exp=epoch(86_000))
    verifier.verify(token, now())
    issuer.keys.clear()
    issuer.rotate()
    assert verifier.verify(token, now() + timedelta(minutes=59)).commit == COMMIT
    error = refusal(verifier, token, now() + timedelta(minutes=61))
    assert "publishes no key" in error.message


def test_rotation(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """A token with a new key makes one fetch and is believed; the old key stays known."""
    old = issuer.gitlab_token()
    verifier.verify(old, now())
    issuer.rotate()
    later = now() + timedelta(seconds=31)
    assert verifier.verify(issuer.gitlab_token(), later).commit == COMMIT
    assert verifier.verify(old, later).commit == COMMIT
    assert issuer.requests[JWKS] == 2


def test_nobody_makes_us_fetch_often(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """A flood of unknown keys makes one fetch in 30 s, and known keys go on."""
    good = issuer.gitlab_token()
    flood = [issuer.token({}, header={"kid": f"k{i}"}) for i in range(30)]
    start = now()
    for token in flood:
        refusal(verifier, token, start)
    assert issuer.requests[JWKS] == 1
    for token in flood:
        refusal(verifier, token, start + timedelta(seconds=40))
    assert issuer.requests[JWKS] == 2
    assert verifier.verify(good, start).commit == COMMIT


def test_a_provider_that_was_never_reached(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """Without keys nothing is believed and the answer is 503, which does not hammer the provider."""
    token = issuer.gitlab_token()
    issuer.stop()
    start = now()
    for _ in range(3):
        with pytest.raises(Unavailable, match="cannot be had"):
            verifier.verify(token, start)
    issuer.start()
    with pytest.raises(Unavailable):
        verifier.verify(token, start + timedelta(seconds=20))
    assert not issuer.requests
    assert verifier.verify(token, start + timedelta(seconds=31)).commit == COMMIT


def test_an_outage(issuer: LocalIssuer) -> None:
    """Keys that were seen serve for 24 h of an outage; an unseen key is 503 and never belief."""
    verifier = OidcVerifier([trusted(issuer, max_age_s=7 * 86_400)])
    token = issuer.gitlab_token(exp=epoch(6 * 86_400))
    verifier.verify(token, now())
    issuer.rotate()
    unseen = issuer.gitlab_token(exp=epoch(6 * 86_400))
    issuer.stop()
    assert verifier.verify(token, now() + timedelta(hours=23)).commit == COMMIT
    with pytest.raises(Unavailable):
        verifier.verify(unseen, now() + timedelta(hours=23, minutes=1))
    with pytest.raises(Unavailable):
        verifier.verify(token, now() + timedelta(hours=25))
    issuer.start()
    assert verifier.verify(unseen, now() + timedelta(hours=26)).commit == COMMIT


def test_a_clock_that_is_turned_back(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """Keys from the future are not fresh: they are fetched again."""
    token = issuer.gitlab_token(iat=epoch(-1000), nbf=None)
    verifier.verify(token, now())
    verifier.verify(token, now() - timedelta(seconds=500))
    assert issuer.requests[JWKS] == 2


def test_nobody_waits_with_a_key_at_hand(issuer: LocalIssuer) -> None:
    """While one request fetches keys that went stale, another goes on with those that are here."""
    verifier = OidcVerifier([trusted(issuer, max_age_s=86_400)])
    token = issuer.gitlab_token(exp=epoch(86_000))
    verifier.verify(token, now())
    fetching, go_on = threading.Event(), threading.Event()
    answered = issuer._body

    def slowly(path: str) -> Answer:
        fetching.set()
        go_on.wait(4)
        return answered(path)

    issuer._body = slowly
    later = now() + timedelta(hours=2)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(verifier.verify, token, later)
        assert fetching.wait(4)
        assert verifier.verify(token, later).commit == COMMIT
        assert not first.done()
        go_on.set()
        assert first.result().commit == COMMIT


def elsewhere(issuer: LocalIssuer, evil: LocalIssuer) -> dict[str, dict[str, Answer]]:
    """Answers of a provider that lead away from it, or to nothing."""

    def found(**document: str) -> Answer:
        return Answer(
            body=json.dumps({"issuer": issuer.url, "jwks_uri": issuer.url + JWKS} | document).encode()
        )

    def moved(url: str) -> Answer:
        return Answer(302, headers=(("Location", url),))

    weak = RSAKey.generate_key(1024, {"kid": issuer.keys[-1].kid})
    return {
        "redirects to": {DISCOVERY: moved(evil.url + DISCOVERY)},
        "which is not followed": {JWKS: moved(evil.url + JWKS)},
        "redirects": {JWKS: moved("/other")},
        "is of another issuer": {DISCOVERY: found(issuer=evil.url)},
        "another issuer": {DISCOVERY: found(issuer=issuer.url + "/")},
        "must begin with https://": {DISCOVERY: found(jwks_uri="http://keys.example.com/jwks")},
        "is no URL": {DISCOVERY: found(jwks_uri="http://[")},
        "must be a URL": {DISCOVERY: found(jwks_uri=f"http://a:b@127.0.0.1{JWKS}")},
        "must be": {DISCOVERY: found(jwks_uri="file:///etc/passwd")},
        "is no discovery document": {DISCOVERY: Answer(body=b"<html>")},
        "discovery document: ": {DISCOVERY: Answer(body=b"[" * 100_000)},
        "answers 500": {JWKS: Answer(500)},
        "answers 404": {DISCOVERY: Answer(404)},
        "more than 1,048,576 bytes": {JWKS: Answer(body=b" " * 10_000_000)},
        "answers compressed": {JWKS: Answer(body=b"\x1f\x8b", headers=(("Content-Encoding", "gzip"),))},
        "key set is unusable": {JWKS: Answer(body=b"{}")},
        "none of 0 keys": {JWKS: Answer(body=b'{"keys":[]}')},
        "nested too deeply": {JWKS: Answer(body=b'{"keys":' + b"[" * 100_000)},
        "the limit is 100": {JWKS: Answer(body=b'{"keys":[' + b",".join([b"{}"] * 101) + b"]}")},
        "none of 4 keys": {
            JWKS: Answer(
                body=json.dumps(
                    {
                        "keys": [
                            weak.as_dict(private=False),
                            OctKey.generate_key(256, {"kid": issuer.keys[-1].kid}).as_dict(),
                            issuer.keys[-1].as_dict(private=False, use="enc"),
                            issuer.keys[-1].as_dict(private=False) | {"x": "AAAA"},
                        ]
                    }
                ).encode()
            )
        },
    }


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_answers_that_are_not_keys(issuer: LocalIssuer) -> None:
    """Redirects, other issuers, oversized or broken answers give no keys: 503, and nobody else is asked."""
    token = issuer.gitlab_token()
    with running_issuer() as evil:
        for message, answers in elsewhere(issuer, evil).items():
            issuer.answers = answers
            with pytest.raises(Unavailable, match=message):
                OidcVerifier([trusted(issuer)]).verify(token, now())
        assert not evil.requests
    issuer.answers = {}
    assert OidcVerifier([trusted(issuer)]).verify(token, now()).commit == COMMIT


def test_keys_of_another_kind_are_passed_over(issuer: LocalIssuer, verifier: OidcVerifier) -> None:
    """A set that also holds keys which nobody here understands still serves."""
    keys = json.loads(issuer.published())["keys"]
    strange = [{"kty": "AKP", "kid": "pq"}, {"kty": "RSA", "kid": "broken", "n": "AQAB"}, {"kid": 5}, [], "x"]
    strange += [
        {"kty": "EC", "kid": "half"},
        {"kty": "EC", "kid": "other", "crv": "secp256k1", "x": "", "y": ""},
    ]
    issuer.answers = {JWKS: Answer(body=json.dumps({"keys": strange + keys}).encode())}
    assert verifier.verify(issuer.gitlab_token(), now()).commit == COMMIT


def test_configured_address_of_keys(issuer: LocalIssuer) -> None:
    """With `jwks_uri` no discovery document is asked for."""
    verifier = OidcVerifier([trusted(issuer, jwks_uri=issuer.url + JWKS)])
    assert verifier.verify(issuer.gitlab_token(), now()).commit == COMMIT
    assert issuer.requests == {JWKS: 1}


def test_two_issuers(issuer: LocalIssuer) -> None:
    """Each issuer speaks for itself: a key of one never signs for the other."""
    with running_issuer() as other:
        verifier = OidcVerifier([trusted(issuer), trusted(other, provider="github")])
        assert verifier.verify(issuer.gitlab_token(), now()).issuer == issuer.url
        assert verifier.verify(other.github_token(), now()).issuer == other.url
        assert "publishes no key" in refusal(verifier, other.gitlab_token(iss=issuer.url)).message
        refusal(verifier, issuer.github_token(iss=other.url))


def test_without_issuers(issuer: LocalIssuer) -> None:
    """A server that believes no provider says so and asks none."""
    assert "(none)" in refusal(OidcVerifier([]), issuer.gitlab_token()).message
    assert not issuer.requests


Make = Callable[[], object]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Issuer(issuer="http://gitlab.example.com", provider="gitlab", audience="x"),
        lambda: Issuer(issuer="gitlab.example.com", provider="gitlab", audience="x"),
        lambda: Issuer(issuer="https://gitlab.example.com?x=1", provider="gitlab", audience="x"),
        lambda: Issuer(issuer="https://a:b@gitlab.example.com", provider="gitlab", audience="x"),
        lambda: Issuer(
            issuer="https://a.example.com", provider="gitlab", audience="x", jwks_uri="http://b/k"
        ),
        lambda: Issuer(issuer="https://a.example.com", provider="gitlab", audience=""),
        lambda: Issuer(issuer="https://a.example.com", provider="gitlab", audience="x", max_age_s=0),
        lambda: OidcVerifier([Issuer(issuer="https://a.example.com", provider="gitlab", audience="x")] * 2),
    ],
)
def test_settings_that_cannot_be_trusted(make: Make) -> None:
    """An issuer without https, with a password in its address, without audience or named twice is refused."""
    with pytest.raises(ValueError, match=r"issuer|jwks_uri"):
        make()
