"""The calls of the API about policies on their way. Pure, as `calls`."""

from datetime import datetime
from typing import Any

from gatekeeper.client.answers import decoded
from gatekeeper.client.body import Body
from gatekeeper.client.call import API, Call, get, given, post, segment
from gatekeeper.client.model import Page
from gatekeeper.client.policy_model import PolicyDraft, PolicyResolution

_OK = frozenset({200})
_MADE = frozenset({201})


def begin_draft(
    name: str, text: bytes, *, based_on: int | None, reason: str = "", in_force_from: datetime | None = None
) -> Call[PolicyDraft]:
    """Begin a draft. Not sent again after a lost answer: there would be two."""
    return Call(
        method="POST",
        path=f"{API}/policies/{segment(name)}/drafts",
        query=_query(based_on, reason, in_force_from),
        body=Body(contents=(text,), content_type="application/yaml"),
        statuses=_MADE,
        is_idempotent=False,
        read=lambda answer: decoded(answer, PolicyDraft),
    )


def save_draft(
    id: str,  # noqa: A002 - the word of the API
    text: bytes,
    *,
    revision: int,
    based_on: int | None,
    reason: str = "",
    in_force_from: datetime | None = None,
) -> Call[PolicyDraft]:
    """Save a draft that stands at `revision`."""
    return Call(
        method="PUT",
        path=f"{API}/policy-drafts/{segment(id)}",
        query={"revision": str(revision), **_query(based_on, reason, in_force_from)},
        body=Body(contents=(text,), content_type="application/yaml"),
        is_idempotent=False,
        read=lambda answer: decoded(answer, PolicyDraft),
    )


def drafts(
    *, policy: str | None = None, state: str | None = None, cursor: str | None = None
) -> Call[Page[PolicyDraft]]:
    """List drafts, the newest first."""
    return get("/policy-drafts", Page[PolicyDraft], given(policy=policy, state=state, cursor=cursor))


def draft(id: str) -> Call[PolicyDraft]:  # noqa: A002 - the word of the API
    """Show a draft, with what it changes."""
    return get(f"/policy-drafts/{segment(id)}", PolicyDraft)


def submit_draft(id: str, *, revision: int) -> Call[PolicyDraft]:  # noqa: A002 - the word of the API
    """Let a draft wait for a second person."""
    return _step(id, "submit", {"revision": revision})


def withdraw_draft(id: str, *, revision: int) -> Call[PolicyDraft]:  # noqa: A002 - the word of the API
    """Give a draft up."""
    return _step(id, "withdraw", {"revision": revision})


def approve_draft(
    id: str,  # noqa: A002 - the word of the API
    *,
    revision: int,
    digest: str,
    comment: str = "",
    backtest: str | None = None,
) -> Call[PolicyDraft]:
    """Approve what was shown, by its digest."""
    content: dict[str, Any] = {"revision": revision, "digest": digest, "comment": comment}
    return _step(id, "approve", content | given(backtest=backtest))


def reject_draft(
    id: str,  # noqa: A002 - the word of the API
    *,
    revision: int,
    comment: str,
) -> Call[PolicyDraft]:
    """Reject a draft, and say why."""
    return _step(id, "reject", {"revision": revision, "comment": comment})


def roll_back(name: str, *, to: int, reason: str) -> Call[PolicyDraft]:
    """Submit the content of an older version again."""
    path = f"/policies/{segment(name)}/rollback"
    return post(path, {"to": to, "reason": reason}, PolicyDraft, _MADE, is_idempotent=False)


def policy_text(name: str, version: int) -> Call[bytes]:
    """Fetch the YAML of a version."""
    return Call(
        method="GET",
        path=f"{API}/policies/{segment(name)}/versions/{version}",
        read=lambda answer: answer.body,
    )


def resolve_policy(project: str) -> Call[PolicyResolution]:
    """Ask which policy decides about a project, and why."""
    return get("/policy-resolution", PolicyResolution, {"project": project})


def _step(draft_id: str, step: str, content: dict[str, Any]) -> Call[PolicyDraft]:
    path = f"/policy-drafts/{segment(draft_id)}/{step}"
    return post(path, content, PolicyDraft, _OK, is_idempotent=False)


def _query(based_on: int | None, reason: str, in_force_from: datetime | None) -> dict[str, str]:
    at = in_force_from.isoformat() if in_force_from is not None else None
    number = str(based_on) if based_on is not None else None
    return given(based_on=number, reason=reason or None, in_force_from=at)
