"""Every denial names what is missing; a job is held to its claims, a token to its grant."""

from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.caller import JOB_SCOPES, PERSON_SCOPES, Caller, Claims, Holding, Method, Scope
from gatekeeper.evidence import Kind, Trust
from gatekeeper.service.errors import Denied
from gatekeeper.service.identity.authorize import (
    demand,
    demand_evidence,
    demand_path,
    demand_project,
    demand_role,
    demand_stage,
    ref_protected_of,
    trust_of,
)
from gatekeeper.service.identity.job_claims import caller_of_claims

ISSUER = "https://gitlab.example.com"
COMMIT, OTHER = "a" * 40, "b" * 40
CLAIMS = Claims(
    issuer=ISSUER,
    provider="gitlab",
    project_id="42",
    project_path="pay/api",
    commit=COMMIT,
    ref="main",
    ref_protected=True,
    environment=None,
    environment_tier=None,
    run="574",
    job="302",
    attempt="1",
    user="mara",
    expires_at=datetime(2026, 11, 23, 10, 0, tzinfo=UTC),
)
JOB = caller_of_claims(CLAIMS)


def job(**claims: Any) -> Caller:
    """A pipeline job with other claims."""
    return caller_of_claims(msgspec.structs.replace(CLAIMS, **claims))


def token(**grant: Any) -> Caller:
    """A token that may send evidence to pay/*."""
    usual = {"scopes": frozenset({Scope.EVIDENCE_WRITE}), "projects": ("pay/*",)}
    return Caller(principal="token:gk_abc", method=Method.TOKEN, **(usual | grant))


def person(*holdings: Holding) -> Caller:
    """Somebody who holds that."""
    return Caller(
        principal="person:usr_1",
        method=Method.PERSON,
        scopes=frozenset(scope for one in holdings for scope in one.scopes),
        holdings=holdings,
        person="usr_1",
        session="abc",
    )


def denial(call: Callable[..., object], *args: Any) -> Denied:
    """How the call is denied."""
    with pytest.raises(Denied) as caught:
        call(*args)
    assert caught.value.hint
    return caught.value


def test_a_scope_that_is_there() -> None:
    """A scope of the grant, or admin, is enough."""
    demand(token(), Scope.EVIDENCE_WRITE)
    for scope in set(Scope) - PERSON_SCOPES:
        demand(token(scopes=frozenset({Scope.ADMIN})), scope)
    for scope in JOB_SCOPES:
        demand(JOB, scope)


@pytest.mark.parametrize("scope", sorted(set(Scope) - {Scope.EVIDENCE_WRITE}))
def test_a_scope_that_is_not(scope: Scope) -> None:
    """The denial names the scope that is missing and those that are there."""
    error = denial(demand, token(), scope)
    assert error.code == "scope-missing"
    assert error.message == f"token:gk_abc lacks the scope {scope}; it has evidence:write"
    assert str(scope) in error.hint


@pytest.mark.parametrize("scope", sorted(PERSON_SCOPES))
def test_what_only_people_hold_no_token_holds(scope: Scope) -> None:
    """Even one that says so, for its row in the database could be changed; and no administrator by that."""
    for held in (scope, Scope.ADMIN):
        error = denial(demand, token(scopes=frozenset({held})), scope)
        assert (error.code, "only people hold" in error.hint) == ("scope-missing", True)
    assert "only people hold" in denial(demand, JOB, scope).hint
    assert denial(demand, person(Holding(projects=("*",), scopes=frozenset({Scope.ADMIN}))), scope).hint
    held = person(Holding(projects=("pay/*",), scopes=frozenset({scope})))
    demand_path(demand(held, scope), "pay/api")
    assert denial(demand_path, demand(held, scope), "shop/api").code == "project-not-granted"


