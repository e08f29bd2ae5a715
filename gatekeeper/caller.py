"""Who asks, and what they may do: a token's grant, the proven claims of a pipeline job, a person's grants."""

from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec

from gatekeeper.evidence import Kind


class Scope(StrEnum):
    """One thing that a caller may do. Those of `PERSON_SCOPES` no token ever holds: only people sign."""

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
    POLICY_APPROVE = "policy:approve"
    WAIVER_APPROVE = "waiver:approve"
    APPROVAL_GIVE = "approval:give"
    OVERRIDE_GIVE = "override:give"


class Method(StrEnum):
    """How a caller proved who it is."""

    TOKEN = "token"
    OIDC = "oidc"
    PERSON = "person"


PERSON_SCOPES = frozenset(
    {Scope.POLICY_APPROVE, Scope.WAIVER_APPROVE, Scope.APPROVAL_GIVE, Scope.OVERRIDE_GIVE}
)
"""What a person answers for by name. `admin` does not hold them: they are granted one by one."""
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


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """What a person holds on the projects that match: one grant, as far as it says what may be done."""

    projects: tuple[str, ...]
    """Globs of project paths; `*` also matches slashes."""
    scopes: frozenset[Scope] = frozenset()
    role: str | None = None
    """A word that policies name, such as `qa-lead`."""

    def reaches(self, project: str) -> bool:
        """True when `project` is among its projects."""
        return _matches(project, self.projects)


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever sends a request, after the proof. `principal` is opaque and never a person's name."""

    principal: str
    """`token:gk_3f9a...` (the public part), `oidc:<issuer>#<project id>`, or `person:usr_...`."""
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
    person: str | None = None
    """Id of the person, for `Method.PERSON` alone."""
    holdings: tuple[Holding, ...] = ()
    """What the person holds where. A person has no projects of its own before a scope was demanded, since
    each scope has others: `for_scope` gives them."""
    session: str | None = None
    """Public id of the person's session."""

    def may(self, scope: Scope) -> bool:
        """True when the grant holds `scope`; `admin` holds all but what only people do."""
        if scope in PERSON_SCOPES:
            return self.method is Method.PERSON and scope in self.scopes
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def for_scope(self, scope: Scope) -> "Caller":
        """The caller as far as `scope` goes: a person reaches the projects for which it is held.

        Tokens and jobs are the same for every scope that they hold. Ask `may` first.
        """
        if self.method is not Method.PERSON:
            return self
        held = (one for one in self.holdings if self.is_enough(one.scopes, scope))
        globs = {glob for one in held for glob in one.projects}
        return msgspec.structs.replace(self, projects=tuple(sorted(globs)))

    @staticmethod
    def is_enough(scopes: frozenset[Scope], scope: Scope) -> bool:
        """True when `scopes` of one holding hold `scope`."""
        return scope in scopes or (scope not in PERSON_SCOPES and Scope.ADMIN in scopes)

    def roles_in(self, project: str) -> frozenset[str]:
        """The roles of the person in `project`; tokens and jobs have none."""
        if self.method is not Method.PERSON:
            return frozenset()
        return frozenset(one.role for one in self.holdings if one.role and one.reaches(project))

    def scopes_in(self, project: str) -> frozenset[Scope]:
        """What the caller may do in `project`."""
        if self.method is not Method.PERSON:
            return self.scopes if self.reaches(project) else frozenset()
        return frozenset(scope for one in self.holdings if one.reaches(project) for scope in one.scopes)

    def reaches(self, project: str) -> bool:
        """True when `project` is among the projects of the grant."""
        return _matches(project, self.projects)

    def reaches_ref(self, ref: str | None) -> bool:
        """True when evidence for `ref` may be sent; without a ref only an unlimited grant can."""
        return "*" in self.refs or (ref is not None and any(fnmatchcase(ref, glob) for glob in self.refs))


def _matches(project: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(project, glob) for glob in globs)
