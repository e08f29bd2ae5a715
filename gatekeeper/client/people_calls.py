"""The calls of the API about people and sessions. Pure, as `calls`."""

from collections.abc import Iterable
from typing import Any

from gatekeeper.client.answers import decoded
from gatekeeper.client.call import API, Call, get, given, json_body, post, segment
from gatekeeper.client.model import Grant, NewSession, Page, Person


def log_in(*, login: str, password: str, totp: str | None = None) -> Call[NewSession]:
    """Begin a session. Not sent again after a lost answer: each arrival counts as a try."""
    content = {"login": login, "password": password, "bearer": True, **given(totp=totp)}
    return post("/sessions", content, NewSession, frozenset({201}), is_idempotent=False)


def log_out() -> Call[None]:
    """End the session that asks."""
    return Call(
        method="DELETE", path=f"{API}/sessions/current", statuses=frozenset({204}), read=lambda _: None
    )


def add_person(
    *,
    name: str,
    login: str,
    password: str,
    email: str | None = None,
    email_verified: bool = False,
    admin: bool = False,
) -> Call[Person]:
    """Add a person with an account of the server."""
    content: dict[str, Any] = {"name": name, "login": login, "password": password, **given(email=email)}
    content |= {"email_verified": email_verified, "admin": admin}
    return post("/people", content, Person, frozenset({201}), is_idempotent=False)


def people(*, cursor: str | None = None) -> Call[Page[Person]]:
    """List people."""
    return get("/people", Page[Person], given(cursor=cursor))


def person(id: str) -> Call[Person]:  # noqa: A002 - the word of the API
    """Show one person."""
    return get(f"/people/{segment(id)}", Person)


def grant(
    id: str,  # noqa: A002 - the word of the API
    *,
    projects: Iterable[str],
    role: str | None = None,
    scopes: Iterable[str] = (),
    expires_in_days: int | None = None,
) -> Call[Grant]:
    """Grant a role or scopes to a person."""
    content: dict[str, Any] = {"projects": list(projects), "scopes": list(scopes)}
    content |= given(role=role, expires_in_days=expires_in_days)
    path = f"/people/{segment(id)}/grants"
    return post(path, content, Grant, frozenset({201}), is_idempotent=False)


def revoke_grant(id: str, grant_id: str) -> Call[None]:  # noqa: A002 - the word of the API
    """End a grant now."""
    path = f"{API}/people/{segment(id)}/grants/{segment(grant_id)}"
    return Call(method="DELETE", path=path, statuses=frozenset({204}), read=lambda _: None)


def set_active(id: str, *, is_active: bool) -> Call[Person]:  # noqa: A002 - the word of the API
    """Shut a person out, or let in again."""
    return Call(
        method="PUT",
        path=f"{API}/people/{segment(id)}/active",
        body=json_body({"is_active": is_active}),
        read=lambda answer: decoded(answer, Person),
    )


def set_password(
    id: str,  # noqa: A002 - the word of the API
    *,
    password: str,
    reset_totp: bool = False,
) -> Call[None]:
    """Set the password of a person."""
    return Call(
        method="PUT",
        path=f"{API}/people/{segment(id)}/password",
        body=json_body({"password": password, "reset_totp": reset_totp}),
        statuses=frozenset({204}),
        read=lambda _: None,
    )
