"""What senders get wrong or try: each is refused with its reason, and nothing of it becomes a pass."""

import base64
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from api_rows import KNOWN_ROWS, Row, World, refused
from gate_server import GateServer, gate_server
from local_issuer import COMMIT as JOBS_COMMIT
from local_issuer import LocalIssuer

V1 = "/api/v1"
COMMIT, TREE = "a1" * 20, "b2" * 20
ARTIFACT = "sha256:" + "c3" * 32
GREEN = b'<testsuite tests="1"><testcase classname="t" name="a"/></testsuite>'
LIMIT = 1024 * 1024
"""GATEKEEPER_MAX_BODY_BYTES of the server of these tests."""
POLICY = b"""\
schema: gatekeeper/v1
policy: bad-input
owner: tests
stages: [test]
rules:
  - {id: pass, title: No test fails, metric: tests.failed, pass: "== 0"}
  - {id: run, title: Tests ran, metric: tests.total, pass: ">= 1"}
"""


@pytest.fixture(scope="module")
def http(live_server: GateServer) -> Iterator[httpx.Client]:
    """An administrator."""
    with live_server.http() as client:
        client.post(f"{V1}/policies", content=POLICY).raise_for_status()
        yield client


@pytest.fixture
def project(http: httpx.Client, request: pytest.FixtureRequest) -> str:
    """A project of this test."""
    name = "bad/" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]
    http.post(f"{V1}/projects", json={"path": name, "policy": "bad-input"}).raise_for_status()
    return name


def send(
    http: httpx.Client, project: str, body: bytes, *, headers: Any = None, **about: str
) -> httpx.Response:
    """A report about the source of these tests."""
    params = {"project": project, "commit": COMMIT, "tree": TREE, "name": "unit"} | about
    params = {name: value for name, value in params.items() if value}
    return http.post(f"{V1}/evidence", params=params, content=body, headers=headers)


def decide(http: httpx.Client, project: str, **about: str) -> dict[str, Any]:
    """The decision about the source of these tests."""
    asked = {"project": project, "stage": "test"} | (about or {"commit": COMMIT})
    answer = http.post(f"{V1}/decisions", json=asked)
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


