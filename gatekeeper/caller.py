"""Who asks, and what they may do: a token's grant or the proven claims of a pipeline job."""

from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec

from gatekeeper.evidence import Kind


class Scope(StrEnum):
    """One thing that a token may do. Signing off is not among them: only people approve."""

    PROJECT_CREATE = "project:create"
    EVIDENCE_WRITE = "evidence:write"
    GATE_READ = "gate:read"
    DECISION_WRITE = "decision:write"
    SCAN_RUN = "scan:run"
    POLICY_WRITE = "policy:write"
    WAIVER_WRITE = "waiver:write"
    AUDIT_READ = "audit:read"
    LEDGER_READ = "ledger:read"
    METRICS_READ = "metrics:read"
    ADMIN = "admin"


class Method(StrEnum):
    """How a caller proved who it is."""

    TOKEN = "token"
    OIDC = "oidc"


JOB_SCOPES = frozenset({Scope.EVIDENCE_WRITE, Scope.GATE_READ, Scope.DECISION_WRITE})
"""What a pipeline job may do with its own identity, and only for what its claims name."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a CI provider signed about one job. Nothing in a request body can say otherwise."""

    issuer: str
    provider: str
    """`gitlab` or `github`."""
    project_id: str
    """The provider's numeric id: a path can be given to somebody else, the id cannot."""
    project_path: str
    commit: str
    ref: str
    """Branch or tag without `refs/heads/`, as people write it; `refs/pull/7/merge` stays whole."""
    ref_protected: bool
    environment: str | None
    environment_tier: str | None
    """GitLab's `deployment_tier`."""
    run: str
    job: str
    attempt: str
    user: str
    expires_at: datetime


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever sends a request, after the proof. `principal` is opaque and never a person's name."""

    principal: str
    """`token:gk_3f9a...` (the public part), or `oidc:<issuer>#<project id>`."""
    method: Method
    scopes: frozenset[Scope]
    projects: tuple[str, ...] = ()
    """Globs of project paths; `*` also matches slashes. Empty: none."""
    refs: tuple[str, ...] = ("*",)
    """Globs of refs for which evidence may be sent."""
    kinds: tuple[Kind, ...] = ()
    """Kinds of evidence that may be sent; empty: all."""
    expires_at: datetime | None = None
    claims: Claims | None = None

    def may(self, scope: Scope) -> bool:
        """True when the grant holds `scope`; `admin` holds all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def reaches(self, project: str) -> bool:
        """True when `project` is among the projects of the grant."""
        return any(fnmatchcase(project, glob) for glob in self.projects)

    def reaches_ref(self, ref: str | None) -> bool:
        """True when evidence for `ref` may be sent; without a ref only an unlimited grant can."""
        return "*" in self.refs or (ref is not None and any(fnmatchcase(ref, glob) for glob in self.refs))