def test_a_person_reaches_for_each_scope_what_it_was_granted_for() -> None:
    """Two grants are not their product, and who forgets to go on with what `demand` gives reaches nothing."""
    ann = person(
        Holding(projects=("pay/*",), scopes=frozenset({Scope.GATE_READ})),
        Holding(projects=("shop/*",), scopes=frozenset({Scope.EVIDENCE_WRITE}), role="tester"),
    )
    demand_path(demand(ann, Scope.GATE_READ), "pay/api")
    demand_path(demand(ann, Scope.EVIDENCE_WRITE), "shop/web")
    for scope, path in ((Scope.GATE_READ, "shop/web"), (Scope.EVIDENCE_WRITE, "pay/api")):
        assert denial(demand_path, demand(ann, scope), path).code == "project-not-granted"
    # A second demand looks at the grants again, not at what the first one left.
    demand_path(demand(demand(ann, Scope.GATE_READ), Scope.EVIDENCE_WRITE), "shop/web")
    assert denial(demand_path, ann, "pay/api").code == "project-not-granted"
    assert ann.scopes_in("pay/api") == {Scope.GATE_READ}


def test_a_role_is_of_a_project() -> None:
    """And of a person: tokens and jobs have none."""
    ann = person(
        Holding(projects=("pay/*",), role="qa-lead"),
        Holding(projects=("*",), role="ops"),
        Holding(projects=("*",)),
    )
    assert ann.roles_in("pay/api") == {"qa-lead", "ops"}
    assert ann.roles_in("shop/api") == {"ops"}
    demand_role(ann, "qa-lead", "pay/api")
    assert denial(demand_role, ann, "qa-lead", "shop/api").code == "role-missing"
    for other in (token(scopes=frozenset({Scope.ADMIN}), projects=("*",)), JOB):
        assert "only people have roles" in denial(demand_role, other, "ops", "pay/api").hint


@given(
    grants=st.lists(
        st.tuples(
            st.sets(st.sampled_from(sorted(Scope))), st.sampled_from(["*", "pay/*", "shop/*", "pay/api"])
        ),
        max_size=5,
    ),
    scope=st.sampled_from(sorted(Scope)),
    path=st.sampled_from(["pay/api", "pay/web", "shop/api"]),
)
def test_a_person_may_exactly_what_one_grant_says(
    grants: list[tuple[set[Scope], str]], scope: Scope, path: str
) -> None:
    """A scope holds for a project when one grant has both; `admin` has all but what only people do."""
    ann = person(*(Holding(projects=(glob,), scopes=frozenset(scopes)) for scopes, glob in grants))
    has_admin = scope not in PERSON_SCOPES
    wanted = any(
        fnmatchcase(path, glob) and (scope in scopes or (has_admin and Scope.ADMIN in scopes))
        for scopes, glob in grants
    )
    try:
        demand_path(demand(ann, scope), path)
    except Denied:
        assert not wanted
    else:
        assert wanted


@pytest.mark.parametrize("scope", sorted(set(Scope) - JOB_SCOPES - PERSON_SCOPES))
def test_scopes_that_no_job_has(scope: Scope) -> None:
    """A job never holds more than a job's scopes."""
    assert "a pipeline job never holds" in denial(demand, JOB, scope).hint


def test_a_token_without_scopes() -> None:
    """An empty grant is said to be one."""
    assert denial(demand, token(scopes=frozenset()), Scope.GATE_READ).message.endswith("it has none")


@pytest.mark.parametrize("path", ["pay/api", "pay/x/y"])
def test_a_project_of_the_grant(path: str) -> None:
    """A token reaches the projects that its globs match, wherever they come from."""
    demand_path(token(), path)
    demand_project(token(), path, ISSUER, "7")
    demand_project(token(), path, None, None)


@pytest.mark.parametrize("path", ["pay", "payroll", "shop/pay/api", "PAY/api", "", "pay\n/api"])
@pytest.mark.parametrize("identity", [(None, None), (ISSUER, "42")])
def test_a_project_of_somebody_else(path: str, identity: tuple[str | None, str | None]) -> None:
    """A denial is the same whether the project exists or not, and comes before any look-up."""
    expected = denial(demand_path, token(), path)
    found = denial(demand_project, token(), path, *identity)
    assert expected.code == found.code == "project-not-granted"
    assert expected.message == found.message
    assert "it reaches pay/*" in found.message


