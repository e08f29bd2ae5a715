"""Logging in as browsers and scripts do: cookies, CSRF, an OpenID Connect provider, and what never leaks."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from api_rows import PASSWORD, PROVIDER, V1, World, refused
from gate_server import GateServer, gate_server
from local_issuer import CLIENT, CLIENT_SECRET, TOKEN, Answer, LocalIssuer, running_issuer

from gatekeeper.service.people import totp

BEGIN, CALLBACK = f"{V1}/login/oidc/{PROVIDER}", f"{V1}/login/oidc/{PROVIDER}/callback"
LONG = "x" * 2000
_HOSTS = count(1)


@pytest.fixture
def browser(world: World) -> Iterator[httpx.Client]:
    """A browser that has never been here, at an address of its own."""
    address = {"X-Forwarded-For": f"198.51.100.{next(_HOSTS)}"}
    with httpx.Client(base_url=world.server.base, headers=address, trust_env=False, timeout=60) as client:
        yield client


def begun(browser: httpx.Client) -> str:
    """The address at the provider that a login leads to."""
    answer = browser.get(BEGIN)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def returned(world: World, browser: httpx.Client, **claims: Any) -> httpx.Response:
    """What the callback answers, when somebody with these claims has agreed."""
    return browser.get(CALLBACK, params=world.issuer.agree(begun(browser), **claims))


def test_a_browser_gets_cookies_that_scripts_and_other_sites_cannot_use(
    world: World, browser: httpx.Client
) -> None:
    """The secret is in no body; the CSRF token is the one thing that a page may read."""
    _, login = world.person()
    answer = browser.post(f"{V1}/sessions", json={"login": login, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    session, csrf = sorted(answer.headers.get_list("set-cookie"))[::-1]
    assert re.fullmatch(r"gatekeeper=gks_\w+; HttpOnly; Max-Age=60\d{4}; Path=/; SameSite=lax", session)
    assert re.fullmatch(r"gatekeeper-csrf=[\w-]{43}; Max-Age=60\d{4}; Path=/; SameSite=lax", csrf)
    assert answer.json()["secret"] is None
    assert browser.cookies["gatekeeper"] not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert browser.get(f"{V1}/whoami").json()["method"] == "person"
    refused(browser.delete(f"{V1}/sessions/current"), 403, "csrf-missing")
    shown = {"X-CSRF-Token": answer.json()["csrf_token"]}
    ended = browser.delete(f"{V1}/sessions/current", headers=shown)
    assert ended.status_code == 204
    assert not browser.cookies, "the browser forgets them"
    refused(browser.get(f"{V1}/whoami"), 401, "not-authenticated")


def test_over_https_the_cookies_are_of_this_host_alone(tmp_path: Path) -> None:
    """`__Host-`, Secure; and a cookie of another name is nobody's."""
    with gate_server(tmp_path, GATEKEEPER_HTTPS="true") as server, server.http() as http:
        http.post(f"{V1}/people", json={"name": "A", "login": "ann", "password": PASSWORD})
        with server.http(None) as browser:
            answer = browser.post(f"{V1}/sessions", json={"login": "ann", "password": PASSWORD})
            session, csrf = sorted(answer.headers.get_list("set-cookie"))[::-1]
            assert re.fullmatch(
                r"__Host-gatekeeper=gks_\w+; HttpOnly; Max-Age=\d+; Path=/; SameSite=lax; Secure", session
            )
            assert re.fullmatch(r"__Host-gatekeeper-csrf=.+; Max-Age=\d+; Path=/; SameSite=lax; Secure", csrf)
            secret = session.partition("=")[2].partition(";")[0]
            browser.cookies.clear()
            for cookie, status in ((f"gatekeeper={secret}", 401), (f"__Host-gatekeeper={secret}", 200)):
                assert browser.get(f"{V1}/whoami", headers={"Cookie": cookie}).status_code == status


