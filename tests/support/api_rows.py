"""Every route of the API as a row: a request that is right, and what it takes. And a world in which it is."""

import itertools
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
from gate_server import GateServer
from local_issuer import COMMIT, LocalIssuer

from gatekeeper.caller import PERSON_SCOPES, Scope
from gatekeeper.resources import rules_folder
from gatekeeper.service.people import totp

PROJECT, TREE, STAGE = "pay/api", "b2" * 20, "develop"
OTHER_COMMIT = "d4" * 20
ARTIFACT = "sha256:" + "c3" * 32
JUNIT = b'<testsuite tests="1"><testcase classname="t" name="a"/></testsuite>'
EVERY_SCOPE = [scope for scope in Scope if scope is not Scope.ADMIN and scope not in PERSON_SCOPES]
RULE = "{id: t, title: T, metric: tests.total, pass: '>= 1'}"
PASSWORD = "a horse that is correct"
PROVIDER = "local-gitlab"
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
    backtest_id: str = ""
    expired: str = ""
    revoked: str = ""

    logged_out: str = ""
    shut_out: str = ""
    grant_id: str = ""
    totp_secret: str = ""
    _people: Iterator[int] = field(default_factory=itertools.count)

    def person(self, **more: Any) -> tuple[str, str]:
        """The id and the login name of a new person."""
        login = f"ann{next(self._people)}"
        wanted = {"name": "Ann", "login": login, "password": PASSWORD, **more}
        with self.server.http() as http:
            return http.post(f"{V1}/people", json=wanted).raise_for_status().json()["id"], login

    def grant(self, person: str, *scopes: str, projects: tuple[str, ...], role: str | None = None) -> str:
        """The id of a new grant."""
        wanted = {"scopes": scopes, "projects": projects, "role": role}
        with self.server.http() as http:
            made = http.post(f"{V1}/people/{person}/grants", json=wanted).raise_for_status()
        return str(made.json()["id"])

    def log_in(self, login: str) -> str:
        """The secret of a new session."""
        wanted = {"login": login, "password": PASSWORD, "bearer": True}
        return str(self.http.post(f"{V1}/sessions", json=wanted).raise_for_status().json()["secret"])

    def session(self, *scopes: str, projects: tuple[str, ...] = ()) -> str:
        """The secret of a session of a new person with this grant."""
        person, login = self.person()
        if scopes:
            self.grant(person, *scopes, projects=projects)
        return self.log_in(login)

    def fresh_person(self) -> str:
        """The id of a person whom a row may change."""
        return self.person()[0]

    def fresh_grant(self) -> str:
        """The id of a person, with a grant that a row may end."""
        person = self.fresh_person()
        self.grant_id = self.grant(person, "gate:read", projects=("a/*",))
        return person

    def fresh_draft(self) -> str:
        """The id of a draft that a row may change; its revision is 1."""
        name = f"drafted{next(self._people)}"
        text = f"schema: gatekeeper/v1\npolicy: {name}\nowner: o\nrules:\n  - {RULE}\n".encode()
        with self.server.http() as http:
            return str(
                http.post(f"{V1}/policies/{name}/drafts", content=text).raise_for_status().json()["id"]
            )

    def fresh_waiver(self) -> str:
        """The id of a waiver that somebody asked for."""
        wanted = WAIVER | {"owner": self.fresh_person()}
        with self.server.http() as http:
            return str(http.post(f"{V1}/waivers", json=wanted).raise_for_status().json()["id"])

    def begin_totp(self, headers: dict[str, str]) -> None:
        """Let the caller begin a second factor."""
        begun = self.http.post(f"{V1}/people/me/totp", headers=headers)
        self.totp_secret = begun.json().get("secret", totp.new_secret())

    def code(self) -> dict[str, str]:
        """The code of now."""
        return {"totp": totp.code_at(self.totp_secret, totp.step_of(datetime.now(UTC)))}

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
    is_personal: bool = False
    """True: only for people, whatever they hold."""
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
        path = path.replace("{provider}", PROVIDER).replace("{grant}", world.grant_id)
        headers, content = {}, self.content
        if credential is not None:
            headers["Authorization"] = credential if " " in credential else f"Bearer {credential}"
        world.http.cookies.clear()  # of a row that logs somebody in
        self.before(world, headers)
        if self.json is not None:
            content = msgspec.json.encode(self.json(world) if callable(self.json) else self.json)
            headers["Content-Type"] = "application/json"
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
BASE = (rules_folder() / "policies" / "base.yaml").read_bytes()
OF_SOURCE = {"project": PROJECT, "commit": COMMIT}
STAGED = {**OF_SOURCE, "stage": STAGE}
WAIVER = {
    "project": PROJECT,
    "scope": "path",
    "match": "app/*",
    "reason": "not reachable",
    "ticket": "PAY-1",
    "expires_at": f"{datetime.now(UTC) + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}",
}
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
    of(f"GET {V1}/approvals/shown", READ, project="path", names_commit=True, query=STAGED),
    # Only people sign; one without a grant is heard, and told what is missing.
    of(
        f"POST {V1}/approvals",
        None,
        403,
        is_personal=True,
        json={**STAGED, "role": "ops", "mark": ".".join(["ab" * 16] * 4)},
    ),
    of(
        f"POST {V1}/waivers",
        Scope.WAIVER_WRITE,
        201,
        project="path",
        json=lambda world: WAIVER | {"owner": world.fresh_person()},
    ),
    of(f"GET {V1}/waivers", READ, project="path", query={"project": PROJECT}),
    of(f"GET {V1}/waivers/{{id}}", READ, project="id", id=World.fresh_waiver),
    of(f"POST {V1}/waivers/{{id}}/revoke", Scope.WAIVER_WRITE, project="id", id=World.fresh_waiver),
    of(f"POST {V1}/waivers/{{id}}/approve", None, 403, is_personal=True, id=World.fresh_waiver),
    of(f"POST {V1}/overrides", None, 403, is_personal=True, json={**STAGED, "reason": "no", "hours": 1}),
    of(f"POST {V1}/overrides/{{id}}/agree", None, 403, is_personal=True, id=lambda _: "ovr_never"),
    of(f"POST {V1}/overrides/{{id}}/revoke", None, 403, is_personal=True, id=lambda _: "ovr_never"),
    of(f"GET {V1}/obligations", READ, project="path", query={"project": PROJECT}),
    of(
        f"POST {V1}/obligations/{{id}}/settle",
        None,
        403,
        is_personal=True,
        id=lambda _: "obl_never",
        json={"comment": "done"},
    ),
    of(
        f"POST {V1}/deployments",
        Scope.DECISION_WRITE,
        201,
        project="path",
        names_commit=True,
        json={**STAGED, "status": "succeeded"},
    ),
    of(f"GET {V1}/deployments", READ, project="path", query={"project": PROJECT}),
    of(f"DELETE {V1}/approvals/{{id}}", None, 403, is_personal=True, id=lambda _: "apr_never"),
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
    of(f"POST {V1}/policies/{{name}}/drafts", Scope.POLICY_WRITE, 201, query={"based_on": "1"}, content=BASE),
    # Only people take these steps; one without a grant is heard, and told what is missing.
    of(
        f"POST {V1}/policies/{{name}}/rollback",
        None,
        403,
        is_personal=True,
        json={"to": 1, "reason": "it blocks all"},
    ),
    of(f"GET {V1}/policy-drafts", READ),
    of(f"GET {V1}/policy-drafts/{{id}}", READ, id=World.fresh_draft),
    of(f"GET {V1}/policy-drafts/{{id}}/text", READ, id=World.fresh_draft),
    of(
        f"PUT {V1}/policy-drafts/{{id}}",
        Scope.POLICY_WRITE,
        id=World.fresh_draft,
        query={"revision": "1"},
        content=b"half done",
    ),
    of(
        f"POST {V1}/policy-drafts/{{id}}/withdraw",
        Scope.POLICY_WRITE,
        id=World.fresh_draft,
        json={"revision": 1},
    ),
    of(
        f"POST {V1}/policy-drafts/{{id}}/submit",
        None,
        403,
        is_personal=True,
        id=World.fresh_draft,
        json={"revision": 1},
    ),
    of(
        f"POST {V1}/policy-drafts/{{id}}/approve",
        None,
        403,
        is_personal=True,
        id=World.fresh_draft,
        json={"revision": 1, "digest": "sha256:" + "ab" * 32},
    ),
    of(
        f"POST {V1}/policy-drafts/{{id}}/reject",
        None,
        403,
        is_personal=True,
        id=World.fresh_draft,
        json={"revision": 1, "comment": "no"},
    ),
    of(f"GET {V1}/policy-resolution", READ, project="path", query={"project": PROJECT}),
    of(f"POST {V1}/policies/{{name}}/backtest", Scope.AUDIT_READ, 202, content=BASE),
    of(f"GET {V1}/backtests/{{id}}", Scope.AUDIT_READ, project="id", id=lambda world: world.backtest_id),
    of(f"GET {V1}/history/decisions", Scope.AUDIT_READ, project="all"),
    of(
        f"GET {V1}/history/evidence/{{id}}/document",
        Scope.AUDIT_READ,
        project="id",
        id=lambda world: world.evidence_id,
    ),
    of(f"GET {V1}/history/policies/{{name}}/versions/{{version}}/document", Scope.AUDIT_READ),
    of(f"GET {V1}/findings", READ, project="all"),
    of(f"POST {V1}/tokens", ADMIN, 201, json={"name": "made", "scopes": ["gate:read"], "projects": ["a/*"]}),
    of(f"GET {V1}/tokens", ADMIN),
    of(f"POST {V1}/tokens/{{id}}/rotate", ADMIN, 201, id=World.fresh_token, json={"grace_hours": 1}),
    of(f"DELETE {V1}/tokens/{{id}}", ADMIN, 204, id=World.fresh_token),
    of(f"GET {V1}/whoami", None),
    of(f"GET {V1}/login", None, is_public=True),
    of(f"GET {V1}/login/oidc/{{provider}}", None, 303, is_public=True),
    of(f"GET {V1}/login/oidc/{{provider}}/callback", None, 401, is_public=True, query={"state": "never"}),
    of(
        f"POST {V1}/sessions",
        None,
        201,
        is_public=True,
        json=lambda world: {"login": world.person()[1], "password": PASSWORD},
    ),
    of(f"GET {V1}/sessions", None, is_personal=True),
    of(f"DELETE {V1}/sessions/current", None, 204, is_personal=True),
    of(f"DELETE {V1}/sessions/{{id}}", None, 404, is_personal=True, id=lambda _: "k3v5tq2mzx7a"),
    of(
        f"PUT {V1}/people/me/password",
        None,
        is_personal=True,
        json={"old": PASSWORD, "new": "another horse that is correct"},
    ),
    of(f"POST {V1}/people/me/totp", None, 201, is_personal=True),
    of(
        f"POST {V1}/people/me/totp/confirm",
        None,
        is_personal=True,
        before=World.begin_totp,
        json=World.code,
    ),
    of(f"POST {V1}/people/me/totp/remove", None, is_personal=True, json={"totp": "123456"}),
    of(
        f"POST {V1}/people",
        ADMIN,
        201,
        json=lambda world: {"name": "B", "login": f"bob{next(world._people)}", "password": PASSWORD},
    ),
    of(f"GET {V1}/people", ADMIN),
    of(f"GET {V1}/people/{{id}}", ADMIN, id=World.fresh_person),
    of(f"PUT {V1}/people/{{id}}/active", ADMIN, id=World.fresh_person, json={"is_active": False}),
    of(f"PUT {V1}/people/{{id}}/password", ADMIN, 204, id=World.fresh_person, json={"password": PASSWORD}),
    of(f"DELETE {V1}/people/{{id}}/sessions", ADMIN, id=World.fresh_person),
    of(
        f"POST {V1}/people/{{id}}/grants",
        ADMIN,
        201,
        id=World.fresh_person,
        json={"role": "qa-lead", "projects": ["pay/*"]},
    ),
    of(f"DELETE {V1}/people/{{id}}/grants/{{grant}}", ADMIN, 204, id=World.fresh_grant),
]
BY_NAME = {row.name: row for row in ROWS}
KNOWN_ROWS = [row for row in ROWS if not row.is_public and not row.is_personal]
PERSONAL_ROWS = [row for row in ROWS if row.is_personal]