def test_a_token_without_projects() -> None:
    """No glob means no project, also for an admin."""
    admin = token(scopes=frozenset({Scope.ADMIN}), projects=())
    assert denial(demand_path, admin, "pay/api").message.endswith("it reaches none")


def test_the_project_of_a_job() -> None:
    """A job reaches the project that is linked to its id, whatever path it has here or there."""
    demand_path(JOB, "pay/api")
    demand_project(JOB, "pay/api", ISSUER, "42")
    demand_project(JOB, "renamed/since", ISSUER, "42")
    demand_project(job(project_path="renamed/there"), "pay/api", ISSUER, "42")


@pytest.mark.parametrize(
    "identity",
    [
        (ISSUER, "43"),
        ("https://evil.example.com", "42"),
        (None, None),
        (ISSUER, None),
        (None, "42"),
        ("", ""),
    ],
)
def test_another_project_of_a_job(identity: tuple[str | None, str | None]) -> None:
    """The same path is not enough, and a project that does not exist is denied in the same words."""
    error = denial(demand_project, JOB, "pay/api", *identity)
    assert error.code == "claims-mismatch"
    assert error.message == denial(demand_project, JOB, "pay/api", None, None).message
    assert "provider_id 42" in error.hint


def test_evidence_of_a_job() -> None:
    """A job sends evidence of its own commit and ref, of any kind, and may leave the ref out."""
    for kind in [*Kind, None]:
        demand_evidence(JOB, COMMIT, "main", kind)
        demand_evidence(JOB, COMMIT, None, kind)


@pytest.mark.parametrize(
    ("commit", "ref", "message"),
    [
        (OTHER, "main", f"runs for commit {COMMIT}, not for {OTHER}"),
        (None, "main", f"runs for commit {COMMIT}, not for none"),
        ("", None, "runs for commit"),
        (COMMIT.upper(), "main", "runs for commit"),
        (COMMIT, "release", "runs for ref 'main', not for 'release'"),
        (COMMIT, "refs/heads/main", "runs for ref 'main'"),
        (COMMIT, "", "runs for ref 'main'"),
    ],
)
def test_evidence_of_another_job(commit: str | None, ref: str | None, message: str) -> None:
    """A job cannot speak for another commit or ref."""
    error = denial(demand_evidence, JOB, commit, ref, Kind.TESTS)
    assert error.code == "claims-mismatch"
    assert message in error.message


def test_evidence_of_a_token() -> None:
    """A token's refs and kinds limit what it sends; the commit is its claim."""
    limited = token(refs=("main", "release/*"), kinds=(Kind.TESTS, Kind.COVERAGE))
    demand_evidence(limited, OTHER, "main", Kind.TESTS)
    demand_evidence(limited, None, "release/1.0", Kind.COVERAGE)
    demand_evidence(token(), COMMIT, None, None)


@pytest.mark.parametrize("ref", ["feature/main", "maintenance", "refs/heads/main", "", None])
def test_another_ref_of_a_token(ref: str | None) -> None:
    """A ref outside of the token's, or none, is denied and named."""
    error = denial(demand_evidence, token(refs=("main",)), COMMIT, ref, Kind.TESTS)
    assert error.code == "ref-not-granted"
    assert (f"ref {ref!r}" if ref is not None else "without a ref") in error.message
    assert "its refs are main" in error.message


def test_another_kind_of_a_token() -> None:
    """A kind outside of the token's, or one that nobody could tell, is denied."""
    error = denial(demand_evidence, token(kinds=(Kind.TESTS,)), COMMIT, "main", Kind.SCA)
    assert (error.code, error.message) == (
        "kind-not-granted",
        "token:gk_abc may not send sca evidence; its kinds are tests",
    )
    unknown = denial(demand_evidence, token(kinds=(Kind.TESTS,)), COMMIT, "main", None)
    assert unknown.code == "kind-not-granted"


@pytest.mark.parametrize(
    ("environment", "tier"),
    [("production", None), ("prod/eu", "production"), (None, None), (None, "production")],
)
def test_the_stage_of_a_job(environment: str | None, tier: str | None) -> None:
    """A job asks about the stage that its environment or tier names; without one about any."""
    deploy = job(environment=environment, environment_tier=tier)
    demand_stage(deploy, "production", [COMMIT])
    demand_stage(deploy, "production", [OTHER, COMMIT])