def test_a_login_ends_the_session_that_the_browser_had(world: World, browser: httpx.Client) -> None:
    """Nobody goes on under a secret from before the login."""
    _, login = world.person()
    for _ in range(2):
        old = browser.cookies.get("gatekeeper")
        browser.post(f"{V1}/sessions", json={"login": login, "password": PASSWORD}).raise_for_status()
        assert browser.cookies["gatekeeper"] != old
    with world.server.http(old) as other:
        refused(other.get(f"{V1}/whoami"), 401, "session-ended")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ({}, 403),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
def test_no_other_site_logs_anybody_in(
    world: World, browser: httpx.Client, headers: dict[str, str], status: int
) -> None:
    """Whoever is logged in without noticing works for somebody else."""
    body = json.dumps({"login": world.person()[1], "password": PASSWORD}).encode()
    answer = browser.post(f"{V1}/sessions", content=body, headers=headers)
    assert answer.status_code == status, answer.text


def test_two_cookies_of_one_name_are_none(world: World, browser: httpx.Client) -> None:
    """One of them may be somebody else's."""
    secret = world.session()
    cookie = {"Cookie": f"gatekeeper={secret}; x=1; gatekeeper={secret}"}
    refused(browser.get(f"{V1}/whoami", headers=cookie), 401, "not-authenticated")
    with_both = {"Cookie": f"gatekeeper={secret}", "Authorization": f"Bearer {world.server.admin}"}
    assert browser.get(f"{V1}/whoami", headers=with_both).json()["method"] == "token"


def test_somebody_logs_in_by_a_provider(world: World, browser: httpx.Client) -> None:
    """Groups mean here what the settings say, for this session; the cookie of the login is forgotten."""
    address = begun(browser)
    query = parse_qs(urlsplit(address).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]
    assert query["redirect_uri"] == [world.server.base + CALLBACK]
    came = world.issuer.agree(address, sub="u1", name="Eve\x1b[31m", groups=["qa", "other"])
    answer = browser.get(CALLBACK, params={**came, "scope": "openid", "session_state": "unknown ones"})
    assert answer.status_code == 200, answer.text
    assert set(browser.cookies) == {"gatekeeper", "gatekeeper-csrf"}
    who = browser.get(f"{V1}/whoami").json()
    assert who["held"] == [{"role": "qa-lead", "scopes": ["approval:give"], "projects": ["pay/*"]}]
    with world.server.http() as http:
        person = http.get(f"{V1}/people/{who['person']}").json()
    assert (person["name"], person["grants"]) == ("Eve[31m", [])
    # Without the groups, without what they meant.
    assert returned(world, browser, sub="u1").status_code == 200
    again = browser.get(f"{V1}/whoami").json()
    assert (again["person"], again["held"]) == (who["person"], [])


def test_a_verified_email_leads_to_the_local_person(world: World, browser: httpx.Client) -> None:
    """One that the provider does not vouch for, to a new one."""
    mail = "one.person@example.com"
    person, _ = world.person(email=mail, email_verified=True)
    for number, claims in enumerate(
        ({"email": mail}, {"email": mail, "email_verified": False}, {"email": mail, "email_verified": "true"})
    ):
        answer = returned(world, browser, sub=f"unverified{number}", **claims)
        assert answer.json()["session"]["person"] != person
    answer = returned(world, browser, sub="verified", email=mail.upper(), email_verified=True)
    assert answer.json()["session"]["person"] == person


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://gate.example.com"},
        {"aud": ["somebody", "else"]},
        {"aud": [CLIENT, "else"]},
        {"aud": [CLIENT, "else"], "azp": "else"},
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example.com"},
        {"exp": 1_700_000_000},
        {"iat": 4_000_000_000},
        {"iat": 1_700_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\x00b"},
        {"header": {"alg": "none"}},
        {"header": {"alg": "HS256"}},
        {"header": {"kid": "unknown"}},
        {"header": {"crit": ["x"]}},
    ],
    ids=str,
)
def test_an_id_token_that_does_not_prove_this_login_is_refused(
    world: World, browser: httpx.Client, claims: dict[str, Any]
) -> None:
    """Whatever else fits; and no session begins."""
    before = dict(browser.cookies)
    answer = returned(world, browser, **{"sub": "forger", **claims})
    assert answer.status_code == 401, answer.text
    assert "gatekeeper" not in {**before, **browser.cookies}
    with world.server.http() as http:
        assert '"forger"' not in http.get(f"{V1}/people", params={"limit": 200}).text


