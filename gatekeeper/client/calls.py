"""The calls of the API, one function each. Pure: `Client` and `AsyncClient` only carry what they return."""

import base64
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from gatekeeper.canonical import digest_of_bytes
from gatekeeper.client.answers import Answer, decoded
from gatekeeper.client.body import Body
from gatekeeper.client.call import (
    API,
    Call,
    get,
    given,
    json_body,
    post,
    read_decision,
    read_gate,
    read_health,
    refuse_other,
    segment,
)
from gatekeeper.client.model import (
    BacktestStanding,
    Build,
    Evidence,
    EvidenceSet,
    Gate,
    Health,
    HistoryItem,
    NewToken,
    Page,
    PolicyVersion,
    Project,
    Submitted,
    Token,
    Whoami,
)
from gatekeeper.client.upload import Upload, body_of, query_of
from gatekeeper.decision import Decision


def submit(upload: Upload, *, tell: Callable[[int], None] | None = None) -> Call[Submitted]:
    """Send one report, a report with the record of its run, or a record alone."""
    return Call(
        method="POST",
        path=f"{API}/evidence",
        query=query_of(upload),
        body=body_of(upload),
        statuses=frozenset({200, 201}),
        tell=tell,
        read=lambda answer: Submitted(evidence=decoded(answer, Evidence), is_new=answer.status == 201),
    )


def close_set(
    *,
    project: str,
    commit: str,
    tree: str,
    name: str,
    run: str | None = None,
    attempt: str | None = None,
    parts: int | None = None,
) -> Call[EvidenceSet]:
    """Say that no more parts of a set will come."""
    content = {"project": project, "commit": commit, "tree": tree, "set": name}
    return post(
        "/sets/close", content | given(run=run, attempt=attempt, parts=parts), EvidenceSet, frozenset({200})
    )


def link(
    *,
    project: str,
    commit: str,
    tree: str,
    artifact: str,
    image: str | None = None,
    run: str | None = None,
    job: str | None = None,
    ref: str | None = None,
    commit_object: bytes | None = None,
) -> Call[Build]:
    """Say that an artifact was built from a source; said once, it never changes."""
    proof = base64.b64encode(commit_object).decode() if commit_object is not None else None
    content = {"project": project, "commit": commit, "tree": tree, "artifact": artifact}
    content |= given(image=image, run=run, job=job, ref=ref, commit_object=proof)
    return post("/builds", content, Build, frozenset({200, 201}))


def gate(
    *,
    project: str,
    stage: str,
    commit: str | None = None,
    tree: str | None = None,
    artifact: str | None = None,
) -> Call[Gate]:
    """Ask for the answer of now; nothing is recorded."""
    return Call(
        method="GET",
        path=f"{API}/gate",
        query={"project": project, "stage": stage, **given(commit=commit, tree=tree, artifact=artifact)},
        statuses=frozenset({200, 202}),
        read=lambda answer: read_gate(answer, project, stage),
    )


def decide(
    *,
    project: str,
    stage: str,
    commit: str | None = None,
    tree: str | None = None,
    artifact: str | None = None,
) -> Call[Decision | Gate]:
    """Have the gate decide and record it; a `Gate` comes back while that would be too early."""

    def read(answer: Answer) -> Decision | Gate:
        if answer.status == 202:
            return read_gate(answer, project, stage)
        found = read_decision(answer)
        source = found.subject.source
        asked = {"project": project, "stage": stage, **given(artifact=artifact)}
        told = {"project": found.subject.project, "stage": found.stage, "artifact": found.subject.artifact}
        if tree is not None and (source is not None or artifact is None):
            # An artifact that is linked to no source is judged as such, whatever tree stands beside it.
            asked["tree"], told["tree"] = tree, source.tree if source is not None else None
        refuse_other(answer, asked, told)
        return found

    content = {"project": project, "stage": stage, **given(commit=commit, tree=tree, artifact=artifact)}
    return Call(
        method="POST",
        path=f"{API}/decisions",
        body=json_body(content),
        statuses=frozenset({200, 201, 202}),
        read=read,
    )


def decision(id: str) -> Call[Decision]:  # noqa: A002 - the word of the API
    """Fetch a recorded decision."""

    def read(answer: Answer) -> Decision:
        found = read_decision(answer)
        refuse_other(answer, {"id": id}, {"id": found.id})
        return found

    return Call(method="GET", path=f"{API}/decisions/{segment(id)}", read=read)


def evidence(id: str) -> Call[Evidence]:  # noqa: A002 - the word of the API
    """Fetch what is known of one report."""
    return get(f"/evidence/{segment(id)}", Evidence)


def evidence_of(
    *,
    project: str,
    commit: str | None = None,
    tree: str | None = None,
    artifact: str | None = None,
    cursor: str | None = None,
) -> Call[Page[Evidence]]:
    """List the evidence of a subject."""
    query = {"project": project, **given(commit=commit, tree=tree, artifact=artifact, cursor=cursor)}
    return get("/evidence", Page[Evidence], query)


def projects(*, path: str | None = None, cursor: str | None = None) -> Call[Page[Project]]:
    """List projects; `path` selects one."""
    return get("/projects", Page[Project], given(path=path, cursor=cursor))


