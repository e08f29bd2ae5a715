"""People, sessions and grants, as the API writes and takes them. A secret is in one answer only."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from gatekeeper.caller import Scope
from gatekeeper.person import Grant as KeptGrant
from gatekeeper.person import Session as KeptSession
from gatekeeper.service.people.accounts import Known
from gatekeeper_api.schemas.base import Glob, Line, Sent, Shape

ROLE = r"^[a-z0-9][a-z0-9._-]*$"

Login = Annotated[str, Field(min_length=1, max_length=100, examples=["ann"])]
Password = Annotated[str, Field(min_length=1, max_length=1024)]
Code = Annotated[str, Field(min_length=6, max_length=40, examples=["123456"])]
Role = Annotated[str, Field(pattern=ROLE, max_length=60, examples=["qa-lead"])]


class Identity(Shape):
    """An account of a person."""

    issuer: str = Field(description="`local`, or the provider.", examples=["local"])
    subject: str = Field(description="The login name, or what the provider calls `sub`.", examples=["ann"])
    email: str | None
    email_verified: bool


class Grant(Shape):
    """What was granted to a person."""

    id: str = Field(examples=["grt_06b1"])
    role: str | None
    scopes: list[Scope]
    projects: list[str]
    granted_by: str
    granted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, one: KeptGrant) -> "Grant":
        """The grant as the API writes it."""
        return cls(
            id=one.id,
            role=one.role,
            scopes=sorted(one.scopes),
            projects=list(one.projects),
            granted_by=one.granted_by,
            granted_at=one.granted_at,
            expires_at=one.expires_at,
            revoked_at=one.revoked_at,
        )


class Person(Shape):
    """Somebody who can sign. All accounts with one verified e-mail are one person."""

    id: str = Field(examples=["usr_06b1"])
    name: str = Field(examples=["Ann Example"])
    is_active: bool
    has_totp: bool
    joined_into: str | None = Field(description="The person that this one turned out to be.")
    identities: list[Identity]
    grants: list[Grant] = Field(description="Also ended ones, in the order in which they were given.")
    created_at: datetime

    @classmethod
    def of(cls, known: Known) -> "Person":
        """The person as the API writes it."""
        one = known.person
        return cls(
            id=one.id,
            name=one.name,
            is_active=one.is_active,
            has_totp=known.has_totp,
            joined_into=one.joined_into,
            identities=[
                Identity(
                    issuer=each.issuer,
                    subject=each.subject,
                    email=each.email,
                    email_verified=each.email_verified,
                )
                for each in known.identities
            ],
            grants=[Grant.of(each) for each in known.grants],
            created_at=one.created_at,
        )


class NewPerson(Sent):
    """A person to be, with an account of this server."""

    name: Annotated[Line, Field(max_length=100, examples=["Ann Example"])]
    login: Login
    password: Password
    email: Annotated[str | None, Field(max_length=254)] = None
    email_verified: bool = Field(
        False, description="The administrator vouches that it is theirs; who else has it is the same person."
    )
    admin: bool = Field(False, description="The person administers this server, without an end.")


class NewGrant(Sent):
    """What is to be granted: a role, scopes, or both."""

    role: Role | None = None
    scopes: Annotated[tuple[Scope, ...], Field(max_length=len(Scope))] = ()
    projects: Annotated[tuple[Glob, ...], Field(min_length=1, max_length=100)]
    expires_in_days: Annotated[int | None, Field(ge=1, le=3660)] = None


class Activity(Sent):
    """Whether the person may do anything."""

    is_active: bool


class NewPassword(Sent):
    """A password that an administrator sets."""

    password: Password
    reset_totp: bool = Field(False, description="The second factor goes: its owner has lost it.")


class PasswordChange(Sent):
    """A password that its owner changes."""

    old: Password
    new: Password
    totp: Code | None = None


class CodeShown(Sent):
    """A code of the second factor."""

    totp: Code


class TotpSecret(Shape):
    """What an authenticator app takes. It is asked for only after a code was shown."""

    secret: str
    uri: str = Field(examples=["otpauth://totp/Gatekeeper:ann?secret=..."])


class LoginRequest(Sent):
    """Somebody logs in."""

    login: Annotated[str, Field(min_length=1, max_length=200, examples=["ann"])]
    password: Password
    totp: Code | None = Field(None, description="A code of the second factor, or a recovery code.")
    bearer: bool = Field(False, description="The secret is answered instead of set as a cookie.")


class Session(Shape):
    """A login that lasts."""

    id: str = Field(examples=["k3v5tq2mzx7a"])
    person: str = Field(examples=["usr_06b1"])
    method: str = Field(description="`local`, or the name of the provider.", examples=["local"])
    created_at: datetime
    last_used_at: datetime = Field(description="Noted every minute.")
    ends_at: datetime = Field(description="However much it is used; unused it ends before.")
    is_current: bool

    @classmethod
    def of(cls, one: KeptSession, current: str | None) -> "Session":
        """The session as the API writes it."""
        return cls(
            id=one.id,
            person=one.person,
            method=one.method,
            created_at=one.created_at,
            last_used_at=one.last_used_at,
            ends_at=one.ends_at,
            is_current=one.id == current,
        )


class NewSession(Shape):
    """A session that has just begun, or goes on under a new secret."""

    session: Session
    csrf_token: str = Field(description="For X-CSRF-Token beside the cookie.")
    secret: str | None = Field(
        description="Where the session is no cookie.", examples=["gks_k3v5tq2mzx7a_..."]
    )
    recovery_codes: list[str] = Field([], description="After the second factor was confirmed; shown once.")


class Sessions(Shape):
    """The open sessions of a person, the newest first."""

    items: list[Session]


class SessionsEnded(Shape):
    """How many sessions were ended."""

    ended: int


class LoginWays(Shape):
    """How one can log in here."""

    local: bool = Field(description="With `POST /sessions`.")
    providers: list[str] = Field(description="With `GET /login/oidc/{provider}`.")
