"""What is released, and what is known of where its commits and artifacts come from."""

from datetime import datetime
from fnmatch import fnmatchcase

import msgspec

from gatekeeper.evidence import Provenance
from gatekeeper.subject import Source


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A slash path that people use, over an id that never changes."""

    id: str
    path: str
    policy: str
    """Name of the policy that applies."""
    default_ref: str
    protected_refs: tuple[str, ...]
    """Globs; believed only for tokens that are limited to such refs. A CI provider says it itself."""
    issuer: str | None = None
    provider_id: str | None = None
    """The CI provider's numeric id: a path can be given to somebody else, the id cannot."""
    policy_digest: str | None = None
    """Of the version in force; None while no version of `policy` is there."""
    is_assigned: bool = True
    """True when somebody chose the policy; else it follows what policies say they apply to."""
    created_at: datetime

    def protects(self, ref: str) -> bool:
        """True when `ref` is one of the protected ones."""
        return any(fnmatchcase(ref, glob) for glob in self.protected_refs)


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """This artifact was built from this source: said once, never changed."""

    project_id: str
    artifact: str
    source: Source
    image: str | None
    provenance: Provenance
    linked_at: datetime
