"""Two people change a policy with the command line, on a server as it comes."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from api_rows import V1, World
from gate_server import GATEKEEPER, WITHIN_S, GateServer, gate_server
from local_issuer import LocalIssuer
from policy_people import policy

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateServer]:
    """One that takes no policy from a token once somebody could approve it."""
    with gate_server(tmp_path_factory.mktemp("review")) as running:
        yield running


@pytest.fixture(scope="module")
def people(server: GateServer, issuer: LocalIssuer) -> Iterator[dict[str, str]]:
    """The secrets of the sessions of an author and of two approvers, one of whom holds little."""
    with httpx.Client(base_url=server.base, trust_env=False, timeout=WITHIN_S) as http:
        world = World(server, issuer, http)
        with server.client() as client:
            client.import_policy(policy(1, name="reviewed"), reason="before anybody could approve")
        security = ("policy:write", "policy:approve", "gate:read", "audit:read")
        yield {
            "author": world.session(*security, projects=("*",)),
            "approver": world.session(*security, projects=("*",)),
            "far": world.session("policy:approve", "gate:read", projects=("far/*",)),
            "admin": server.admin,
        }


@pytest.fixture
def run(server: GateServer, people: dict[str, str], tmp_path: Path) -> Run:
    """Runs `gatekeeper policy ARGS` as one of them."""

    def command(who: str, *args: str) -> subprocess.CompletedProcess[str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")}
        environ |= {"GATEKEEPER_URL": server.base, "GATEKEEPER_TOKEN": people[who], "HOME": str(tmp_path)}
        return subprocess.run(
            [GATEKEEPER, "policy", *args], env=environ, capture_output=True, text=True, timeout=WITHIN_S
        )

    return command


def said(done: subprocess.CompletedProcess[str], code: int, *words: str) -> str:
    """What it printed, when it ended as expected."""
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    for word in words:
        assert word in text, text
    return done.stdout


def draft_in(text: str) -> str:
    """The id in the first line of a command's answer."""
    return next(word for word in text.split() if word.startswith("pdr_"))


def test_a_change_goes_through_two_people(run: Run, tmp_path: Path) -> None:
    """Neither the token nor the author alone; the approver sees what changes first."""
    file = tmp_path / "reviewed.yaml"
    file.write_bytes(policy(5, name="reviewed", more='applies_to: ["near/*"]\n'))
    said(run("admin", "import", str(file)), 4, "policy-needs-review", "policy draft")
    made = draft_in(said(run("admin", "draft", str(file), "--reason", "more tests"), 0, ": draft"))
    said(run("admin", "submit", made), 4, "person-needed")
    said(run("author", "submit", made), 0, "submitted")
    said(run("author", "approve", made, "--digest", "sha256:no"), 2)
    digest = next(
        word for word in run("approver", "approve", made).stdout.split() if word.startswith("sha256:")
    )
    said(run("author", "approve", made, "--digest", digest), 4, "own-draft")
    said(run("far", "approve", made, "--digest", digest), 4, "project-not-granted")
    said(run("approver", "approve", made, "--digest", digest), 0, "tests-exist", "approved, version")
    said(run("admin", "list", "reviewed"), 0, "reviewed")


def test_a_draft_with_faults_is_told_and_kept(run: Run, tmp_path: Path) -> None:
    """It is saved, ends with 1, and cannot be submitted before it is mended."""
    file = tmp_path / "faulty.yaml"
    file.write_text("schema: gatekeeper/v1\npolicy: faulty\nowner: o\nrulez: []\n")
    made = draft_in(said(run("author", "draft", str(file)), 1, "fault:", "rulez"))
    said(run("author", "submit", made), 1, "draft-not-sound")
    file.write_bytes(policy(1, name="faulty"))
    said(run("author", "draft", str(file), "--id", made, "--revision", "9"), 1, "draft-changed")
    said(run("author", "draft", str(file), "--id", made), 0, "revision 2")
    said(run("author", "submit", made), 0)
    said(run("approver", "reject", made, "--comment", "not now"), 0, "rejected")
    said(run("approver", "drafts", "faulty", "--state", "rejected"), 0, made)


