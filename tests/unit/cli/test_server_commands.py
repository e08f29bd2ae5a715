"""The commands that ask a server: what they print, where, and with which exit code."""

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import respx
from inline_snapshot import snapshot

from gatekeeper.cli.main import main
from gatekeeper.client.retries import Timing
from gatekeeper.decision import Decision, Outcome, as_json

URL = "https://gate.example.com"
API = f"{URL}/api/v1"
AT = "2026-11-23T10:00:00.000000Z"
SOURCE = ["--project", "pay/api", "--commit", "a1b2c3d4e5f6" + "0" * 28, "--tree", "1" * 40]
TOKEN = {
    "id": "tok_1",
    "name": "ci",
    "scopes": ["evidence:write"],
    "projects": ["pay/*"],
    "refs": ["*"],
    "kinds": [],
    "created_at": AT,
    "expires_at": "2027-02-21T10:00:00Z",
}
PROJECT = {
    "id": "prj_1",
    "path": "pay/api",
    "policy": "base",
    "default_ref": "main",
    "protected_refs": ["main"],
    "issuer": None,
    "provider_id": None,
    "created_at": AT,
}

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder outside of any pipeline, which knows the server."""
    monkeypatch.chdir(tmp_path)
    for name in ("GITLAB_CI", "GITHUB_ACTIONS", "JENKINS_URL", "BUILD_TAG", "GATEKEEPER_ID_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GATEKEEPER_URL", URL)
    monkeypatch.setenv("GATEKEEPER_TOKEN", "gk_1")
    monkeypatch.setattr("gatekeeper.cli.server.Timing", partial(Timing, tries=1))


def problem(status: int, code: str, detail: str) -> httpx.Response:
    """An error of the API."""
    content = {"title": code, "status": status, "detail": detail, "code": code, "hint": "do it"}
    return httpx.Response(
        status,
        json=content | {"request_id": "req_1"},
        headers={"Content-Type": "application/problem+json"},
    )


def receipt(**more: Any) -> dict[str, Any]:
    """What the server answers to an upload of `<a/>`."""
    return {
        "id": "ev_1",
        "project": "pay/api",
        "kind": "tests",
        "name": "default",
        "job": "junit.xml",
        "state": "ok",
        "metrics": {"tests.total": 1_234, "tests.failed": 0},
        "trust": "claimed",
        "counter": 1,
        "sha256": "81898e0bbce9c17d11b8e7d5ea8ee37a23d3ccd24a0573f30cd00b2d4e6deb7b",
        "bytes": 4,
        "received_at": AT,
        "accepted": True,
        **more,
    }


@respx.mock
def test_submit_says_what_was_understood(tmp_path: Path, capsys: Captured) -> None:
    """One line for each file on stdout; the sum on stderr."""
    for name, content in (("junit.xml", "<a/>"), ("cov.xml", "<b/>"), ("odd.bin", "?"), ("x.sarif", "{}")):
        (tmp_path / name).write_text(content)

    def digest(content: str) -> str:
        return hashlib.sha256(content.encode()).hexdigest()

    note = [{"code": "totals-disagree", "params": {}, "text": "odd totals"}]
    unreadable = receipt(kind=None, state="unreadable", metrics={}, accepted=False, sha256=digest("?"))
    refusal = problem(422, "report-unreadable", "it is no report")
    body = json.loads(refusal.content) | {"evidence": unreadable}
    respx.post(f"{API}/evidence", params={"filename": "junit.xml"}).mock(
        return_value=httpx.Response(200, json=receipt(sha256=digest("<a/>"), problems=note))
    )
    respx.post(f"{API}/evidence", params={"filename": "cov.xml"}).mock(
        return_value=httpx.Response(
            201,
            json=receipt(
                kind="coverage", name="unit", metrics={"coverage.line": "78.21"}, sha256=digest("<b/>")
            ),
        )
    )
    respx.post(f"{API}/evidence", params={"filename": "odd.bin"}).mock(
        return_value=httpx.Response(422, json=body, headers=refusal.headers)
    )
    respx.post(f"{API}/evidence", params={"filename": "x.sarif"}).mock(
        return_value=problem(422, "kind-mismatch", "a Hadolint report is not sast")
    )
    files = ["junit.xml", "unit=cov.xml", "odd.bin", "x.sarif"]
    assert main(["submit", *files, *SOURCE]) == 1
    out, err = capsys.readouterr()
    assert out == snapshot("""\