def test_an_id_token_without_a_signature_is_refused(world: World, browser: httpx.Client) -> None:
    """Even from the token endpoint itself."""
    came = world.issuer.agree(begun(browser))
    token = world.issuer.token({"aud": CLIENT, "sub": "forger"})
    for forged in (token.rpartition(".")[0] + ".", token[:-4] + "AAAA", "x.y.z", "", LONG * 20):
        body = json.dumps({"id_token": forged}).encode()
        world.issuer.answers[TOKEN] = Answer(body=body)
        try:
            refused(browser.get(CALLBACK, params=came), 401, "not-authenticated")
        finally:
            del world.issuer.answers[TOKEN]
        came = world.issuer.agree(begun(browser))


def test_a_login_is_finished_once_by_the_browser_that_began(world: World, browser: httpx.Client) -> None:
    """A code that was used, a state of another browser, one that never was: all refused."""
    came = world.issuer.agree(begun(browser), sub="once")
    with httpx.Client(base_url=world.server.base, trust_env=False) as thief:
        refused(thief.get(CALLBACK, params=came), 401, "login-failed", "another browser")
    refused(browser.get(CALLBACK, params=came), 401, "login-failed")  # the thief has used the state up
    came = world.issuer.agree(begun(browser), sub="once")
    assert browser.get(CALLBACK, params=came).status_code == 200
    refused(browser.get(CALLBACK, params=came), 401, "login-failed", "finished before")
    fresh = parse_qs(urlsplit(begun(browser)).query)["state"][0]
    refused(browser.get(CALLBACK, params={**came, "state": fresh}), 401, "not-authenticated")
    refused(browser.get(CALLBACK, params={"code": came["code"], "state": "x" * 43}), 401, "login-failed")


def test_what_a_provider_says_against_it_ends_the_login(world: World, browser: httpx.Client) -> None:
    """An error, no code, another issuer (mix-up), an answer that is none."""
    for more in ({"error": "access_denied"}, {}, {"code": "c", "iss": "https://evil.example.com"}):
        came = {"state": world.issuer.agree(begun(browser))["state"], **more}
        refused(browser.get(CALLBACK, params=came), 401, "login-failed")
    came = world.issuer.agree(begun(browser), sub="iss")
    assert browser.get(CALLBACK, params={**came, "iss": world.issuer.url}).status_code == 200
    for answer, status in (
        (Answer(500), 503), (Answer(400), 401), (Answer(302, headers=()), 401), (Answer(200, b"[]"), 401),
        (Answer(200, b"{" * 100_000), 401), (Answer(200, b"x" * 1_000_000), 503),
    ):  # fmt: skip
        came = world.issuer.agree(begun(browser))
        world.issuer.answers[TOKEN] = answer
        try:
            assert browser.get(CALLBACK, params=came).status_code == status, answer.status
        finally:
            del world.issuer.answers[TOKEN]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (f"{V1}/login/oidc/nobody", {}, 404),
        (f"{V1}/login/oidc/NO%20body", {}, 422),
        (f"{V1}/login/oidc/nobody/callback", {"state": "x"}, 404),
        (CALLBACK, {}, 422),
        (CALLBACK, {"state": ""}, 422),
        (CALLBACK, {"state": "x" * 201}, 422),
        (CALLBACK, {"state": "x", "code": "x" * 4001}, 422),
        (CALLBACK, {"state": "\x00\ud7ff", "code": "c"}, 401),
        (BEGIN, {"next": "https://evil.example.com"}, 422),
        (f"{V1}/login", {"x": "1"}, 422),
    ],
)
def test_odd_ways_to_log_in_are_refused(
    browser: httpx.Client, path: str, query: dict[str, str], status: int
) -> None:
    """With a problem, never a defect, and never a way to another site."""
    answer = browser.get(path, params=query)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        {"login": "ann"},
        {"login": "", "password": "x"},
        {"login": "a" * 201, "password": "x"},
        {"login": "ann", "password": "x" * 1025},
        {"login": "ann", "password": ""},
        {"login": "ann", "password": ["x"]},
        {"login": "ann", "password": "x", "totp": "1"},
        {"login": "ann", "password": "x", "totp": 123456},
        {"login": "ann", "password": "x", "totp": "x" * 41},
        {"login": "ann", "password": "x", "remember": True},
        [],
    ],
    ids=str,
)
def test_what_is_no_login_is_refused_by_name(browser: httpx.Client, body: Any) -> None:
    """422, and the answer does not repeat a password."""
    answer = browser.post(f"{V1}/sessions", json=body)
    refused(answer, 422, "bad-parameter")


