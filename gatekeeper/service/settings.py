"""Settings of the server: every folder, address and limit, read once from `GATEKEEPER_*` and passed down."""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from gatekeeper.caller import Scope
from gatekeeper.errors import UsageError
from gatekeeper.settings import settings_from

PREFIX = "GATEKEEPER_"
_MIB = 1024 * 1024
_SHOWN_CHARS = 80
_UNSHOWN = frozenset({"login_providers"})
"""Settings in which somebody may have written a secret by mistake, in place of the name of its file."""
_NOT_REACHED = "default_factory_not_called"
"""What pydantic adds for a default that rests on a value already refused."""


class BadSetting(UsageError):
    """A setting has a value that cannot be used; the message names variable, value and what is allowed."""

    code = "bad-setting"


class Issuer(BaseModel):
    """A CI provider whose id_tokens are believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1)
    """The `iss` claim, byte for byte."""
    provider: Literal["gitlab", "github"]
    audience: str = Field(min_length=1)
    jwks_uri: str | None = None
    """Where its keys are; by default what its discovery document says."""
    groups: tuple[str, ...] = ()
    """Globs of project paths: there the first upload of a job creates its project."""
    max_age_s: int = Field(default=3600, ge=60, le=7 * 24 * 3600)
    """How long after its issue an id_token counts: as long as the longest job that asks at its end."""


class GroupGrant(BaseModel):
    """What a group of a login provider means here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str = Field(min_length=1, max_length=300)
    role: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=60)
    scopes: frozenset[Scope] = frozenset()
    projects: tuple[str, ...] = Field(min_length=1, max_length=100)


class LoginProvider(BaseModel):
    """An OpenID Connect provider by which people log in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)
    """Part of the addresses `/api/v1/login/oidc/<name>` and `/callback` below it."""
    issuer: str = Field(min_length=1)
    client_id: str = Field(min_length=1, max_length=200)
    secret_file: Path | None = None
    """A file with the client's secret; without one the client is a public one, proven by PKCE alone."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    groups_claim: str = "groups"
    grants: tuple[GroupGrant, ...] = ()
    """What its groups mean, for the sessions that begin by it."""


def _data_folder() -> Path:
    return settings_from(os.environ, home=Path.home()).data / "server"


def _sqlite_in(known: dict[str, Any]) -> SecretStr:
    return SecretStr(f"sqlite:///{known.get('data', Path())}/gatekeeper.sqlite")


def _blobs_in(known: dict[str, Any]) -> str:
    return str(known.get("data", Path()) / "blobs")