ok          coverage   cov.xml as unit  line 78.21 %
ok          tests      junit.xml  total 1,234, failed 0; odd totals [totals-disagree]  (was there already)
unreadable  unknown    odd.bin  it is no report [report-unreadable]
refused     -          x.sarif  a Hadolint report is not sast [kind-mismatch]
""")
    assert err == snapshot("""\
hint: do it
hint: do it
2 of 4 count as evidence of pay/api, commit a1b2c3d4e5f6, set files-737effe2ac8cdaac
""")


@respx.mock
def test_submit_as_json_is_whole(tmp_path: Path, capsys: Captured) -> None:
    """One object for each file, with its receipt or its error."""
    (tmp_path / "junit.xml").write_text("<a/>")
    sha256 = hashlib.sha256(b"<a/>").hexdigest()
    respx.post(f"{API}/evidence").mock(return_value=httpx.Response(201, json=receipt(sha256=sha256)))
    assert main(["submit", "junit.xml", *SOURCE, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["path"], found["counts"], found["evidence"]["id"]) == ("junit.xml", True, "ev_1")
    assert found["error"] is None


@respx.mock
def test_bytes_that_changed_on_the_way_do_not_count(tmp_path: Path, capsys: Captured) -> None:
    """The digest of what arrived must be that of what was sent."""
    (tmp_path / "junit.xml").write_text("<a/>")
    respx.post(f"{API}/evidence").mock(return_value=httpx.Response(201, json=receipt(sha256="0" * 64)))
    assert main(["submit", "junit.xml", *SOURCE]) == 4
    assert "arrived with the digest" in capsys.readouterr().err


@respx.mock
def test_a_kind_that_the_token_may_not_send_stops_only_itself(tmp_path: Path, capsys: Captured) -> None:
    """The others arrive; the whole is no success, and no verdict about the reports either."""
    for name in ("a.xml", "b.xml"):
        (tmp_path / name).write_text("<a/>")
    sha256 = hashlib.sha256(b"<a/>").hexdigest()
    respx.post(f"{API}/evidence", params={"filename": "a.xml"}).mock(
        return_value=problem(403, "kind-not-granted", "not this kind")
    )
    respx.post(f"{API}/evidence", params={"filename": "b.xml"}).mock(
        return_value=httpx.Response(201, json=receipt(sha256=sha256))
    )
    assert main(["submit", "a.xml", "b.xml", *SOURCE]) == 4
    out = capsys.readouterr().out
    assert out.splitlines()[0].startswith("refused")
    assert out.splitlines()[1].startswith("ok")


@respx.mock
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), "cannot be reached"),
        (httpx.ReadTimeout("slow"), "did not answer in time"),
        (problem(401, "token-revoked", "the token was revoked"), "the token was revoked [token-revoked"),
        (problem(503, "unavailable", "the database is full"), "the database is full"),
        (httpx.Response(200, html="log in"), "not a decision"),
        (httpx.Response(302, headers={"Location": "https://sso.example.com"}), "a redirect"),
    ],
)
def test_no_answer_is_4_and_says_so(answer: Any, says: str, capsys: Captured) -> None:
    """A gate that could not be asked stops a promotion."""
    respx.post(f"{API}/decisions").mock(
        **({"side_effect": answer} if isinstance(answer, Exception) else {"return_value": answer})
    )
    assert main(["check", "--stage", "uat", *SOURCE]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert "hint:" in err


@respx.mock
def test_a_refusal_is_1_with_its_code(capsys: Captured) -> None:
    """And the number under which the server logged it."""
    respx.post(f"{API}/decisions").mock(return_value=problem(404, "project-not-found", "no project pay/api"))
    assert main(["check", "--stage", "uat", *SOURCE]) == 1
    assert capsys.readouterr().err == snapshot("""\
