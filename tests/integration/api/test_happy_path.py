"""Evidence in, a decision out, over HTTP and the typed client: on SQLite, and on PostgreSQL with S3."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from gate_server import GateServer, gate_server, worker

from gatekeeper.client.client import Client
from gatekeeper.client.errors import ServerRefused, Unauthorised
from gatekeeper.client.model import Gate, GateStanding, SetState
from gatekeeper.client.upload import ReportFile, Upload
from gatekeeper.decision import Decision, Outcome

COMMIT, TREE = "a1" * 20, "b2" * 20
ARTIFACT = "sha256:" + "c3" * 32
POLICY = b"""\
schema: gatekeeper/v1
policy: small
owner: tests
stages: [test]
evidence:
  tests: {from: test}
rules:
  - id: tests-pass
    title: All tests pass
    metric: tests.failed
    pass: "== 0"
  - id: tests-run
    title: Tests run at all
    metric: tests.total
    pass: ">= 1"
"""


def junit(*names: str, failing: str = "") -> bytes:
    """A report with these cases."""
    cases = "".join(
        f'<testcase classname="t" name="{name}">{"<failure/>" if name == failing else ""}</testcase>'
        for name in names
    )
    failures = 1 if failing else 0
    return f'<testsuite name="t" tests="{len(names)}" failures="{failures}">{cases}</testsuite>'.encode()


def upload(project: str, report: bytes, **more: str) -> Upload:
    """A report about the source of these tests."""
    file = ReportFile(content=report, name="junit.xml", sha256=hashlib.sha256(report).hexdigest())
    return Upload(**({"project": project, "commit": COMMIT, "tree": TREE, "ref": "main"} | more), report=file)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateServer]:
    """A server of each kind, with somebody who does its jobs."""
    settings: dict[str, str] = {}
    with ExitStack() as stack:
        if request.param == "postgres":
            postgres, s3 = request.getfixturevalue("postgres_server"), request.getfixturevalue("s3_server")
            settings = {
                "GATEKEEPER_DATABASE_URL": postgres.url(postgres.create_database(template=postgres.migrated)),
                "GATEKEEPER_BLOBS": f"s3://{s3.create_bucket()}/blobs",
                "GATEKEEPER_S3_ENDPOINT": s3.endpoint,
                "GATEKEEPER_S3_ACCESS_KEY_ID": s3.access_key_id,
                "GATEKEEPER_S3_SECRET_ACCESS_KEY": s3.secret_access_key,
            }
        running = stack.enter_context(gate_server(tmp_path_factory.mktemp("gate"), **settings))
        with running.client() as client:
            client.import_policy(POLICY, reason="tests")
        if request.param == "postgres":
            stack.enter_context(worker(running))
        yield running


@pytest.fixture
def client(server: GateServer) -> Iterator[Client]:
    """An administrator."""
    with server.client() as made:
        yield made


@pytest.fixture
def project(client: Client, request: pytest.FixtureRequest) -> str:
    """A project of this test, with the small policy."""
    return client.create_project(path=f"pay/{request.function.__name__[:60]}", policy="small").path


def answer(client: Client, **asked: str) -> Gate:
    """The gate's answer, asked again as long as it is being worked out."""
    while True:
        gate = client.gate(**asked)
        if [one.code for one in gate.pending] != ["evaluating"]:
            return gate
        time.sleep(0.05)


def test_from_evidence_to_a_decision_and_back(server: GateServer, client: Client, project: str) -> None:
    """Submit, link, decide, ask; then a red report changes the answer without anybody asking for it."""
    sent = client.submit(upload(project, junit("a", "b"), run="1"))
    assert (sent.is_new, sent.evidence.state, sent.evidence.counter) == (True, "ok", 1)
    assert sent.evidence.metrics["tests.pass_rate"] == "100.00"
    assert not client.submit(upload(project, junit("a", "b"), run="1")).is_new
    built = client.link(project=project, commit=COMMIT, tree=TREE, artifact=ARTIFACT, image="pay/api:1")
    assert (built.tree, built.image) == (TREE, "pay/api:1")

    decision = client.decide(project=project, stage="test", commit=COMMIT, tree=TREE)
    assert isinstance(decision, Decision)
    assert (decision.allowed, decision.outcome) == (True, Outcome.PASS)
    assert decision.policy.version == 1
    assert client.decision(decision.id) == decision
    again = client.decide(project=project, stage="test", commit=COMMIT)
    assert isinstance(again, Decision)
    assert again.id == decision.id

    gate = answer(client, project=project, stage="test", commit=COMMIT)
    assert (gate.allowed, gate.decision) == (True, decision.id)
    assert answer(client, project=project, stage="test", artifact=ARTIFACT).allowed

    client.submit(upload(project, junit("a", "b", failing="b"), run="2"))
    red = answer(client, project=project, stage="test", commit=COMMIT)
    assert (red.allowed, red.state) == (False, GateStanding.DECIDED)
    assert [reason.rule for reason in red.reasons] == ["tests-pass"]
    newest = wait_for_another_decision(server, project, decision.id)
    assert newest["outcome"] == "fail"
    assert client.decision(decision.id) == decision, "what was recorded never changes"
    listed = client.evidence_of(project=project, commit=COMMIT).items
    assert [(one.counter, one.is_current) for one in listed] == [(2, True), (1, False)]