@pytest.mark.parametrize(
    ("environment", "tier"),
    [
        ("staging", None),
        ("production/eu", None),
        ("Production", None),
        ("prod", "staging"),
        ("develop", "other"),
        (None, "staging"),
    ],
)
def test_the_stage_of_another_environment(environment: str | None, tier: str | None) -> None:
    """A deployment cannot take the answer of another stage."""
    error = denial(demand_stage, job(environment=environment, environment_tier=tier), "production", [COMMIT])
    assert error.code == "environment-mismatch"
    assert f"deploys to environment {environment!r}" in error.message
    assert "stage 'production'" in error.message


@pytest.mark.parametrize("commits", [[], [OTHER]])
@pytest.mark.parametrize("environment", [None, "production"])
def test_the_stage_of_another_commit(commits: list[str], environment: str | None) -> None:
    """A job asks about its own commit, or an artifact that was built from it."""
    error = denial(demand_stage, job(environment=environment), "production", commits)
    assert error.code == "claims-mismatch"
    assert COMMIT in error.message


def test_the_stage_of_a_token() -> None:
    """A token asks about any stage and commit."""
    demand_stage(token(), "production", [])


def test_trust() -> None:
    """Only a job whose commit proves its tree is bound."""
    assert trust_of(JOB, tree_is_proven=True) is Trust.BOUND
    assert trust_of(JOB, tree_is_proven=False) is Trust.CLAIMED
    assert trust_of(token(), tree_is_proven=True) is Trust.CLAIMED
    assert trust_of(token(), tree_is_proven=False) is Trust.CLAIMED


def test_the_protected_ref_of_a_job() -> None:
    """For a job the provider says it, not the project's globs."""
    assert ref_protected_of(JOB, "main", [])
    assert not ref_protected_of(job(ref_protected=False), "main", ["*"])


@pytest.mark.parametrize(
    ("refs", "ref", "protected", "expected"),
    [
        (("main",), "main", ["main"], True),
        (("main", "release/*"), "release/1", ["main", "release/*"], True),
        (("release/1.*",), "release/1.2", ["release/*"], True),
        (("release/?",), "release/1", ["release/*"], True),
        (("v1",), "v1", ["v[0-9]"], True),
        (("release/[0-9]",), "release/1", ["release/[0-9]"], True),
        # The holder of such a token may be a job of a branch, and says the ref itself.
        (("*",), "main", ["main"], False),
        (("*", "main"), "main", ["main"], False),
        (("**",), "main", ["*"], False),
        (("main", "feature/*"), "main", ["main"], False),
        (("m*",), "main", ["main"], False),
        (("release/*",), "release/1", ["release/1"], False),
        (("release/*",), "release/1", ["release/?"], False),
        (("[mx]ain",), "main", ["*main*"], False),
        (("[m*]",), "m", ["*m*"], False),
        # Not for this ref, or for none.
        (("main",), "feature", ["main"], False),
        (("main",), None, ["main"], False),
        (("main",), "main", [], False),
        ((), "main", ["main"], False),
    ],
)
def test_the_protected_ref_of_a_token(
    refs: tuple[str, ...], ref: str | None, protected: list[str], expected: bool
) -> None:
    """A token proves a protected ref only when it can be used for nothing else."""
    assert ref_protected_of(token(refs=refs), ref, protected) is expected


_GLOB = st.text("ab*?[]", min_size=1, max_size=5)


@given(_GLOB, _GLOB, st.text("ab[]*?", max_size=5))
def test_a_token_never_reaches_beyond_protected_refs(mine: str, wider: str, ref: str) -> None:
    """When a token counts as limited to protected refs, no ref that it may name is unprotected."""
    caller = token(refs=(mine,))
    if any(ref_protected_of(caller, r, [wider]) for r in ("a", "b", "ab", "aa", ref)) and caller.reaches_ref(
        ref
    ):
        assert fnmatchcase(ref, wider)
