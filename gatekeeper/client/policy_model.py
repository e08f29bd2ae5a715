"""What a server answers about policies on their way, as frozen types."""

from datetime import datetime

import msgspec


class PolicyCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a draft and running its tests said."""

    digest: str | None = None
    faults: tuple[str, ...] = ()
    tests: int = 0
    failed: tuple[str, ...] = ()


class PolicyDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a policy to be."""

    id: str
    policy: str
    based_on: int | None = None
    revision: int
    state: str
    check: PolicyCheck
    reason: str = ""
    in_force_from: datetime | None = None
    authors: tuple[str, ...] = ()
    created_at: datetime
    changed_at: datetime
    judged_by: str | None = None
    comment: str = ""
    backtest: str | None = None
    version: int | None = None
    changes: tuple[str, ...] | None = None
    """Against what it is based on, in words; only where one draft is shown."""


class PolicyGlob(msgspec.Struct, frozen=True, kw_only=True):
    """A glob that fits, and whose it is."""

    glob: str
    policy: str


class PolicyResolution(msgspec.Struct, frozen=True, kw_only=True):
    """Which policy decides about a project, and why."""

    project: str
    is_there: bool
    policy: str
    version: int
    digest: str
    why: str
    glob: str | None = None
    fitting: tuple[PolicyGlob, ...] = ()
    next_at: datetime | None = None