def wait_for_another_decision(server: GateServer, project: str, known: str) -> dict[str, str]:
    """The newest decision once the jobs have made one."""
    with server.http() as http:
        for _ in range(200):
            found = http.get("/api/v1/decisions", params={"project": project, "stage": "test", "limit": "1"})
            newest: dict[str, str] = found.json()["items"][0]
            if newest["id"] != known:
                return newest
            time.sleep(0.1)
    raise AssertionError("no job judged the subject again")


def test_parts_of_a_set_only_count_together(client: Client, project: str) -> None:
    """While a part is missing the gate is pending, and neither records nor allows anything."""
    client.submit(upload(project, junit("a"), run="7", set="unit", part="1/2", name="unit-1"))
    early = client.decide(project=project, stage="test", commit=COMMIT)
    assert isinstance(early, Gate)
    assert (early.state, early.allowed, early.pending[0].code) == (GateStanding.PENDING, False, "set-open")
    assert early.retry_after_s
    assert answer(client, project=project, stage="test", commit=COMMIT).state is GateStanding.PENDING
    client.submit(upload(project, junit("b"), run="7", set="unit", part="2/2", name="unit-2"))
    whole = client.close_set(project=project, commit=COMMIT, tree=TREE, name="unit", run="7")
    assert (whole.state, whole.received, whole.missing) == (SetState.COMPLETE, (1, 2), ())
    decision = client.decide(project=project, stage="test", commit=COMMIT)
    assert isinstance(decision, Decision)
    assert decision.allowed


def test_an_unreadable_report_after_a_good_one_is_the_word_that_counts(client: Client, project: str) -> None:
    """It is refused with its receipt, and the old pass no longer stands."""
    client.submit(upload(project, junit("a"), run="1"))
    assert answer(client, project=project, stage="test", commit=COMMIT).allowed
    with pytest.raises(ServerRefused) as refused:
        client.submit(upload(project, b"<testsuite", run="2"))
    assert (refused.value.status, refused.value.code) == (422, "report-unreadable")
    receipt = refused.value.evidence
    assert receipt is not None
    assert (receipt.state, receipt.accepted, receipt.is_current) == ("unreadable", False, True)
    assert not answer(client, project=project, stage="test", commit=COMMIT).allowed


def test_what_was_said_once_stands(client: Client, project: str) -> None:
    """Another source for an artifact, another tree for a commit, another total for a set: refused."""
    client.submit(upload(project, junit("a"), set="s", part="1/3", run="1"))
    client.link(project=project, commit=COMMIT, tree=TREE, artifact=ARTIFACT)
    for code, call in {
        "artifact-of-another-source": lambda: client.link(
            project=project, commit="d4" * 20, tree="e5" * 20, artifact=ARTIFACT
        ),
        "commit-of-another-tree": lambda: client.submit(upload(project, junit("b"), tree="e5" * 20)),
        "set-contradicts": lambda: client.submit(upload(project, junit("b"), set="s", part="2/4", run="1")),
        "project-exists": lambda: client.create_project(path=project, policy="strict"),
    }.items():
        with pytest.raises(ServerRefused) as refused:
            call()
        assert (refused.value.status, refused.value.code) == (409, code)


def test_tokens_from_their_making_to_their_end(server: GateServer, client: Client) -> None:
    """The secret is shown once; a rotated token has the same grant; a revoked one is worth nothing."""
    made = client.create_token(name="ci", scopes=["gate:read"], projects=["pay/*"], expires_in_days=7)
    with server.client(made.secret) as holder:
        who = holder.whoami()
        assert (who.scopes, who.projects) == (("gate:read",), ("pay/*",))
        with pytest.raises(Unauthorised) as denied:
            holder.tokens()
        assert (denied.value.status, denied.value.code) == (403, "scope-missing")
        assert "admin" in str(denied.value)
        new = client.rotate_token(made.token.id, grace_hours=1)
        assert new.token.scopes == made.token.scopes
        assert holder.whoami().principal == who.principal
        client.revoke_token(made.token.id)
        with pytest.raises(Unauthorised) as ended:
            holder.whoami()
        assert ended.value.code == "token-revoked"
    assert made.secret not in server.log.read_text()
    assert {one.id for one in client.tokens().items} >= {made.token.id, new.token.id}