error: no project pay/api [project-not-found, request req_1]
hint: do it
""")


@pytest.mark.parametrize(
    ("outcome", "allowed", "flags", "code"),
    [
        (Outcome.PASS, True, [], 0),
        (Outcome.WARN, True, [], 0),
        (Outcome.WARN, True, ["--warn-exit", "7"], 7),
        (Outcome.FAIL, False, [], 1),
        (Outcome.FAIL, True, [], 0),
    ],
)
@respx.mock
def test_the_exit_code_of_check_is_the_answer(
    outcome: Outcome, allowed: bool, flags: list[str], code: int, failing: Decision, capsys: Captured
) -> None:
    """It reads `allowed` alone."""
    decision = msgspec.structs.replace(failing, gate=True, outcome=outcome, allowed=allowed)
    respx.post(f"{API}/decisions").mock(return_value=httpx.Response(201, content=as_json(decision)))
    assert main(["check", "--stage", "uat", *SOURCE, "--format", "json", *flags]) == code
    out, err = capsys.readouterr()
    assert json.loads(out)["id"] == "dec_1"
    assert f"dec_1, {API}/decisions/dec_1" in err
    assert ("by an override" in err) is (outcome is Outcome.FAIL and allowed)


@respx.mock
@pytest.mark.parametrize("view", ["table", "json", "markdown", "junit", "sarif", "gitlab-codequality"])
def test_check_writes_every_view(view: str, failing: Decision, tmp_path: Path, capsys: Captured) -> None:
    """To stdout or into a file, which never holds an older answer."""
    decision = msgspec.structs.replace(failing, gate=True)
    route = respx.post(f"{API}/decisions")
    route.mock(return_value=httpx.Response(201, content=as_json(decision)))
    assert main(["check", "--stage", "uat", *SOURCE, "--format", view]) == 1
    assert "sast-high" in capsys.readouterr().out
    file = tmp_path / "gate"
    assert main(["check", "--stage", "uat", *SOURCE, "--format", view, "--output", str(file)]) == 1
    assert "sast-high" in file.read_text()
    assert capsys.readouterr().out == ""
    route.mock(side_effect=httpx.ConnectError("no"))
    assert main(["check", "--stage", "uat", *SOURCE, "--format", view, "--output", str(file)]) == 4
    assert not file.exists()


@respx.mock
def test_a_question_too_early_is_3(capsys: Captured) -> None:
    """Readers of JSON get the gate, whole and valid."""
    pending = {
        "project": "pay/api",
        "stage": "uat",
        "state": "pending",
        "allowed": False,
        "pending": [{"code": "set-open", "text": "the set unit waits for part 2"}],
    }
    respx.post(f"{API}/decisions").mock(return_value=httpx.Response(202, json=pending))
    assert main(["check", "--stage", "uat", *SOURCE, "--format", "json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["state"] == "pending"
    assert err == snapshot("""\
pending: pay/api into uat: the set unit waits for part 2
hint: nothing was decided or recorded; ask again, or wait longer with --wait 10m
""")
    assert main(["check", "--stage", "uat", *SOURCE]) == 3
    assert capsys.readouterr().out == ""


@respx.mock
def test_explain_asks_the_server_for_an_id(failing: Decision, capsys: Captured) -> None:
    """And shows it as it shows a file."""
    decision = msgspec.structs.replace(failing, gate=True)
    respx.get(f"{API}/decisions/dec_1").mock(return_value=httpx.Response(200, content=as_json(decision)))
    assert main(["explain", "dec_1"]) == 0
    out = capsys.readouterr().out
    assert failing.digests.inputs in out
    assert "not a gate" not in out


@respx.mock
def test_the_secret_of_a_token_goes_to_stdout_alone(capsys: Captured) -> None:
    """So that a shell can take it."""
    respx.post(f"{API}/tokens").mock(
        return_value=httpx.Response(201, json={"token": TOKEN, "secret": "gk_tok1_secret"})
    )
    arguments = ["--scope", "evidence:write", "--project", "pay/*", "--kind", "tests", "--expires-in", "30d"]
    assert main(["token", "create", "ci", *arguments]) == 0
    out, err = capsys.readouterr()
    assert out == "gk_tok1_secret\n"
    assert err == snapshot("""\