def test_a_rollback_takes_one_more_person(run: Run, tmp_path: Path) -> None:
    """And becomes a version of its own."""
    file = tmp_path / "reviewed.yaml"
    file.write_bytes(policy(7, name="reviewed"))
    made = draft_in(said(run("author", "publish", str(file), "--reason", "x"), 0, "submitted"))
    said(run("author", "withdraw", made), 0, "withdrawn")
    back = draft_in(
        said(run("approver", "rollback", "reviewed", "1", "--reason", "it blocks"), 0, "submitted")
    )
    digest = next(word for word in run("author", "approve", back).stdout.split() if "sha256:" in word)
    said(run("approver", "approve", back, "--digest", digest), 4, "own-draft")
    said(run("author", "approve", back, "--digest", digest), 0, "approved, version")


def test_a_folder_is_compared_and_drafted(run: Run, tmp_path: Path) -> None:
    """What was exported is the same; what is changed, new or gone is named, and only drafts are made."""
    folder = tmp_path / "policies"
    said(run("admin", "export", str(folder)), 0, "base.yaml", "reviewed.yaml")
    said(run("admin", "sync", str(folder), "--check"), 0, "base: same")
    (folder / "base.yaml").unlink()
    (folder / "reviewed.yaml").write_bytes(policy(8, name="reviewed"))
    (folder / "brand-new.yaml").write_bytes(policy(1, name="brand-new"))
    told = ("base: only on the server", "reviewed: differs", "brand-new: new")
    said(run("admin", "sync", str(folder), "--check"), 1, *told)
    said(run("admin", "drafts", "brand-new"), 0)
    said(
        run("admin", "sync", str(folder)), 0, *told, "of policy brand-new: draft", "of policy reviewed: draft"
    )
    (folder / "twice.yaml").write_bytes(policy(2, name="brand-new"))
    said(run("admin", "sync", str(folder)), 2, "two files")
    said(run("admin", "sync", str(tmp_path / "none"), "--check"), 2)


def test_which_policy_decides_is_told_with_its_reason(run: Run) -> None:
    """Also for a project that is not there yet."""
    said(run("admin", "resolve", "not/there"), 0, "base@1 would decide", "default")
    assert '"why": "default"' in said(run("admin", "resolve", "not/there", "--json"), 0)
    said(run("far", "resolve", "pay/api"), 4, "project-not-granted")


def test_a_conflict_carries_the_difference(server: GateServer, people: dict[str, str]) -> None:
    """As a member of the problem, in words."""
    with server.http(people["author"]) as http:
        path = f"{V1}/policies/edited/drafts"
        made = http.post(path, content=policy(1, name="edited")).raise_for_status().json()
        save = f"{V1}/policy-drafts/{made['id']}"
        http.put(save, params={"revision": 1}, content=policy(2, name="edited")).raise_for_status()
        late = http.put(save, params={"revision": 1}, content=policy(3, name="edited"))
        assert (late.status_code, late.json()["code"]) == (409, "draft-changed")
        assert any("tests-exist" in change for change in late.json()["changes"])
        when = {"revision": 2, "in_force_from": "2030-01-01T00:00:00"}
        assert http.put(save, params=when, content=policy(3, name="edited")).status_code == 422


def test_the_backtest_that_the_approver_looked_at_is_kept(
    server: GateServer, people: dict[str, str], run: Run, tmp_path: Path
) -> None:
    """One of another content is refused, and so is one that does not exist."""
    file = tmp_path / "tried.yaml"
    file.write_bytes(policy(3, name="tried"))
    made = draft_in(said(run("author", "publish", str(file), "--reason", "x"), 0))
    with server.http(people["approver"]) as http:
        digest = http.get(f"{V1}/policy-drafts/{made}").raise_for_status().json()["check"]["digest"]
        tried = {limit: tried_on(http, policy(limit, name="tried")) for limit in (3, 4)}
    approve = ("approve", made, "--digest", digest, "--backtest")
    said(run("approver", *approve, "none"), 1, "backtest-not-found")
    said(run("approver", *approve, tried[4]), 1, "not of this draft")
    said(run("approver", *approve, tried[3]), 0, "approved, version 1")
    with server.http() as http:
        kept = http.get(f"{V1}/policy-drafts/{made}").json()["backtest"]
    assert len(kept) == 64


def tried_on(http: httpx.Client, text: bytes) -> str:
    """The id of a backtest of this content that is done."""
    ordered = http.post(f"{V1}/policies/tried/backtest", content=text).raise_for_status().json()["id"]
    while (found := http.get(f"{V1}/backtests/{ordered}").raise_for_status().json())["result"] is None:
        assert found["state"] in ("queued", "running"), found
        time.sleep(0.05)
    return str(ordered)