BOMB = bytes(64 * LIMIT)
BODIES = {
    "over the limit": (413, "body-too-large", bytes(LIMIT + 1), {}),
    "over the limit, chunked": (413, "body-too-large", iter([bytes(LIMIT), b"x"]), {}),
    "a gzip bomb": (413, "body-too-large", gzip.compress(BOMB), {"content-encoding": "gzip"}),
    "a zstd bomb": (
        422,
        "report-unreadable",
        zstandard.compress(BOMB),
        {"content-encoding": "zstd"},
    ),
    "gzip that expands over the limit": (
        413,
        "body-too-large",
        gzip.compress(bytes(range(256)) * (3 * LIMIT // 256)),
        {"content-encoding": "gzip"},
    ),
    "cut gzip": (422, "report-unreadable", gzip.compress(GREEN)[:-9], {"content-encoding": "gzip"}),
    "no gzip at all": (422, "report-unreadable", GREEN, {"content-encoding": "gzip"}),
    "no zstd at all": (422, "report-unreadable", GREEN, {"content-encoding": "zstd"}),
    "half a report": (422, "report-unreadable", GREEN[:40], {}),
    "nothing": (422, "report-unreadable", b"", {}),
    "something else": (422, "report-unreadable", b"All 12 tests passed. Honestly.", {}),
    "a billion laughs": (
        422,
        "report-unreadable",
        b'<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;">]><testsuite>&m;</testsuite>',
        {},
    ),
    "deep JSON": (422, "report-unreadable", b"[" * 200_000, {}),
}


@pytest.mark.parametrize("what", BODIES)
def test_after_a_good_report_a_bad_body_is_the_word_that_counts(
    http: httpx.Client, project: str, what: str
) -> None:
    """It is recorded with the reason, its old pass is gone, and a good one brings it back."""
    status, code, body, headers = BODIES[what]
    assert send(http, project, GREEN).status_code == 201
    assert decide(http, project)["allowed"]
    answer = send(http, project, body, headers=headers)  # type: ignore[arg-type]
    refused(answer, status, code)
    receipt = answer.json()["evidence"]
    assert (receipt["state"], receipt["accepted"], receipt["is_current"]) == ("unreadable", False, True)
    assert receipt["problems"], "nobody is told why"
    assert not decide(http, project)["allowed"]
    assert send(http, project, GREEN, run="2").status_code == 201
    assert decide(http, project)["allowed"]


def test_the_same_bytes_with_the_right_header_are_no_repetition(http: httpx.Client, project: str) -> None:
    """Whoever sends a plain report as gzip can send it again as it is."""
    wrong = send(http, project, GREEN, headers={"content-encoding": "gzip"}, run="1")
    refused(wrong, 422, "report-unreadable")
    assert send(http, project, GREEN, run="1").status_code == 201
    assert decide(http, project)["allowed"]


def test_a_report_of_a_kind_that_nobody_names_hides_no_older_one(http: httpx.Client, project: str) -> None:
    """It stands for all that was received under its name."""
    send(http, project, GREEN)
    assert refused(send(http, project, b"\x00\x01"), 422, "report-unreadable") is None
    assert not decide(http, project)["allowed"]


def test_encodings_that_nobody_reads_are_refused_before_anything(http: httpx.Client, project: str) -> None:
    """415, and nothing was recorded."""
    for encoding in ("br", "gzip, gzip", "deflate"):
        answer = send(http, project, zlib.compress(GREEN), headers={"content-encoding": encoding})
        refused(answer, 415, "unknown-encoding")
    assert http.get(f"{V1}/evidence", params={"project": project}).json()["items"] == []


def form(**parts: bytes) -> tuple[bytes, dict[str, str]]:
    """multipart/form-data, by hand."""
    body = io.BytesIO()
    for name, content in parts.items():
        body.write(b'--x\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n' % name.encode())
        body.write(content + b"\r\n")
    body.write(b"--x--\r\n")
    return body.getvalue(), {"content-type": "multipart/form-data; boundary=x"}


def commit_object(tree: str) -> tuple[str, bytes]:
    """A commit with this tree, and its id."""
    raw = f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nwords\n".encode()
    return hashlib.sha1(b"commit %d\0" % len(raw) + raw, usedforsecurity=False).hexdigest(), raw


def test_the_commit_object_proves_the_tree_and_nothing_else(http: httpx.Client, project: str) -> None:
    """It makes `tree` unnecessary; bytes of another commit, and another tree beside it, are refused."""
    commit, raw = commit_object(TREE)
    body, headers = form(report=GREEN, commit=raw)
    proven = send(http, project, body, headers=headers, commit=commit, tree="")
    assert (proven.status_code, proven.json()["tree"]) == (201, TREE)
    refused(send(http, project, body, headers=headers, commit=COMMIT, tree=""), 422, "commit-not-proven")
    refused(
        send(http, project, body, headers=headers, commit=commit, tree="e5" * 20), 422, "bad-parameter", TREE
    )
    refused(send(http, project, GREEN, commit="f6" * 20, tree=""), 422, "bad-parameter", "which tree")


def test_a_job_with_the_commit_object_is_believed_further_than_any_token(
    http: httpx.Client, live_server: GateServer, issuer: LocalIssuer
) -> None:
    """What it sent is `bound`, and a token's report of the same name does not replace it."""
    commit, raw = commit_object(TREE)
    path = "bad/bound"
    linked = {"path": path, "policy": "bad-input", "issuer": issuer.url, "provider_id": "4242"}
    http.post(f"{V1}/projects", json=linked).raise_for_status()
    job = issuer.gitlab_token(project_id="4242", project_path=path, sha=commit)
    body, headers = form(report=GREEN, commit=raw)
    with live_server.http(job) as as_job:
        sent = send(as_job, path, body, headers=headers, commit=commit)
        assert (sent.status_code, sent.json()["trust"], sent.json()["ref"]) == (201, "bound", "main")
    red = GREEN.replace(b"/></t", b"><failure/></testcase></t")
    claimed = send(http, path, red, commit=commit)
    assert (claimed.json()["trust"], claimed.json()["is_current"]) == ("claimed", False)
    assert decide(http, path, commit=commit)["allowed"]


FORMS = {
    "no report": ({"commit": b"x"}, "report"),
    "an unknown part": ({"report": GREEN, "extra": b"x"}, "extra"),
}


@pytest.mark.parametrize("what", FORMS)
def test_forms_that_are_no_uploads_are_refused(http: httpx.Client, project: str, what: str) -> None:
    """A mistake of the sender, and no report: nothing was recorded."""
    parts, word = FORMS[what]
    body, headers = form(**parts)
    refused(send(http, project, body, headers=headers), 422, "bad-parameter", word)
    assert http.get(f"{V1}/evidence", params={"project": project}).json()["items"] == []


ABOUT = {
    "commit": ("short", "deadbeef"),
    "tree": ("upper case", "B2" * 20),
    "artifact": ("no algorithm", "c3" * 32),
    "name": ("spaces", "my tests"),
    "job": ("control characters", "a\x00b"),
    "ref": ("a space", "my branch"),
    "kind": ("a kind that is none", "test"),
    "part": ("no number", "two"),
    "fork": ("not a path", "//"),
    "format": ("a format that is none", "junitt"),
}


@pytest.mark.parametrize("name", ABOUT)
def test_every_word_about_a_report_is_checked(http: httpx.Client, project: str, name: str) -> None:
    """422, naming the word; nothing was recorded."""
    answer = send(http, project, GREEN, **{name: ABOUT[name][1]})
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in ("bad-parameter", "unknown-format")
    assert name in answer.text
    assert http.get(f"{V1}/evidence", params={"project": project}).json()["items"] == []


PARTS = {
    "part beyond the total": {"set": "s", "part": "3/2"},
    "part zero": {"set": "s", "part": "0/2"},
    "part without a set": {"part": "1/2"},
    "set without a part": {"set": "s"},
    "more parts than allowed": {"set": "s", "part": "1/1001"},
}


@pytest.mark.parametrize("what", PARTS)
def test_parts_that_cannot_be_are_refused(http: httpx.Client, project: str, what: str) -> None:
    """And no set begins."""
    refused(send(http, project, GREEN, **PARTS[what]), 422, "bad-parameter")
    assert decide_status(http, project) == 404


def decide_status(http: httpx.Client, project: str) -> int:
    """The status of a question about the source of these tests."""
    asked = {"project": project, "stage": "test", "commit": COMMIT}
    return http.post(f"{V1}/decisions", json=asked).status_code


def test_a_part_that_contradicts_the_set_is_refused_and_changes_nothing(
    http: httpx.Client, project: str
) -> None:
    """Another total, or a part beyond the one that was told."""
    assert send(http, project, GREEN, set="s", part="1/2", run="1").status_code == 201
    refused(send(http, project, GREEN, name="b", set="s", part="2/3", run="1"), 409, "set-contradicts")
    refused(send(http, project, GREEN, name="b", set="s", part="3", run="1"), 409, "set-contradicts")
    assert len(http.get(f"{V1}/evidence", params={"project": project}).json()["items"]) == 1
    assert decide_status(http, project) == 202


def test_reports_of_forks_are_refused_unless_somebody_allowed_them(http: httpx.Client, project: str) -> None:
    """With the setting to change."""
    answer = send(http, project, GREEN, fork="stranger/api")
    refused(answer, 422, "fork-refused")
    assert "GATEKEEPER_ACCEPT_FORKS" in answer.json()["hint"]


def test_a_report_of_another_source_or_artifact_counts_for_nothing_here(
    http: httpx.Client, project: str
) -> None:
    """An artifact that nobody linked has no reports of a source; a linked one only those of its own."""
    send(http, project, GREEN, commit="f6" * 20, tree="e5" * 20)
    assert decide_status(http, project) == 404
    unlinked = decide(http, project, artifact=ARTIFACT)
    assert (unlinked["allowed"], unlinked["subject"]["source"]) == (False, None)
    link = {"project": project, "commit": COMMIT, "tree": TREE, "artifact": ARTIFACT}
    http.post(f"{V1}/builds", json=link).raise_for_status()
    assert not decide(http, project, artifact=ARTIFACT)["allowed"]
    send(http, project, GREEN)
    assert decide(http, project, artifact=ARTIFACT)["allowed"]
    other = http.get(
        f"{V1}/gate",
        params={"project": project, "stage": "test", "artifact": ARTIFACT, "commit": "f6" * 20},
    )
    refused(other, 409, "artifact-of-another-source")


@pytest.mark.parametrize(
    "row", [row for row in KNOWN_ROWS if row.path.startswith(V1)], ids=lambda row: row.name
)
def test_no_route_ignores_a_parameter_that_it_does_not_know(world: World, row: Row) -> None:
    """`artefact=` asks another question than was meant; the same word twice asks two."""
    path = row.path.replace("{id}", row.id(world)).replace("{name}", "base").replace("{version}", "1")
    headers = {"authorization": f"Bearer {world.server.admin}"}
    first = next(iter(row.query), "artefact")
    for extra, word in ((("artefact", "x"), "artefact"), ((first, row.query.get(first, "x")), first)):
        params = [*row.query.items(), extra]
        answer = world.http.request(
            row.method, path, params=params, headers=headers, json=None, content=row.content or b"{}"
        )
        refused(answer, 422, "bad-parameter", word)


JSON_ROWS = [row for row in KNOWN_ROWS if row.json is not None]


@pytest.mark.parametrize("row", JSON_ROWS, ids=lambda row: row.name)
def test_json_bodies_are_read_strictly(world: World, row: Row) -> None:
    """An unknown word, a wrong type, another media type, no JSON, too much: each says what it is."""
    path = row.path.replace("{id}", row.id(world))
    right = row.json(world) if callable(row.json) else dict(row.json or {})
    headers = {"authorization": f"Bearer {world.server.admin}"}

    def ask(**options: Any) -> httpx.Response:
        return world.http.request(
            row.method, path, headers={**headers, **options.pop("headers", {})}, **options
        )

    refused(ask(json={**right, "polciy": 1}), 422, "bad-parameter", "polciy")
    name = next(iter(right))
    refused(ask(json={**right, name: {"a": 1}}), 422, "bad-parameter", name)
    refused(ask(json=[right]), 422, "bad-parameter")
    refused(ask(content=b"{", headers={"content-type": "application/json"}), 422, "bad-parameter", "JSON")
    refused(ask(content=b'{"a":"\xff"}'), 422, "bad-parameter")
    refused(ask(content=b"[" * 100_000), 422, "bad-parameter")
    refused(ask(data={"a": "b"}), 415, "unsupported-media-type")
    refused(ask(content=b" " * 200_000), 413, "body-too-large", "131,072")
    assert ask().status_code == 422


def test_a_policy_over_the_limit_is_refused(http: httpx.Client) -> None:
    """With the setting."""
    answer = http.post(f"{V1}/policies", content=b"#" * 200_000)
    refused(answer, 413, "body-too-large", "GATEKEEPER_MAX_JSON_BYTES")


CURSORS = {
    "no base64": "????",
    "of another list": base64.urlsafe_b64encode(b'["tokens","x"]').decode().rstrip("="),
    "of another type": base64.urlsafe_b64encode(b'["projects",7]').decode().rstrip("="),
    "written in another way": base64.urlsafe_b64encode(b'["projects", "x"]').decode().rstrip("="),
    "with a zero byte": base64.urlsafe_b64encode(b'["projects","\\u0000"]').decode().rstrip("="),
    "deep": base64.urlsafe_b64encode(b"[" * 2_000).decode().rstrip("="),
}


@pytest.mark.parametrize("what", CURSORS)
def test_a_cursor_that_the_server_did_not_make_is_refused(http: httpx.Client, what: str) -> None:
    """It is opaque, and nobody may build one."""
    refused(http.get(f"{V1}/projects", params={"cursor": CURSORS[what]}), 422, "bad-parameter", "cursor")


@pytest.mark.parametrize(
    "query",
    [
        "project=a/b&stage=s",
        "stage=s&commit=" + COMMIT,
        "project=&stage=s&commit=" + COMMIT,
        "project=a/b&stage=s&commit=abc",
        "project=a/b&stage=s&commit=" + COMMIT + "&http_status=yes",
        "project=a/b&stage=s&commit=" + COMMIT + "&commit=" + COMMIT,
        "project=a/b&stage=s%00&commit=" + COMMIT,
        "project=a/b&stage=s&commit=%ff",
        "&".join(f"a{number}=1" for number in range(50)),
    ],
)
def test_the_gate_reads_its_query_as_strictly_as_the_others(http: httpx.Client, query: str) -> None:
    """Although nothing of the framework looks at it."""
    refused(http.get(f"{V1}/gate?{query}"), 422, "bad-parameter")


def test_methods_that_a_path_does_not_have_are_named(http: httpx.Client) -> None:
    """405 with all that it has."""
    answer = http.patch(f"{V1}/projects")
    refused(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"


def test_wrong_credentials_are_counted_and_right_ones_never_pay_for_them(tmp_path: Path) -> None:
    """The eleventh within a minute is answered with 429; a right token from the same address goes on."""
    with gate_server(tmp_path) as server, server.http() as right, server.http("gk_wrong") as wrong:
        right.get(f"{V1}/whoami").raise_for_status()
        answers = [wrong.get(f"{V1}/whoami") for _ in range(12)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
        refused(answers[-1], 429, "too-many-requests", "GATEKEEPER_AUTH_FAILURES_PER_MINUTE")
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 6
        assert right.get(f"{V1}/whoami").status_code == 200


def test_only_a_trusted_proxy_says_who_asks(tmp_path: Path) -> None:
    """Behind one, each client has its own count; from anybody else the header is a claim."""
    forwarded = {"x-forwarded-for": "192.0.2.7"}
    for trusted, address in (('["127.0.0.1"]', "192.0.2.7"), ("[]", "127.0.0.1")):
        settings = {
            "GATEKEEPER_TRUSTED_PROXIES": trusted,
            "GATEKEEPER_AUTH_FAILURES_PER_MINUTE": "1",
        }
        with gate_server(tmp_path / address, **settings) as server, server.http("gk_wrong") as wrong:
            assert wrong.get(f"{V1}/whoami", headers=forwarded).status_code == 401
            refused(wrong.get(f"{V1}/whoami", headers=forwarded), 429, "too-many-requests", address)
            other = wrong.get(f"{V1}/whoami", headers={"x-forwarded-for": "192.0.2.8"})
            assert other.status_code == (401 if address == "192.0.2.7" else 429)


def test_a_job_of_another_commit_cannot_lend_its_identity(
    live_server: GateServer, issuer: LocalIssuer
) -> None:
    """A replayed id_token speaks for its own commit alone."""
    with live_server.http(issuer.gitlab_token()) as http:
        refused(send(http, "pay/api", GREEN, commit="f6" * 20), 403, "claims-mismatch", JOBS_COMMIT)
