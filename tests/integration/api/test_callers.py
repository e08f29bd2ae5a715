"""Every route and every kind of caller: who may, who may not, and what the refusal names.

A route of the application without a row in `ROWS` fails; so does a row without a route.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest
from gate_server import GateServer
from local_issuer import COMMIT, LocalIssuer

from gatekeeper.caller import JOB_SCOPES, Scope
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.app import create_app
from gatekeeper_api.routes import ROUTERS
from gatekeeper_api.services import Services

PROJECT, TREE, STAGE = "pay/api", "b2" * 20, "develop"
OTHER_COMMIT = "d4" * 20
ARTIFACT = "sha256:" + "c3" * 32
JUNIT = b'<testsuite tests="1"><testcase classname="t" name="a"/></testsuite>'
EVERY_SCOPE = [scope for scope in Scope if scope is not Scope.ADMIN]
SOURCE = {"project": PROJECT, "commit": COMMIT, "tree": TREE}
PART = {**SOURCE, "name": "part", "set": "s", "part": "1/1", "run": "574", "attempt": "1"}


@dataclass
class World:
    """What the rows need ids of."""

    server: GateServer
    issuer: LocalIssuer
    http: httpx.Client
    project_id: str = ""
    evidence_id: str = ""
    decision_id: str = ""
    expired: str = ""
    revoked: str = ""

    def fresh_token(self) -> str:
        """The id of a token that a row may end."""
        with self.server.client() as client:
            return client.create_token(name="to be ended", scopes=["gate:read"], projects=[]).token.id


@dataclass(frozen=True)
class Row:
    """One route: a request that is right, and what it takes."""

    method: str
    path: str
    scope: Scope | None
    """None: any caller who is known; for `is_public` not even that."""
    ok: frozenset[int] = frozenset({200})
    project: str = ""
    """`path`: the request names a project; `id`: a thing of one; `all`: it lists what is in reach."""
    names_commit: bool = False
    is_public: bool = False
    query: dict[str, str] = field(default_factory=dict)
    json: dict[str, Any] | Callable[[World], dict[str, Any]] | None = None
    content: bytes | None = None
    id: Callable[[World], str] = lambda _world: ""
    before: Callable[[World, dict[str, str]], object] = lambda _world, _headers: None
    """What the same caller does first, whatever comes of it."""

    @property
    def name(self) -> str:
        """As the application names it."""
        return f"{self.method} {self.path}"

    def send(self, world: World, credential: str | None) -> httpx.Response:
        """The answer to somebody with this credential."""
        path = self.path.replace("{id}", self.id(world)).replace("{name}", "base").replace("{version}", "1")
        headers, content = {}, self.content
        if credential is not None:
            headers["Authorization"] = credential if " " in credential else f"Bearer {credential}"
        if self.json is not None:
            content = msgspec.json.encode(self.json(world) if callable(self.json) else self.json)
            headers["Content-Type"] = "application/json"
        self.before(world, headers)
        while True:
            answer = world.http.request(
                self.method, path, params=self.query, headers=headers, content=content
            )
            if '"evaluating"' not in answer.text:
                return answer
            time.sleep(0.05)


def of(name: str, scope: Scope | None, *ok: int, **more: Any) -> Row:
    """A row."""
    method, path = name.split()
    return Row(method, path, scope, ok=frozenset(ok or {200}), **more)


V1 = "/api/v1"
READ, WRITE, ADMIN = Scope.GATE_READ, Scope.EVIDENCE_WRITE, Scope.ADMIN
OF_SOURCE = {"project": PROJECT, "commit": COMMIT}
ROWS = [
    of("GET /healthz", None, is_public=True),
    of("GET /readyz", None, is_public=True),
    of("GET /docs", None, is_public=True),
    of("GET /openapi.json", None, is_public=True),
    of("GET /metrics", Scope.METRICS_READ),
    of(
        f"GET {V1}/gate",
        READ,
        200,
        202,
        project="path",
        names_commit=True,
        query={**OF_SOURCE, "stage": STAGE},
    ),
    of(
        f"POST {V1}/evidence",
        WRITE,
        200,
        201,
        project="path",
        names_commit=True,
        query=SOURCE,
        content=JUNIT,
    ),
    of(f"GET {V1}/evidence", READ, project="path", query=OF_SOURCE),
    of(f"GET {V1}/evidence/{{id}}", READ, project="id", id=lambda world: world.evidence_id),
    of(
        f"GET {V1}/evidence/{{id}}/report",
        Scope.AUDIT_READ,
        project="id",
        id=lambda world: world.evidence_id,
    ),
    of(
        f"POST {V1}/sets/close",
        WRITE,
        project="path",
        names_commit=True,
        json={**SOURCE, "set": "s", "run": "574", "attempt": "1"},
        before=lambda world, headers: world.http.post(
            f"{V1}/evidence", params=PART, headers=headers, content=JUNIT
        ),
    ),
    of(
        f"POST {V1}/builds",
        WRITE,
        200,
        201,
        project="path",
        names_commit=True,
        json={**SOURCE, "artifact": ARTIFACT},
    ),
    of(f"GET {V1}/builds", READ, project="path", query={"project": PROJECT, "artifact": ARTIFACT}),
    of(
        f"POST {V1}/decisions",
        Scope.DECISION_WRITE,
        200,
        201,
        project="path",
        names_commit=True,
        json={**OF_SOURCE, "stage": STAGE},
    ),
    of(f"GET {V1}/decisions", READ, project="path", query={"project": PROJECT, "stage": STAGE}),
    of(f"GET {V1}/decisions/{{id}}", READ, project="id", id=lambda world: world.decision_id),
    of(
        f"POST {V1}/projects",
        Scope.PROJECT_CREATE,
        200,
        201,
        project="path",
        json=lambda world: {"path": PROJECT, "issuer": world.issuer.url, "provider_id": "42"},
    ),
    of(f"GET {V1}/projects", READ, project="all"),
    of(f"GET {V1}/projects/{{id}}", READ, project="id", id=lambda world: world.project_id),
    of(
        f"PUT {V1}/projects/{{id}}/policy",
        Scope.POLICY_WRITE,
        project="id",
        id=lambda world: world.project_id,
        json={"policy": "base"},
    ),
    of(
        f"POST {V1}/policies",
        Scope.POLICY_WRITE,
        200,
        201,
        content=b"schema: gatekeeper/v1\npolicy: callers\nowner: tests\nstages: [test]\n"
        b"rules:\n  - {id: t, title: T, metric: tests.total, pass: '>= 1'}\n",
    ),
    of(f"GET {V1}/policies", READ),
    of(f"GET {V1}/policies/{{name}}", READ),
    of(f"GET {V1}/policies/{{name}}/versions/{{version}}", READ),
    of(f"GET {V1}/findings", READ, project="all"),
    of(f"POST {V1}/tokens", ADMIN, 201, json={"name": "made", "scopes": ["gate:read"], "projects": ["a/*"]}),
    of(f"GET {V1}/tokens", ADMIN),
    of(f"POST {V1}/tokens/{{id}}/rotate", ADMIN, 201, id=World.fresh_token, json={"grace_hours": 1}),
    of(f"DELETE {V1}/tokens/{{id}}", ADMIN, 204, id=World.fresh_token),
    of(f"GET {V1}/whoami", None),
]
BY_NAME = {row.name: row for row in ROWS}

STRANGERS: dict[str, tuple[str, Callable[[World], str | None]]] = {
    "nobody": ("not-authenticated", lambda _world: None),
    "a password": ("not-authenticated", lambda _world: "Basic YWRtaW46YWRtaW4="),
    "garbage": ("not-authenticated", lambda _world: "gk_nonsense"),
    "a token that never was": (
        "not-authenticated",
        lambda _world: "gk_aaaaaaaaaaaa_" + "a" * 52 + "5b47b1d4",
    ),
    "the secret of another token": ("not-authenticated", lambda world: mixed(world)),
    "an expired token": ("token-expired", lambda world: world.expired),
    "a revoked token": ("token-revoked", lambda world: world.revoked),
    "an expired job": ("token-expired", lambda world: world.issuer.gitlab_token(exp=1_700_000_000)),
    "a job of another issuer": (
        "not-authenticated",
        lambda world: world.issuer.gitlab_token(iss="https://ci.test"),
    ),
    "a job for another audience": (
        "not-authenticated",
        lambda world: world.issuer.gitlab_token(aud="https://shop.test"),
    ),
    "a job without signature": ("not-authenticated", lambda world: unsigned(world)),
    "a job issued tomorrow": (
        "not-authenticated",
        lambda world: world.issuer.gitlab_token(iat=4_000_000_000),
    ),
}
"""Who is nobody, and with which code."""


def mixed(world: World) -> str:
    """The public part of a real token with a secret that is not its own."""
    import zlib

    body = world.server.admin[:16] + "a" * 52
    return body + f"{zlib.crc32(body.encode()):08x}"


def unsigned(world: World) -> str:
    """`alg: none`, with a third part so that it has the form."""
    import base64

    head = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"none","kid":"1"}').decode().rstrip("=")
    return ".".join((head, *world.issuer.gitlab_token().split(".")[1:]))


@pytest.fixture(scope="module")
def world(live_server: GateServer, issuer: LocalIssuer) -> Iterator[World]:
    """A project of a GitLab job, with evidence, a link and a decision."""
    made = World(live_server, issuer, live_server.http(None))
    with live_server.client() as client:
        project = client.create_project(path=PROJECT, issuer=issuer.url, provider_id="42")
        made.project_id = project.id
        expired = client.create_token(name="old", scopes=EVERY_SCOPE, projects=["*"])
        revoked = client.create_token(name="ended", scopes=EVERY_SCOPE, projects=["*"])
        client.revoke_token(revoked.token.id)
        made.expired, made.revoked = expired.secret, revoked.secret
        with sqlite3.connect(live_server.data / "gatekeeper.sqlite") as connection:
            connection.execute("UPDATE token SET expires_at = 1 WHERE id = ?", (expired.token.id,))
        connection.close()
    with live_server.http() as http:
        sent = http.post(f"{V1}/evidence", params={**SOURCE, "name": "first"}, content=JUNIT)
        made.evidence_id = sent.raise_for_status().json()["id"]
        http.post(f"{V1}/builds", json={**SOURCE, "artifact": ARTIFACT}).raise_for_status()
        decided = http.post(f"{V1}/decisions", json={**OF_SOURCE, "stage": STAGE})
        made.decision_id = decided.raise_for_status().json()["id"]
    yield made
    made.http.close()


@pytest.fixture(scope="module")
def tokens(world: World) -> Callable[..., str]:
    """Tokens by their grant, each made once."""
    made: dict[tuple[Any, ...], str] = {}

    def token(scopes: frozenset[Scope], *projects: str) -> str:
        key = (scopes, projects)
        if key not in made:
            made[key] = world.server.token(*sorted(scopes), projects=projects)
        return made[key]

    return token


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    """What nobody thought of is what lets somebody in."""
    app = create_app(ServerSettings(), Services(routers=ROUTERS))
    found = {
        f"{method} {route.path}"  # type: ignore[attr-defined]
        for route in app.routes
        for method in getattr(route, "methods", None) or ()
    }
    assert found == set(BY_NAME)


def refused(answer: httpx.Response, status: int, code: str, *words: str) -> None:
    """The answer is this problem, and names these words."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    for word in words:
        assert word in answer.json()["detail"], answer.text