def test_odd_letters_log_nobody_in(browser: httpx.Client) -> None:
    """NUL, surrogates, other scripts: a failed login like any other."""
    for login in ("a\x00b", "\ud7ff", "\u0430nn", "ann\u202e", "' OR 1=1 --"):
        answer = browser.post(f"{V1}/sessions", json={"login": login, "password": "\x00" * 12})
        refused(answer, 401, "login-failed")
    raw = b'{"login": "a\\ud800", "password": "b\\ud800bbbbbbbbbb"}'
    answer = browser.post(f"{V1}/sessions", content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in {401, 422}, answer.text


def test_nothing_secret_is_logged_or_answered_twice(tmp_path: Path) -> None:
    """Passwords, session secrets, codes, the client's secret, what a provider sent: not in the log."""
    with running_issuer() as issuer:
        (tmp_path / "secret").write_text(CLIENT_SECRET)
        provider = {
            "name": PROVIDER,
            "issuer": issuer.url,
            "client_id": CLIENT,
            "secret_file": str(tmp_path / "secret"),
        }
        settings = {"GATEKEEPER_LOGIN_PROVIDERS": json.dumps([provider])}
        with gate_server(tmp_path / "server", **settings) as server:
            secrets = _everything_secret(server, issuer)
            log = server.log.read_text()
    assert "login.succeeded" in log
    for name, secret in secrets.items():
        assert secret not in log, name


def _everything_secret(server: GateServer, issuer: LocalIssuer) -> dict[str, str]:
    found = {"client": CLIENT_SECRET, "password": PASSWORD, "wrong": "never the right one"}
    with server.http() as http, server.http(None) as browser:
        http.post(f"{V1}/people", json={"name": "A", "login": "ann", "password": PASSWORD})
        http.post(f"{V1}/people", json={"name": "A", "login": "ann", "password": PASSWORD})
        browser.post(f"{V1}/sessions", json={"login": "ann", "password": found["wrong"]})
        began = browser.post(f"{V1}/sessions", json={"login": "ann", "password": PASSWORD})
        found["cookie"], found["csrf"] = browser.cookies["gatekeeper"], began.json()["csrf_token"]
        browser.get(f"{V1}/whoami")
        shown = {"X-CSRF-Token": found["csrf"]}
        found["totp"] = browser.post(f"{V1}/people/me/totp", headers=shown).json()["secret"]
        code = totp.code_at(found["totp"], totp.step_of(datetime.now(UTC)))
        answer = browser.post(f"{V1}/people/me/totp/confirm", headers=shown, json={"totp": code})
        found["recovery"] = answer.json()["recovery_codes"][0]
        found["renewed"] = browser.cookies["gatekeeper"]
        browser.cookies.clear()
        for claims in ({}, {"nonce": "x"}):
            came = issuer.agree(browser.get(BEGIN).headers["location"], **claims)
            browser.get(CALLBACK, params=came)
            found[f"state{claims}"], found[f"code{claims}"] = came["state"], came["code"]
    return found
