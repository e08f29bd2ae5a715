"""What GitLab and GitHub Actions sign about a job, read strictly and put into our words."""

from datetime import datetime
from typing import Annotated, Literal, NoReturn, TypeVar, assert_never

import msgspec
from msgspec import Meta

from gatekeeper.caller import JOB_SCOPES, Caller, Claims, Method
from gatekeeper.service.errors import NotAuthenticated
from gatekeeper.service.identity.issuer_keys import Issuer

_ASK_AGAIN = "ask the CI provider for a new id_token and send it unchanged"
_SHOWN_CHARS = 240

Id = Annotated[str, Meta(pattern=r"^[0-9]{1,20}\Z")]
Commit = Annotated[str, Meta(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=1024)]
Label = Annotated[str, Meta(max_length=1024)]
Flag = Literal["true", "false"]
"""Both providers write booleans as text. A real boolean is refused: it is none of theirs."""

T = TypeVar("T")


class GitLabJob(msgspec.Struct, frozen=True):
    """GitLab, "OpenID Connect (OIDC) authentication using ID tokens", token payload."""

    project_id: Id
    project_path: Name
    sha: Commit
    ref: Name
    ref_protected: Flag
    pipeline_id: Id
    job_id: Id
    user_login: Label | None = None
    environment: Label | None = None
    deployment_tier: Label | None = None


class GitHubJob(msgspec.Struct, frozen=True):
    """GitHub, "OpenID Connect reference", custom claims provided by GitHub."""

    repository_id: Id
    repository: Name
    sha: Commit
    ref: Name
    ref_protected: Flag
    event_name: Name
    run_id: Id
    run_attempt: Id
    job_workflow_ref: Label | None = None
    actor: Label | None = None
    environment: Label | None = None


_FOREIGN_CODE = frozenset({"pull_request_target", "workflow_run"})
"""Events whose runs have the identity of the default branch and are commonly used to handle the code of a
pull request, which their `sha` and `ref` do not name."""

_CODE_OF_THE_REF = frozenset(
    {"push", "merge_group", "schedule", "workflow_dispatch", "repository_dispatch", "release", "deployment"}
)
"""Events that only people who may push can cause. Anybody may write a comment or open an issue, so runs of
such events never count as runs of a protected ref, whatever `ref_protected` says."""


def claims_in(payload: bytes, issuer: Issuer, expires_at: datetime) -> Claims:
    """What `payload`, which `issuer` signed, says about the job.

    Raises:
        NotAuthenticated: a claim that something is bound to is missing or has another type, or the job runs
            for an event whose identity does not name the code that it handles.
    """
    match issuer.provider:
        case "gitlab":
            return _gitlab_claims(read_json(payload, GitLabJob), issuer, expires_at)
        case "github":
            return _github_claims(read_json(payload, GitHubJob), issuer, expires_at)
        case "people":
            raise NotAuthenticated(f"issuer {issuer.issuer} is believed for people who log in, not for jobs")
        case _:
            assert_never(issuer.provider)


def caller_of_claims(claims: Claims) -> Caller:
    """The job as a caller. It reaches no project by path: `authorize` compares its claims instead."""
    return Caller(
        principal=f"oidc:{claims.issuer}#{claims.project_id}",
        method=Method.OIDC,
        scopes=JOB_SCOPES,
        refs=(claims.ref,),
        expires_at=claims.expires_at,
        claims=claims,
    )


def read_json(data: bytes, kind: type[T]) -> T:
    """`data` as `kind`.

    Raises:
        NotAuthenticated: it is not; the message names the claim that is missing or has the wrong type.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError as error:
        raise NotAuthenticated("the id_token is nested too deeply", hint=_ASK_AGAIN) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        what = str(error).replace("`$.", "claim `")[:_SHOWN_CHARS]
        raise NotAuthenticated(f"the id_token cannot be read: {what}", hint=_ASK_AGAIN) from error


def refuse(message: str, hint: str = _ASK_AGAIN) -> NoReturn:
    """Raise NotAuthenticated."""
    raise NotAuthenticated(message, hint=hint)


def _gitlab_claims(job: GitLabJob, issuer: Issuer, expires_at: datetime) -> Claims:
    return Claims(
        issuer=issuer.issuer,
        provider=issuer.provider,
        project_id=job.project_id,
        project_path=job.project_path,
        commit=job.sha,
        ref=job.ref,
        ref_protected=job.ref_protected == "true",
        environment=job.environment or None,
        environment_tier=job.deployment_tier or None,
        run=job.pipeline_id,
        job=job.job_id,
        attempt="1",  # a retried job of GitLab is another job, with another id
        user=job.user_login or "",
        expires_at=expires_at,
    )


def _github_claims(job: GitHubJob, issuer: Issuer, expires_at: datetime) -> Claims:
    if job.event_name in _FOREIGN_CODE:
        refuse(
            f"event_name {job.event_name}: its runs may handle code that their identity does not name",
            "use the identity of a run of push, pull_request or merge_group",
        )
    return Claims(
        issuer=issuer.issuer,
        provider=issuer.provider,
        project_id=job.repository_id,
        project_path=job.repository,
        commit=job.sha,
        ref=job.ref.removeprefix("refs/heads/").removeprefix("refs/tags/"),
        ref_protected=job.ref_protected == "true" and job.event_name in _CODE_OF_THE_REF,
        environment=job.environment or None,
        environment_tier=None,
        run=job.run_id,
        job=job.job_workflow_ref or "",
        attempt=job.run_attempt,
        user=job.actor or "",
        expires_at=expires_at,
    )