class ServerSettings(BaseSettings):
    """Where the server keeps things, whom it listens to and believes, and every limit.

    Build it with `server_settings()`, which says what is wrong in words.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    data: Path = Field(default_factory=_data_folder, description="a folder")
    database_url: SecretStr = Field(
        default_factory=_sqlite_in, description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"
    )
    blobs: str = Field(default_factory=_blobs_in, description="a folder, or s3://BUCKET/PREFIX")
    s3_endpoint: str | None = Field(default=None, description="the URL of an S3 service other than AWS")
    s3_region: str | None = None
    s3_access_key_id: SecretStr | None = None
    s3_secret_access_key: SecretStr | None = None

    host: str = Field(default="127.0.0.1", min_length=1, description="an address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="0 to 65535; 0 takes any that is free")
    https: bool = Field(default=False, description="true when clients come through a proxy that speaks https")
    public_url: str | None = Field(
        None, pattern=r"^https?://[^\s]+$", description="http:// or https:// and a host"
    )
    shutdown_s: int = Field(default=10, ge=1, le=600, description="1 to 600 seconds")

    max_body_bytes: int = Field(default=512 * _MIB, ge=1024, description="1024 or more bytes")
    """What one upload may be on the wire, compressed or not."""
    max_decoded_bytes: int = Field(default=512 * _MIB, ge=1024, description="1024 or more bytes")
    """What it may become; the readers take no larger report."""
    max_ratio: int = Field(default=200, ge=2, le=100_000, description="2 to 100000")
    """Decoded bytes for each byte on the wire, once more than `ratio_free_bytes` came out. Repetitive
    reports shrink 20 to 100 times; gzip reaches 1032 and zstd far more only on bytes made for it."""
    ratio_free_bytes: int = Field(default=10 * _MIB, ge=0, description="0 or more bytes")
    max_record_bytes: int = Field(default=64 * _MIB, ge=1024, description="1024 or more bytes")
    max_commit_bytes: int = Field(default=64 * 1024, ge=256, description="256 or more bytes")
    max_json_bytes: int = Field(default=1 * _MIB, ge=1024, description="1024 or more bytes")
    """A request that is no upload: JSON, or a policy."""
    max_upload_parts: int = Field(default=1000, ge=1, le=100_000, description="1 to 100000")
    """Parts of one evidence set (`part=2/5`)."""
    body_idle_s: int = Field(default=60, ge=1, le=3600, description="1 to 3600 seconds")
    """How long a sender may be silent in the middle of a body."""
    drain_bytes: int = Field(default=64 * _MIB, ge=0, description="0 or more bytes")
    """How much more of a refused body is read, so that the sender hears the answer, before hanging up."""

    issuers: tuple[Issuer, ...] = Field(
        default=(),
        description='a JSON list such as [{"issuer": "https://gitlab.example.com", "provider": "gitlab", '
        '"audience": "https://gate.example.com"}]',
    )
    login_providers: tuple[LoginProvider, ...] = Field(
        default=(),
        description='a JSON list such as [{"name": "gitlab", "issuer": "https://gitlab.example.com", '
        '"client_id": "...", "secret_file": "/run/secrets/gitlab"}]',
    )
    """By whom people log in, beside the accounts of this server."""
    session_idle_min: int = Field(default=480, ge=1, le=7 * 24 * 60, description="1 to 10080 minutes")
    """A person's session that was not used for so long is over."""
    session_max_h: int = Field(default=168, ge=1, le=90 * 24, description="1 to 2160 hours")
    """And so long after the login, however much it was used."""
    auth_failures_per_minute: int = Field(default=10, ge=1, le=100_000, description="1 to 100000")
    """Wrong credentials of one address before it is answered with 429."""
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description='a JSON list of addresses or networks such as ["10.0.0.0/8"]'
    )
    """Proxies whose X-Forwarded-For says who asks; of others it says nothing."""
    default_policy: str = Field(default="base", min_length=1, description="the name of a policy")
    policies_by_token: bool = Field(default=False, description="true or false")
    """True: policy:write alone puts a policy in force, also where people hold policy:approve."""
    set_deadline_min: int = Field(default=60, ge=1, le=7 * 24 * 60, description="1 to 10080 minutes")
    metrics_public: bool = Field(default=False, description="true or false")
    """True: `/metrics` asks for no token. False: it takes the scope metrics:read."""
    accept_forks: bool = Field(default=False, description="true or false")
    embedded_worker: bool | None = Field(default=None, description="true or false")
    """Whether `serve` does the jobs itself. By default with SQLite; with PostgreSQL `worker` does them."""
    parser_children: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, le=256, description="1 to 256 processes"
    )
    parser_memory_mb: int = Field(default=1536, ge=128, description="128 or more MiB for each process")
    parser_wall_s: int = Field(default=120, ge=1, le=3600, description="1 to 3600 seconds")
    log_format: Literal["json", "text"] | None = Field(default=None, description="json or text")
    """By default text on a terminal, else JSON."""
    log_requests: bool = Field(default=True, description="true or false")
    """False: no line for each request. It takes a tenth of what the gate query costs."""

    @field_validator("data", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("database_url", mode="after")
    @classmethod
    def _known_engine(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("unknown database")
        return value

    @field_validator("log_format", "public_url", "s3_endpoint", "s3_region", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return value or None

    @property
    def spool(self) -> Path:
        """Where uploads wait while they are read; whoever reads one removes it."""
        return self.data / "spool"

    @property
    def is_local(self) -> bool:
        """True when only this machine can reach the server."""
        return self.host in {"127.0.0.1", "::1", "localhost"}


def server_settings(**overrides: object) -> ServerSettings:
    """The settings of the environment; `overrides` (flags of a command) win where they are not None.

    Raises:
        BadSetting: a value cannot be used.
    """
    values: dict[str, Any] = {key: value for key, value in overrides.items() if value is not None}
    try:
        return ServerSettings(**values)
    except ValidationError as error:
        raise _refusal(error) from None  # pydantic's own text holds the input, which may be a secret
    except SettingsError as error:
        name = str(error).split('"')[1]
        raise BadSetting(
            f"{PREFIX}{name.upper()} is not JSON: {error.__cause__}", hint=f"allowed: {_allowed(name)}"
        ) from None


def _refusal(error: ValidationError) -> BadSetting:
    """The first fault in words; how many more there are."""
    faults = [fault for fault in error.errors(include_url=False) if fault["type"] != _NOT_REACHED]
    first, count = faults[0], len({fault["loc"][0] for fault in faults})
    name, *inner = (str(part) for part in first["loc"])
    shown = _shown(name, first["input"]) + (f" at {'.'.join(inner)} ({first['msg']})" if inner else "")
    more = f" (and {count - 1} more {'setting' if count == 2 else 'settings'})" if count > 1 else ""
    return BadSetting(
        f"{PREFIX}{name.upper()} is {shown}, which cannot be used{more}", hint=f"allowed: {_allowed(name)}"
    )


def _shown(name: str, value: object) -> str:
    """The value, cut; never one that may hold a password."""
    if name in _UNSHOWN or ServerSettings.model_fields[name].annotation in (SecretStr, SecretStr | None):
        return "a value that is not shown"
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."


def _allowed(name: str) -> str:
    return ServerSettings.model_fields[name].description or "text"