def refused(answer: httpx.Response, status: int, code: str, *words: str) -> None:
    """The answer is this problem, and names these words."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    for word in words:
        assert word in answer.json()["detail"], answer.text


@contextmanager
def world_on(server: GateServer, issuer: LocalIssuer) -> Iterator[World]:
    """A project of a GitLab job, with evidence, a link and a decision."""
    made = World(server, issuer, server.http(None))
    with server.client() as client:
        project = client.create_project(path=PROJECT, issuer=issuer.url, provider_id="42")
        made.project_id = project.id
        expired = client.create_token(name="old", scopes=EVERY_SCOPE, projects=["*"])
        revoked = client.create_token(name="ended", scopes=EVERY_SCOPE, projects=["*"])
        client.revoke_token(revoked.token.id)
        made.expired, made.revoked = expired.secret, revoked.secret
        with sqlite3.connect(server.data / "gatekeeper.sqlite") as connection:
            connection.execute("UPDATE token SET expires_at = 1 WHERE id = ?", (expired.token.id,))
        connection.close()
    made.logged_out, (person, login) = made.session(), made.person()
    made.http.delete(f"{V1}/sessions/current", headers={"Authorization": f"Bearer {made.logged_out}"})
    made.shut_out = made.log_in(login)
    with server.http() as http:
        http.put(f"{V1}/people/{person}/active", json={"is_active": False}).raise_for_status()
        sent = http.post(f"{V1}/evidence", params={**SOURCE, "name": "first"}, content=JUNIT)
        made.evidence_id = sent.raise_for_status().json()["id"]
        http.post(f"{V1}/builds", json={**SOURCE, "artifact": ARTIFACT}).raise_for_status()
        decided = http.post(f"{V1}/decisions", json={**OF_SOURCE, "stage": STAGE})
        made.decision_id = decided.raise_for_status().json()["id"]
        made.backtest_id = _tried(http)
    yield made
    made.http.close()


def _tried(http: httpx.Client) -> str:
    """The id of a backtest that is done: until then its projects, and so its readers, are not known."""
    sent = http.post(f"{V1}/policies/base/backtest", params={"project": PROJECT}, content=BASE)
    ordered = sent.raise_for_status().json()["id"]
    while True:
        found = http.get(f"{V1}/backtests/{ordered}").raise_for_status().json()
        if found["result"] is not None:
            return str(ordered)
        assert found["state"] in ("queued", "running"), found
        time.sleep(0.05)
