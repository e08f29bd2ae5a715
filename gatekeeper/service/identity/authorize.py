"""What a caller may do: pure checks that return, or raise Denied with what is missing and the next step.

A token is limited by its grant (scopes, globs of projects and refs, kinds). A pipeline job is limited by
the claims that its CI provider signed: what it sends or asks must be about that project, commit and ref.
"""

from collections.abc import Collection
from fnmatch import fnmatchcase
from typing import NoReturn

from gatekeeper.caller import PERSON_SCOPES, Caller, Claims, Method, Scope
from gatekeeper.evidence import Kind, Trust
from gatekeeper.service.errors import Denied, coded


def demand(caller: Caller, scope: Scope) -> Caller:
    """The caller as far as `scope` goes; go on with that one: a person reaches no project otherwise.

    Raises:
        Denied: `scope-missing`.
    """
    if not caller.may(scope):
        _deny(
            "scope-missing",
            f"{caller.principal} lacks the scope {scope}; it has {_listed(caller.scopes)}",
            _way_to(scope, caller),
        )
    return caller.for_scope(scope)


def demand_person(caller: Caller) -> Caller:
    """The caller, who is a person: somebody who answers for it by name.

    Raises:
        Denied: `person-needed`.
    """
    if caller.method is not Method.PERSON or caller.person is None:
        _deny("person-needed", f"{caller.principal} is no person", "log in (gatekeeper login)")
    return caller


def demand_role(caller: Caller, role: str, project: str) -> None:
    """Return when the caller is a person who has `role` in the project.

    Raises:
        Denied: `role-missing`.
    """
    has = caller.roles_in(project)
    if role not in has:
        _deny(
            "role-missing",
            f"{caller.principal} has not the role {role} in {project!r}; it has {_listed(has)}",
            f"ask an administrator to grant you the role {role} (gatekeeper person grant)"
            if caller.method is Method.PERSON
            else "only people have roles: log in (gatekeeper login)",
        )


def demand_path(caller: Caller, path: str) -> None:
    """Return when a token's grant reaches the project path; call it before anything is looked up.

    Whether a project exists is told only to those who may reach its path. Pipeline jobs always pass here:
    they are compared with the project itself, by `demand_project`.

    Raises:
        Denied: `project-not-granted`.
    """
    if caller.claims is None and not caller.reaches(path):
        _deny(
            "project-not-granted",
            f"{caller.principal} does not reach project {path!r}; it reaches {_listed(caller.projects)}",
            "ask an administrator to grant it to you (gatekeeper person grant)"
            if caller.method is Method.PERSON
            else "ask an administrator for a token whose projects include it",
        )


def demand_project(caller: Caller, path: str, issuer: str | None, provider_id: str | None) -> None:
    """Return when the caller reaches the project, which a CI provider knows as `provider_id` of `issuer`.

    For a project that does not exist pass None twice: a job then gets the very answer that it gets for a
    project of somebody else. Paths are not compared: a path can be given to another project, an id cannot.

    Raises:
        Denied: `project-not-granted` (tokens), `claims-mismatch` (jobs).
    """
    demand_path(caller, path)
    claims = caller.claims
    # Equal and present: None is no identity, so an unlinked project is no job's project.
    if claims is None or (issuer, provider_id) == (claims.issuer, claims.project_id):
        return
    _deny(
        "claims-mismatch",
        f"this job is of {claims.project_path} (id {claims.project_id} of {claims.issuer}), "
        f"to which project {path!r} is not linked",
        f"an administrator links the project: issuer {claims.issuer}, provider_id {claims.project_id}",
    )


def demand_evidence(caller: Caller, commit: str | None, ref: str | None, kind: Kind | None) -> None:
    """Return when the caller may send evidence of `kind` for the commit and ref. Reads no project.

    Raises:
        Denied: as `demand_ref` and `demand_kind`.
    """
    demand_ref(caller, commit, ref)
    demand_kind(caller, kind)


def demand_ref(caller: Caller, commit: str | None, ref: str | None) -> None:
    """Return when the caller may speak for the commit and ref; a job may leave the ref out.

    Raises:
        Denied: `claims-mismatch` (jobs), `ref-not-granted` (tokens).
    """
    if caller.claims is not None:
        _demand_commit(caller.claims, () if commit is None else (commit,))
        if ref is not None and ref != caller.claims.ref:
            _deny(
                "claims-mismatch",
                f"this job runs for ref {caller.claims.ref!r}, not for {ref!r}",
                "leave the ref out: the job's identity says it",
            )
    elif not caller.reaches_ref(ref):
        _deny(
            "ref-not-granted",
            f"{caller.principal} may not send evidence {_for_ref(ref)}; its refs are {_listed(caller.refs)}",
            "name the ref as the token's refs do (without refs/heads/), or use a token for this ref",
        )


