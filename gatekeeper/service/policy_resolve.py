"""Which policy applies to a project, and why: exactly one, always.

Somebody chose it; else the longest glob of a policy in force that fits the path; else the server's default.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.project import Project
from gatekeeper.recorded import Event
from gatekeeper.service.errors import Conflict, NotFound, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.policy_globs import ties
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, policies, policy_schedule, projects
from gatekeeper.store.database import Connection

Globs = Sequence[tuple[str, str]]
"""(glob, policy) of policies in force."""


class Why(StrEnum):
    """What made a policy apply."""

    ASSIGNED = "assigned"
    GLOB = "glob"
    DEFAULT = "default"


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that applies to a path."""

    policy: str
    why: Why
    glob: str | None = None


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """Which version of which policy decides about a project, which need not be there yet."""

    project: str
    is_there: bool
    policy: str
    version: int
    digest: str
    why: Why
    glob: str | None
    fitting: tuple[tuple[str, str], ...]
    """(glob, policy) of all that fit the path, the longest first, whatever applies."""
    next_at: datetime | None
    """When another version of the policy takes over."""


def resolve(server: Server, caller: Caller, path: str) -> Resolution:
    """Which policy decides about the project of this path, and why.

    Raises:
        Denied, NotFound: the path is not in the caller's reach; there is no such policy on this server.
        Conflict: `policy-tie`: two globs of one length fit.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)
    authorize.demand_path(caller, path)

    def work(connection: Connection) -> Resolution:
        found = projects.by_path(connection, path)
        if caller.claims is not None:
            authorize.demand_project(
                caller, path, found.issuer if found else None, found.provider_id if found else None
            )
        applied = _of_project(connection, found) or of_path(connection, path, server.rules.default_policy)
        version = policies.in_force(connection, applied.policy)
        if version is None:
            raise coded(NotFound, "policy-not-found", f"there is no policy {applied.policy!r} in force")
        return Resolution(
            project=path,
            is_there=found is not None,
            policy=applied.policy,
            version=version.version,
            digest=version.digest,
            why=applied.why,
            glob=applied.glob,
            fitting=tuple(_fitting(policy_schedule.globs(connection), path)),
            next_at=policy_schedule.next_at(connection, applied.policy),
        )

    return server.database.read(work)


def of_path(connection: Connection, path: str, default: str) -> Applied:
    """What applies to a project of this path for which nobody chose.

    Raises:
        Conflict: `policy-tie`. Publishing refuses what leads here.
    """
    return _of_globs(policy_schedule.globs(connection), path, default)


def _of_globs(globs: Globs, path: str, default: str) -> Applied:
    found = _fitting(globs, path)
    if not found:
        return Applied(policy=default, why=Why.DEFAULT)
    best = [one for one in found if len(one[0]) == len(found[0][0])]
    if len({policy for _, policy in best}) > 1:
        raise coded(
            Conflict,
            "policy-tie",
            f"two policies apply to {path!r}: " + ", ".join(f"{policy} by {glob}" for glob, policy in best),
            hint="choose one: `gatekeeper project use PATH POLICY`",
        )
    return Applied(policy=best[0][1], why=Why.GLOB, glob=best[0][0])


def demand_no_tie(connection: Connection, name: str, globs: tuple[str, ...]) -> None:
    """Return when nothing that is in force, or waits for its time, applies as much as these would.

    Raises:
        Conflict: `policy-tie`.
    """
    others = policy_schedule.globs(connection)
    others += [(glob, one.name) for one in policy_schedule.waiting(connection) for glob in one.globs]
    found = ties(name, globs, others)
    if found:
        mine, policy, theirs = found[0]
        raise coded(
            Conflict,
            "policy-tie",
            f"applies_to {mine!r} ties with {theirs!r} of policy {policy}: a project may fit both, and the "
            "longest glob decides",
            hint="make one of them longer or narrower, or leave it out and assign projects by hand",
        )


def apply_globs(
    connection: Connection, name: str, globs: tuple[str, ...], *, default: str, actor: str, at: datetime
) -> None:
    """Let the policy apply to `globs` from now on, and have every project that nobody assigned follow.

    Raises:
        Conflict: `policy-tie`; nothing of the transaction may be kept.
    """
    if not policy_schedule.set_globs(connection, name, globs):
        return
    now = policy_schedule.globs(connection)
    for project_id, path, held in policy_schedule.following(connection):
        applied = _of_globs(now, path, default)
        version = policies.in_force(connection, applied.policy) if applied.policy != held else None
        if version is not None:
            projects.change(connection, project_id, policy=applied.policy, policy_digest=version.digest)
            project = projects.lock(connection, project_id)
            told = event(
                Event.POLICY_ASSIGNED, project, project_id=project_id, actor=actor, at=at,
                subject=version.digest,
            )  # fmt: skip
            outbox.tell(connection, told)


def _of_project(connection: Connection, found: Project | None) -> Applied | None:
    """What holds for a project that is there: it says so itself. None: nothing is there."""
    if found is None:
        return None
    if found.is_assigned:
        return Applied(policy=found.policy, why=Why.ASSIGNED)
    fitting = _fitting(policy_schedule.globs(connection), found.path)
    glob = next((glob for glob, policy in fitting if policy == found.policy), None)
    return Applied(policy=found.policy, why=Why.GLOB if glob else Why.DEFAULT, glob=glob)


def _fitting(globs: Globs, path: str) -> list[tuple[str, str]]:
    found = [one for one in globs if fnmatchcase(path, one[0])]
    return sorted(found, key=lambda one: (-len(one[0]), one))
