"""Tokens and callers, as the API writes and takes them. A secret is in one answer only."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gatekeeper.access import TokenRecord
from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.evidence import Kind
from gatekeeper_api.schemas.base import Glob, Line, Sent, Shape


class Token(Shape):
    """What is known of a token; its secret is not."""

    id: str = Field(examples=["k3v5tq2mzx7a"])
    name: str = Field(examples=["pay/api pipeline"])
    scopes: list[Scope]
    projects: list[str]
    refs: list[str]
    kinds: list[Kind] = Field(description="Kinds of evidence that it may send; empty: all.")
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="Noted every few minutes.")

    @classmethod
    def of(cls, one: TokenRecord) -> "Token":
        """The token as the API writes it."""
        return cls(
            id=one.id,
            name=one.name,
            scopes=sorted(one.scopes),
            projects=list(one.projects),
            refs=list(one.refs),
            kinds=list(one.kinds),
            created_at=one.created_at,
            expires_at=one.expires_at,
            revoked_at=one.revoked_at,
            last_used_at=one.last_used_at,
        )


class NewToken(Shape):
    """A token with its secret, which nobody can show again."""

    token: Token
    secret: str = Field(examples=["gk_k3v5tq2mzx7a_..."])


class TokenRequest(Sent):
    """A token to be."""

    name: Annotated[Line, Field(max_length=100, examples=["pay/api pipeline"])]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))]
    projects: Annotated[tuple[Glob, ...], Field(max_length=100)]
    refs: Annotated[tuple[Glob, ...], Field(max_length=100)] = ("*",)
    kinds: Annotated[tuple[Kind, ...], Field(max_length=len(Kind))] = ()
    expires_in_days: Annotated[int, Field(ge=1, le=366)] = 90


class Rotation(Sent):
    """How the old token ends."""

    grace_hours: Annotated[int, Field(ge=0, le=720)] = 24


class Held(Shape):
    """What a person holds on the projects that match."""

    role: str | None = Field(examples=["qa-lead"])
    scopes: list[Scope]
    projects: list[str]


class Whoami(Shape):
    """The caller as the server sees it."""

    principal: str = Field(examples=["token:gk_k3v5tq2mzx7a"])
    method: Method
    scopes: list[Scope]
    projects: list[str]
    refs: list[str]
    kinds: list[Kind]
    expires_at: datetime | None
    person: str | None = Field(description="Id of the person, for a session.", examples=["usr_06b1"])
    held: list[Held] = Field(description="What a person holds where: not every scope for every project.")

    @classmethod
    def of(cls, caller: Caller) -> "Whoami":
        """The caller as the API writes it; for a job, the project that its provider names."""
        held = [
            Held(role=one.role, scopes=sorted(one.scopes), projects=list(one.projects))
            for one in caller.holdings
        ]
        globs = {glob for one in caller.holdings for glob in one.projects} | set(caller.projects)
        return cls(
            principal=caller.principal,
            method=caller.method,
            scopes=sorted(caller.scopes),
            projects=[caller.claims.project_path] if caller.claims else sorted(globs),
            refs=list(caller.refs),
            kinds=list(caller.kinds),
            expires_at=caller.expires_at,
            person=caller.person,
            held=held,
        )
