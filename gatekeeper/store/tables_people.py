"""The tables of people: accounts, grants, sessions, and logins that are under way."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index

from gatekeeper.store.fields import big, optional_text, text, time
from gatekeeper.store.tables import Base


class PersonRow(Base, table=True):
    """Somebody who can sign."""

    __tablename__ = "person"
    id: str = text(key=True)
    name: str = text()
    is_active: bool
    joined_into: str | None = optional_text()
    created_at: datetime = time()


class PersonIdentityRow(Base, table=True):
    """An account of a person; `email` in small letters."""

    __tablename__ = "person_identity"
    __table_args__ = (
        ForeignKeyConstraint(["person"], ["person.id"]),
        Index(None, "person"),
        Index(None, "email"),
    )
    issuer: str = text(key=True)
    subject: str = text(key=True)
    person: str = text()
    email: str | None = optional_text()
    email_verified: bool
    created_at: datetime = time()


class LocalAccountRow(Base, table=True):
    """What proves a login of this server."""

    __tablename__ = "local_account"
    __table_args__ = (ForeignKeyConstraint(["person"], ["person.id"]), Index(None, "person"))
    login: str = text(key=True)
    person: str = text()
    password: str = text()
    totp: str | None = optional_text()
    totp_confirmed: bool
    totp_step: int = big()


class RecoveryCodeRow(Base, table=True):
    """A code that stands once for the second factor; it goes when it is used."""

    __tablename__ = "recovery_code"
    __table_args__ = (ForeignKeyConstraint(["login"], ["local_account.login"]),)
    login: str = text(key=True)
    sha256: str = text(key=True)


class PersonGrantRow(Base, table=True):
    """What was granted to a person; it never changes but for its end."""

    __tablename__ = "person_grant"
    __table_args__ = (ForeignKeyConstraint(["person"], ["person.id"]), Index(None, "person"))
    id: str = text(key=True)
    person: str = text()
    role: str | None = optional_text()
    scopes: str = text()
    projects: str = text()
    granted_by: str = text()
    granted_at: datetime = time()
    expires_at: datetime | None = time(is_optional=True)
    revoked_at: datetime | None = time(is_optional=True)


class SessionRow(Base, table=True):
    """A login that lasts; its secret is known only as a digest."""

    __tablename__ = "session"
    __table_args__ = (
        ForeignKeyConstraint(["person"], ["person.id"]),
        Index(None, "person"),
        Index(None, "ends_at"),
    )
    id: str = text(key=True)
    sha256: str = text()
    person: str = text()
    method: str = text()
    held: str = text()
    created_at: datetime = time()
    last_used_at: datetime = time()
    ends_at: datetime = time()
    ended_at: datetime | None = time(is_optional=True)


class LoginFailureRow(Base, table=True):
    """How often somebody failed lately, by login name or address; both only as a digest."""

    __tablename__ = "login_failure"
    __table_args__ = (Index(None, "last_at"),)
    key: str = text(key=True)
    count: int = big()
    last_at: datetime = time()
    again_at: datetime = time()


class OidcAttemptRow(Base, table=True):
    """A login that a browser began and a provider has not answered yet."""

    __tablename__ = "oidc_attempt"
    __table_args__ = (Index(None, "began_at"),)
    state_sha256: str = text(key=True)
    browser_sha256: str = text()
    provider: str = text()
    nonce: str = text()
    verifier: str = text()
    began_at: datetime = time()