def create_project(
    *,
    path: str,
    policy: str | None = None,
    default_ref: str = "main",
    protected_refs: Iterable[str] = ("main",),
    issuer: str | None = None,
    provider_id: str | None = None,
) -> Call[Project]:
    """Make a project; the same one again is no error."""
    content: dict[str, Any] = {
        "path": path,
        "default_ref": default_ref,
        "protected_refs": list(protected_refs),
    }
    content |= given(policy=policy, issuer=issuer, provider_id=provider_id)
    return post("/projects", content, Project, frozenset({200, 201}))


def assign_policy(*, project_id: str, policy: str) -> Call[Project]:
    """Let another policy decide about a project."""
    return Call(
        method="PUT",
        path=f"{API}/projects/{segment(project_id)}/policy",
        body=json_body({"policy": policy}),
        read=lambda answer: decoded(answer, Project),
    )


def import_policy(text: bytes, *, reason: str = "") -> Call[PolicyVersion]:
    """Publish the YAML of a policy as a new version; the same text again is no error."""
    return Call(
        method="POST",
        path=f"{API}/policies",
        query=given(reason=reason or None),
        body=Body(contents=(text,), content_type="application/yaml"),
        statuses=frozenset({200, 201}),
        read=lambda answer: decoded(answer, PolicyVersion),
    )


def policies(*, cursor: str | None = None) -> Call[Page[PolicyVersion]]:
    """List the newest version of each policy."""
    return get("/policies", Page[PolicyVersion], given(cursor=cursor))


def policy_versions(name: str, *, cursor: str | None = None) -> Call[Page[PolicyVersion]]:
    """List the versions of a policy."""
    return get(f"/policies/{segment(name)}", Page[PolicyVersion], given(cursor=cursor))


def history(
    *, project: str | None = None, since: date | None = None, cursor: str | None = None
) -> Call[Page[HistoryItem]]:
    """List recorded decisions with all that a replay needs of them."""
    day = since.isoformat() if since is not None else None
    return get("/history/decisions", Page[HistoryItem], given(project=project, since=day, cursor=cursor))


def document(id: str, *, digest: str) -> Call[bytes]:  # noqa: A002 - the word of the API
    """Fetch the normalised document of a piece of evidence."""
    return _behind(f"/history/evidence/{segment(id)}/document", digest)


def policy_document(name: str, version: int, *, digest: str) -> Call[bytes]:
    """Fetch what a version of a policy decides by."""
    return _behind(f"/history/policies/{segment(name)}/versions/{version}/document", digest)


def order_backtest(
    text: bytes, *, policy: str, project: str | None = None, since: date | None = None, last: int = 500
) -> Call[BacktestStanding]:
    """Have a policy tried on what the server recorded; while the same is queued, it is not queued again."""
    day = since.isoformat() if since is not None else None
    return Call(
        method="POST",
        path=f"{API}/policies/{segment(policy)}/backtest",
        query={"last": str(last), **given(project=project, since=day)},
        body=Body(contents=(text,), content_type="application/yaml"),
        statuses=frozenset({202}),
        read=lambda answer: decoded(answer, BacktestStanding),
    )


def backtest(id: str) -> Call[BacktestStanding]:  # noqa: A002 - the word of the API
    """Ask how far a backtest is."""
    return get(f"/backtests/{segment(id)}", BacktestStanding)


def create_token(
    *,
    name: str,
    scopes: Iterable[str],
    projects: Iterable[str],
    refs: Iterable[str] = ("*",),
    kinds: Iterable[str] = (),
    expires_in_days: int = 90,
) -> Call[NewToken]:
    """Make a token. It is not sent again after a lost answer: nobody would know the secret of the first."""
    content = {
        "name": name,
        "scopes": list(scopes),
        "projects": list(projects),
        "refs": list(refs),
        "kinds": list(kinds),
        "expires_in_days": expires_in_days,
    }
    return post("/tokens", content, NewToken, frozenset({200, 201}), is_idempotent=False)


def tokens(*, cursor: str | None = None) -> Call[Page[Token]]:
    """List tokens, without their secrets."""
    return get("/tokens", Page[Token], given(cursor=cursor))


def rotate_token(id: str, *, grace_hours: int = 24) -> Call[NewToken]:  # noqa: A002 - the word of the API
    """Make the successor of a token; the old one stays valid for the grace."""
    path = f"/tokens/{segment(id)}/rotate"
    return post(path, {"grace_hours": grace_hours}, NewToken, frozenset({200, 201}), is_idempotent=False)


def revoke_token(id: str) -> Call[None]:  # noqa: A002 - the word of the API
    """End a token now."""
    return Call(
        method="DELETE",
        path=f"{API}/tokens/{segment(id)}",
        statuses=frozenset({200, 204}),
        read=lambda _: None,
    )


def _behind(path: str, digest: str) -> Call[bytes]:
    """The bytes behind a digest, and no others."""

    def read(answer: Answer) -> bytes:
        refuse_other(answer, {"digest": digest}, {"digest": digest_of_bytes(answer.body)})
        return answer.body

    return Call(method="GET", path=f"{API}{path}", read=read)


def whoami() -> Call[Whoami]:
    """Ask whom the server takes the caller for."""
    return get("/whoami", Whoami)


def health() -> Call[Health]:
    """Ask whether the server can work now. Needs no credential."""
    return Call(method="GET", path="/readyz", statuses=frozenset({200, 503}), read=read_health)