def demand_kind(caller: Caller, kind: Kind | None) -> None:
    """Return when the caller may send evidence of `kind`; None, what nobody could tell, needs all kinds.

    Raises:
        Denied: `kind-not-granted`.
    """
    if caller.kinds and kind not in caller.kinds:
        what = f"{kind} evidence" if kind is not None else "evidence whose kind is not known"
        _deny(
            "kind-not-granted",
            f"{caller.principal} may not send {what}; its kinds are {_listed(caller.kinds)}",
            "use a token for this kind" if kind is not None else "name the kind with kind=",
        )


def demand_stage(caller: Caller, stage: str, commits: Collection[str]) -> None:
    """Return when the caller may ask about `stage` for a subject that was built from one of `commits`.

    A job that deploys names an environment, and must ask about that one: else it would take the answer of an
    easier stage to a harder one. Jobs without an environment may ask about any; what they hear is for people.

    Raises:
        Denied: `environment-mismatch`, or `claims-mismatch` for a commit that is not the job's.
    """
    claims = caller.claims
    if claims is None:
        return
    _demand_commit(claims, commits)
    if claims.environment is None and claims.environment_tier is None:
        return
    if stage not in (claims.environment, claims.environment_tier):
        tier = f" (tier {claims.environment_tier})" if claims.environment_tier else ""
        _deny(
            "environment-mismatch",
            f"this job deploys to environment {claims.environment!r}{tier} and asks about stage {stage!r}",
            f"ask about the stage of its environment, or write `environment: {stage}` in the job",
        )


def trust_of(caller: Caller, *, tree_is_proven: bool) -> Trust:
    """How far what the caller sends can be believed.

    `bound`: a CI provider signed the commit, and the commit's bytes prove the tree (`tree_in_commit`).
    Everything else is `claimed`: a token says nothing about the job that holds it.
    """
    return Trust.BOUND if caller.claims is not None and tree_is_proven else Trust.CLAIMED


def ref_protected_of(caller: Caller, ref: str | None, protected_refs: Collection[str]) -> bool:
    """True when only jobs of protected refs could have sent this for `ref`.

    A job: as its CI provider signed it. A token: when every ref that it may speak for is a protected one of
    the project, and `ref` is among them. It is not enough that `ref` alone is protected, since a token also
    for `feature/*` is held by branch jobs, and a token's ref is what its holder says.
    """
    if caller.claims is not None:
        return caller.claims.ref_protected
    is_limited = all(set(glob) - {"*"} and _is_covered(glob, protected_refs) for glob in caller.refs)
    return is_limited and ref is not None and caller.reaches_ref(ref)


def _is_covered(glob: str, wider: Collection[str]) -> bool:
    """True when all that `glob` matches, one of `wider` matches as well; false when that is not certain.

    With `*` as its only wildcard the wider one swallows the wildcards of the narrower, whatever they stand
    for. A set in brackets could be matched as text by accident, so there only the same glob counts.
    """
    for other in wider:
        is_plain = not set(glob) & set("*?[")
        is_comparable = is_plain or ("[" not in glob and not set(other) & set("?["))
        if glob == other or (is_comparable and fnmatchcase(glob, other)):
            return True
    return False


def _demand_commit(claims: Claims, commits: Collection[str]) -> None:
    if claims.commit not in commits:
        _deny(
            "claims-mismatch",
            f"this job runs for commit {claims.commit}, not for {_listed(commits)}",
            "send and ask in a job of the commit in question, or use a token",
        )


def _for_ref(ref: str | None) -> str:
    return f"for ref {ref!r}" if ref is not None else "without a ref"


def _listed(names: Collection[str]) -> str:
    """At most ten of the names, sorted."""
    shown = sorted(str(name) for name in names)
    more = f" and {len(shown) - 10} more" if len(shown) > 10 else ""
    return (", ".join(shown[:10]) or "none") + more


def _way_to(scope: Scope, caller: Caller) -> str:
    if caller.method is Method.PERSON:
        return f"ask an administrator to grant you {scope} (gatekeeper person grant)"
    if scope in PERSON_SCOPES:
        return f"only people hold {scope}, and only when it was granted to them: gatekeeper login"
    if caller.claims is not None:
        return f"a pipeline job never holds {scope}; use a token with that scope"
    return f"ask an administrator for a token with the scope {scope}"


def _deny(code: str, message: str, hint: str) -> NoReturn:
    raise coded(Denied, code, message, hint=hint)