token tok_1 (ci), valid until 2027-02-21 10:00 UTC
hint: keep the secret as a protected variable GATEKEEPER_TOKEN; it is not shown again
""")
    assert json.loads(respx.calls.last.request.content) == {
        "name": "ci",
        "scopes": ["evidence:write"],
        "projects": ["pay/*"],
        "refs": ["*"],
        "kinds": ["tests"],
        "expires_in_days": 30,
    }


@respx.mock
def test_tokens_are_listed_rotated_and_revoked(capsys: Captured) -> None:
    """The list has no secret to show."""
    respx.get(f"{API}/tokens").mock(
        return_value=httpx.Response(200, json={"items": [TOKEN, TOKEN | {"revoked_at": AT}]})
    )
    rotated = respx.post(f"{API}/tokens/tok_1/rotate").mock(
        return_value=httpx.Response(201, json={"token": TOKEN, "secret": "gk_new"})
    )
    respx.delete(f"{API}/tokens/tok_1").mock(return_value=httpx.Response(204))
    assert main(["token", "list"]) == 0
    assert capsys.readouterr().out == snapshot("""\
id     name  scopes          projects  refs  kinds  ends                          last used
tok_1  ci    evidence:write  pay/*     *     all    2027-02-21 10:00 UTC          never
tok_1  ci    evidence:write  pay/*     *     all    revoked 2026-11-23 10:00 UTC  never
""")
    assert main(["token", "rotate", "tok_1", "--grace", "90m"]) == 0
    assert capsys.readouterr().out == "gk_new\n"
    assert json.loads(rotated.calls.last.request.content) == {"grace_hours": 2}
    assert main(["token", "revoke", "tok_1"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", "tok_1 is revoked\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "create", "ci", "--project", "x"],
        ["token", "create", "ci", "--scope", "everything", "--project", "x"],
        ["token", "create", "ci", "--scope", "admin", "--project", "x", "--expires-in", "36h"],
        ["token", "rotate", "tok_1", "--grace", "soon"],
        ["check", "--stage", "uat", *SOURCE, "--wait", "soon"],
        ["check", "--stage", "uat"],
        ["submit"],
        ["submit", "none.xml", *SOURCE],
        ["submit", "x", "--close-set", "unit"],
        ["link", *SOURCE],
        ["link", *SOURCE, "--artifact", "latest"],
    ],
)
def test_mistakes_are_2(arguments: list[str], capsys: Captured) -> None:
    """Before anything is sent."""
    assert main(arguments) == 2
    assert capsys.readouterr().out == ""


@respx.mock
def test_projects(capsys: Captured) -> None:
    """Made, listed, shown, and judged by another policy."""
    respx.post(f"{API}/projects").mock(return_value=httpx.Response(201, json=PROJECT))
    respx.get(f"{API}/projects").mock(return_value=httpx.Response(200, json={"items": [PROJECT]}))
    changed = respx.put(f"{API}/projects/prj_1/policy").mock(
        return_value=httpx.Response(200, json=PROJECT | {"policy": "strict"})
    )
    assert main(["project", "create", "pay/api", "--protected-ref", "main"]) == 0
    assert capsys.readouterr().out == snapshot("""\
project           pay/api
id                prj_1
policy            base
default ref       main
protected refs    main
who speaks for it tokens only
made              2026-11-23 10:00 UTC
""")
    assert main(["project", "list"]) == 0
    assert capsys.readouterr().out == snapshot("""\
project  policy  default ref  protected refs
pay/api  base    main         main
""")
    assert main(["project", "show", "pay/api", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == "prj_1"
    assert main(["project", "use", "pay/api", "strict"]) == 0
    assert json.loads(changed.calls.last.request.content) == {"policy": "strict"}
    assert capsys.readouterr().err == "pay/api is judged by the policy strict\n"
    assert main(["project", "show", "pay/web"]) == 1
    assert "project create pay/web" in capsys.readouterr().err


@respx.mock
def test_policies(capsys: Captured) -> None:
    """A file, or a shipped one by name, goes to the server as it is."""
    version = {
        "name": "base",
        "version": 3,
        "digest": "sha256:" + "ab" * 8,
        "author": "token:gk_1",
        "reason": "SEC-12",
        "created_at": AT,
        "in_force": True,
    }
    sent = respx.post(f"{API}/policies", params={"reason": "SEC-12"}).mock(
        return_value=httpx.Response(201, json=version)
    )
    respx.get(f"{API}/policies").mock(return_value=httpx.Response(200, json={"items": [version]}))
    respx.get(f"{API}/policies/base").mock(return_value=httpx.Response(200, json={"items": [version]}))
    assert main(["policy", "import", "base", "--reason", "SEC-12"]) == 0
    assert capsys.readouterr().out == f"policy base version 3, {version['digest']}\n"
    assert (
        sent.calls.last.request.content.startswith(b"#") or b"policy: base" in sent.calls.last.request.content
    )
    assert main(["policy", "list"]) == 0
    assert capsys.readouterr().out == snapshot("""\
policy  version  in force  made                  by          approved by  reason  digest
base    3        yes       2026-11-23 10:00 UTC  token:gk_1  nobody       SEC-12  sha256:abababababababab
""")
    assert main(["policy", "list", "base", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["version"] == 3


@respx.mock
def test_link(capsys: Captured) -> None:
    """Said once; another source is refused by the server."""
    artifact = "sha256:" + "ab" * 32
    built = {
        "project": "pay/api",
        "artifact": artifact,
        "commit": SOURCE[3],
        "tree": SOURCE[5],
        "image": None,
        "trust": "claimed",
        "linked_at": AT,
    }
    route = respx.post(f"{API}/builds").mock(return_value=httpx.Response(201, json=built))
    assert main(["link", "--artifact", artifact, *SOURCE]) == 0
    assert capsys.readouterr().out == (
        f"linked: {artifact} was built from pay/api, tree {SOURCE[5]}, commit {SOURCE[3]} (claimed)\n"
    )
    route.mock(return_value=problem(409, "artifact-of-another-source", "it was built from another tree"))
    assert main(["link", "--artifact", artifact, *SOURCE]) == 1


@respx.mock
def test_a_set_is_closed(capsys: Captured) -> None:
    """A set that lacks parts is said to, and is no success."""
    closed = {
        "project": "pay/api",
        "tree": SOURCE[5],
        "name": "unit",
        "parts": 5,
        "received": [1, 2, 4, 5],
        "missing": [3],
        "state": "incomplete",
    }
    route = respx.post(f"{API}/sets/close").mock(return_value=httpx.Response(200, json=closed))
    assert main(["submit", "--close-set", "unit", *SOURCE]) == 1
    assert capsys.readouterr().out == "set unit is incomplete: 4 of 5 parts, missing 3\n"
    whole = closed | {"received": [1, 2, 3, 4, 5], "missing": [], "state": "complete"}
    route.mock(return_value=httpx.Response(200, json=whole))
    assert main(["submit", "--close-set", "unit", *SOURCE]) == 0


@respx.mock
def test_doctor_looks_at_the_server(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Reached, known, and with the same time; each fault with what to do."""
    monkeypatch.setenv("GATEKEEPER_HOME", str(tmp_path / "home"))

    def seen() -> dict[str, dict[str, str]]:
        main(["doctor", "--json"])
        return {item["check"]: item for item in json.loads(capsys.readouterr().out)}

    ready = respx.get(f"{URL}/readyz")
    ready.mock(return_value=httpx.Response(200, headers={"Date": "Mon, 01 Jan 2001 00:00:00 GMT"}))
    me = respx.get(f"{API}/whoami")
    me.mock(return_value=httpx.Response(200, json={"principal": "p", "method": "token", "scopes": ["admin"]}))
    found = seen()
    assert (found["server"]["health"], found["caller"]["health"]) == ("ok", "ok")
    assert found["caller"]["says"] == "p by GATEKEEPER_TOKEN: admin"
    assert found["clock"]["health"] == "warn"
    assert "ahead of that of the server" in found["clock"]["says"]
    me.mock(return_value=problem(401, "token-expired", "the token has expired"))
    assert seen()["caller"]["health"] == "fail"
    ready.mock(side_effect=httpx.ConnectError("no route"))
    found = seen()
    assert found["server"]["health"] == "fail"
    assert "caller" not in found
    monkeypatch.delenv("GATEKEEPER_URL")
    assert "server" not in seen()