def allowed(answer: httpx.Response, row: Row) -> None:
    """The answer is one of the right ones."""
    assert answer.status_code in row.ok, answer.text


KNOWN_ROWS = [row for row in ROWS if not row.is_public]


@pytest.mark.parametrize("row", [row for row in ROWS if row.is_public], ids=lambda row: row.name)
def test_health_and_description_are_for_everybody(world: World, row: Row) -> None:
    """Whatever credential comes with it."""
    for _, credential in STRANGERS.values():
        allowed(row.send(world, credential(world)), row)


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("row", KNOWN_ROWS, ids=lambda row: row.name)
def test_strangers_are_turned_away_everywhere(world: World, row: Row, stranger: str) -> None:
    """401 with the way to authenticate, and never a word about what was asked."""
    code, credential = STRANGERS[stranger]
    answer = row.send(world, credential(world))
    refused(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert PROJECT not in answer.text


@pytest.mark.parametrize("row", KNOWN_ROWS, ids=lambda row: row.name)
def test_the_very_scope_and_the_very_project_are_enough(
    world: World, tokens: Callable[..., str], row: Row
) -> None:
    """A token with nothing else gets the answer."""
    scopes = frozenset({row.scope or Scope.LEDGER_READ})
    allowed(row.send(world, tokens(scopes, PROJECT)), row)


@pytest.mark.parametrize("row", KNOWN_ROWS, ids=lambda row: row.name)
def test_administrators_may_everything(world: World, row: Row) -> None:
    """With their one scope."""
    allowed(row.send(world, world.server.admin), row)


@pytest.mark.parametrize("row", [row for row in KNOWN_ROWS if row.scope], ids=lambda row: row.name)
def test_without_the_scope_the_refusal_names_it(world: World, tokens: Callable[..., str], row: Row) -> None:
    """Even with every other scope and every project."""
    token = tokens(frozenset(EVERY_SCOPE) - {row.scope}, "*")
    refused(row.send(world, token), 403, "scope-missing", str(row.scope))


@pytest.mark.parametrize("row", KNOWN_ROWS, ids=lambda row: row.name)
def test_a_token_of_another_project_reaches_nothing_here(
    world: World, tokens: Callable[..., str], row: Row
) -> None:
    """A path is refused by name, an id is not there, and a list is empty."""
    scopes = frozenset({Scope.ADMIN}) if row.scope is ADMIN else frozenset(EVERY_SCOPE)
    answer = row.send(world, tokens(scopes, "other/*"))
    match row.project:
        case "path":
            refused(answer, 403, "project-not-granted", PROJECT, "other/*")
        case "id":
            refused(answer, 404, answer.json()["code"])
            assert answer.json()["code"].endswith("-not-found")
            assert PROJECT not in answer.text
        case "all":
            allowed(answer, row)
            assert answer.json()["items"] == []
        case _:
            allowed(answer, row)


@pytest.mark.parametrize("row", KNOWN_ROWS, ids=lambda row: row.name)
def test_a_job_may_what_jobs_may_for_its_own_commit(world: World, row: Row) -> None:
    """Nobody has to give it a token."""
    answer = row.send(world, world.issuer.gitlab_token())
    if row.scope is None or row.scope in JOB_SCOPES:
        allowed(answer, row)
    else:
        refused(answer, 403, "scope-missing", str(row.scope))


@pytest.mark.parametrize("row", KNOWN_ROWS, ids=lambda row: row.name)
def test_a_job_of_another_project_reaches_nothing_here(world: World, row: Row) -> None:
    """Also when its project has the very path of ours."""
    for path in ("other/api", PROJECT):
        answer = row.send(world, world.issuer.gitlab_token(project_id="43", project_path=path))
        if row.scope is not None and row.scope not in JOB_SCOPES:
            refused(answer, 403, "scope-missing", str(row.scope))
        elif row.project == "path":
            refused(answer, 403, "claims-mismatch", "id 43")
        elif row.project == "id":
            assert answer.status_code == 404, answer.text
        elif row.project == "all":
            assert answer.json()["items"] == []
        else:
            allowed(answer, row)


@pytest.mark.parametrize("row", KNOWN_ROWS, ids=lambda row: row.name)
def test_a_job_of_another_commit_may_not_speak_for_ours(world: World, row: Row) -> None:
    """It may read what its project may read."""
    answer = row.send(world, world.issuer.gitlab_token(sha=OTHER_COMMIT))
    if row.scope is not None and row.scope not in JOB_SCOPES:
        refused(answer, 403, "scope-missing", str(row.scope))
    elif row.names_commit:
        refused(answer, 403, "claims-mismatch", OTHER_COMMIT, COMMIT)
    else:
        allowed(answer, row)


def test_a_job_that_deploys_asks_about_its_own_stage(world: World) -> None:
    """Else it would take the answer of an easier one."""
    row = BY_NAME[f"GET {V1}/gate"]
    refused(row.send(world, world.issuer.gitlab_token(environment="production")), 403, "environment-mismatch")
    allowed(row.send(world, world.issuer.gitlab_token(environment=STAGE)), row)


def test_a_token_for_some_refs_and_kinds_sends_no_others(world: World) -> None:
    """The refusal names the ref or the kind."""
    token = world.server.token("evidence:write", projects=(PROJECT,), refs=["main"], kinds=["coverage"])
    with world.server.http(token) as http:
        about = {**SOURCE, "name": "limits"}
        other = http.post(f"{V1}/evidence", params={**about, "ref": "feature/x"}, content=JUNIT)
        refused(other, 403, "ref-not-granted", "feature/x", "main")
        other = http.post(f"{V1}/evidence", params={**about, "ref": "main", "kind": "tests"}, content=JUNIT)
        refused(other, 403, "kind-not-granted", "tests", "coverage")
        # What it is, only the report itself says: nothing of it is kept.
        other = http.post(f"{V1}/evidence", params={**about, "ref": "main"}, content=JUNIT)
        refused(other, 403, "kind-not-granted")


def test_the_first_job_of_a_registered_group_makes_its_project(world: World) -> None:
    """And of no other group; a bearer token never does."""
    about = {"commit": COMMIT, "tree": TREE}
    for path, status in (("first/one", 201), ("second/one", 403)):
        job = world.issuer.gitlab_token(project_id=str(status), project_path=path)
        with world.server.http(job) as http:
            sent = http.post(f"{V1}/evidence", params={"project": path, **about}, content=JUNIT)
        assert sent.status_code == status, sent.text
    with world.server.http() as http:
        sent = http.post(f"{V1}/evidence", params={"project": "first/two", **about}, content=JUNIT)
        refused(sent, 404, "project-not-found")
        assert "project create" in sent.json()["hint"]
