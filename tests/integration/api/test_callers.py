"""Every route and every kind of caller: who may, who may not, and what the refusal names.

A route of the application without a row in `ROWS` fails; so does a row without a route.
"""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from api_rows import (
    ADMIN,
    BY_NAME,
    EVERY_SCOPE,
    JUNIT,
    KNOWN_ROWS,
    OTHER_COMMIT,
    PERSONAL_ROWS,
    PROJECT,
    ROWS,
    SOURCE,
    STAGE,
    TREE,
    V1,
    Row,
    World,
    refused,
)
from local_issuer import COMMIT

from gatekeeper.caller import JOB_SCOPES, PERSON_SCOPES, Scope
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.app import create_app
from gatekeeper_api.routes import ROUTERS
from gatekeeper_api.services import Services

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
    "a person who logged out": ("session-ended", lambda world: world.logged_out),
    "a person who was shut out": ("session-ended", lambda world: world.shut_out),
    "a session that never was": (
        "not-authenticated",
        lambda _world: "gks_aaaaaaaaaaaa_" + "a" * 52 + "c1a3374e",
    ),
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
def tokens(world: World) -> Callable[..., str]:
    """Tokens by their grant, each made once."""
    made: dict[tuple[Any, ...], str] = {}

    def token(scopes: frozenset[Scope], *projects: str) -> str:
        key = (scopes, projects)
        if key not in made:
            made[key] = world.server.token(*sorted(scopes), projects=projects)
        return made[key]

    return token


@pytest.fixture(scope="module")
def sessions(world: World) -> Callable[..., str]:
    """Sessions of people by their grant, each begun once."""
    begun: dict[tuple[Any, ...], str] = {}

    def session(scopes: frozenset[Scope], *projects: str) -> str:
        key = (scopes, projects)
        if key not in begun:
            begun[key] = world.session(*sorted(scopes), projects=projects)
        return begun[key]

    return session


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    """What nobody thought of is what lets somebody in."""
    app = create_app(ServerSettings(), Services(routers=ROUTERS))
    found = {
        f"{method} {route.path}"  # type: ignore[attr-defined]
        for route in app.routes
        for method in getattr(route, "methods", None) or ()
    }
    assert found == set(BY_NAME)


def allowed(answer: httpx.Response, row: Row) -> None:
    """The answer is one of the right ones."""
    assert answer.status_code in row.ok, answer.text


@pytest.mark.parametrize("row", [row for row in ROWS if row.is_public], ids=lambda row: row.name)
def test_health_and_description_are_for_everybody(world: World, row: Row) -> None:
    """Whatever credential comes with it."""
    for _, credential in STRANGERS.values():
        allowed(row.send(world, credential(world)), row)


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("row", KNOWN_ROWS + PERSONAL_ROWS, ids=lambda row: row.name)
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
def test_a_person_with_the_very_scope_there_is_let_in(
    world: World, sessions: Callable[..., str], row: Row
) -> None:
    """As a token with the same grant; to administer is for the whole server."""
    scopes = frozenset({row.scope or Scope.LEDGER_READ})
    allowed(row.send(world, sessions(scopes, "*" if row.scope is ADMIN else PROJECT)), row)


@pytest.mark.parametrize("row", [row for row in KNOWN_ROWS if row.scope], ids=lambda row: row.name)
def test_a_person_without_a_grant_may_nothing(world: World, sessions: Callable[..., str], row: Row) -> None:
    """The refusal names the scope, whether the person holds nothing or all that only people hold."""
    refused(row.send(world, sessions(frozenset())), 403, "scope-missing", str(row.scope))
    refused(row.send(world, sessions(PERSON_SCOPES, "*")), 403, "scope-missing", str(row.scope))


@pytest.mark.parametrize(
    "row", [row for row in KNOWN_ROWS if row.scope is not ADMIN], ids=lambda row: row.name
)
def test_a_person_of_another_project_reaches_nothing_here(
    world: World, sessions: Callable[..., str], row: Row
) -> None:
    """As a token; and what the person may do here, it may not do there, though it may do something there."""
    answer = row.send(world, sessions(frozenset(EVERY_SCOPE), "other/*"))
    match row.project:
        case "path":
            refused(answer, 403, "project-not-granted", PROJECT, "other/*")
        case "id":
            assert answer.status_code == 404, answer.text
            assert PROJECT not in answer.text
        case "all":
            allowed(answer, row)
            assert answer.json()["items"] == []
        case _:
            allowed(answer, row)


def test_a_scope_of_one_project_is_none_in_another(world: World) -> None:
    """Who may read here and send there may not send here."""
    person, login = world.person()
    world.grant(person, "gate:read", projects=(PROJECT,))
    world.grant(person, "evidence:write", projects=("other/*",))
    session = world.log_in(login)
    allowed(BY_NAME[f"GET {V1}/gate"].send(world, session), BY_NAME[f"GET {V1}/gate"])
    sent = BY_NAME[f"POST {V1}/evidence"].send(world, session)
    refused(sent, 403, "project-not-granted", PROJECT, "other/*")


@pytest.mark.parametrize("row", PERSONAL_ROWS, ids=lambda row: row.name)
def test_what_is_personal_is_for_people_alone(world: World, row: Row) -> None:
    """An administrator's token and a job are no person; somebody without any grant is one."""
    refused(row.send(world, world.server.admin), 403, "person-needed")
    refused(row.send(world, world.issuer.gitlab_token()), 403, "person-needed")
    allowed(row.send(world, world.session()), row)


@pytest.mark.parametrize(
    "row",
    [row for row in KNOWN_ROWS + PERSONAL_ROWS if row.method != "GET"],
    ids=lambda row: row.name,
)
def test_a_cookie_alone_changes_nothing(world: World, sessions: Callable[..., str], row: Row) -> None:
    """A page of somebody else can make a browser send it, but does not know the CSRF token."""
    session = sessions(frozenset({Scope.ADMIN}), "*")
    for shown in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x" * 43}, {"X-CSRF-Token": session}):
        path = row.path.replace("{id}", "x").replace("{grant}", "x").replace("{name}", "base")
        headers = {"Cookie": f"gatekeeper={session}", **shown}
        answer = world.http.request(row.method, path, params=row.query, headers=headers, content=b"{}")
        refused(answer, 403, "csrf-missing")


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
