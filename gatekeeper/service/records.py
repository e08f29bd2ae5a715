"""What people signed about a subject, as a question sees it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gatekeeper.canonical import digest
from gatekeeper.policy.model import Policy
from gatekeeper.project import Project
from gatekeeper.signoff import PriorDecision, Records
from gatekeeper.store import approvals, decisions, obligations, overrides, waivers
from gatekeeper.store.database import Connection
from gatekeeper.waiver import Waiver

LISTED_AFTER_END = timedelta(days=30)
"""So long decisions still name a waiver that has ended."""


@dataclass(frozen=True, kw_only=True)
class Signed:
    """The waivers and records of one question."""

    waivers: tuple[Waiver, ...] = ()
    records: Records = field(default_factory=Records)


def signed(
    connection: Connection,
    project: Project,
    policy: Policy,
    *,
    stage: str,
    tree: str,
    artifact: str,
    now: datetime,
) -> Signed:
    """What this snapshot holds for this subject entering `stage`."""
    granted = (
        one.waiver(project.path)
        for one in waivers.granted(connection, project.id, since=now - LISTED_AFTER_END)
    )
    held = tuple(one for one in granted if one is not None and one.enters(stage))
    open_ = tuple(one.obligation for one in obligations.open_in(connection, project.id))
    if not tree:  # no record of a person can be about an artifact of which nobody knows the source
        return Signed(waivers=held, records=Records(obligations=open_))
    given = approvals.of_source(connection, project.id, tree, stage=stage)
    asked = overrides.of_source(connection, project.id, tree, stage=stage)
    return Signed(
        waivers=held,
        records=Records(
            approvals=tuple(one.approval for one in given),
            overrides=tuple(one.override for one in asked if one.override is not None),
            obligations=open_,
            prior=prior(connection, project, policy, stage=stage, tree=tree, artifact=artifact),
        ),
    )


def prior(
    connection: Connection, project: Project, policy: Policy, *, stage: str, tree: str, artifact: str
) -> tuple[PriorDecision, ...]:
    """The newest decisions about this subject for the stages before `stage`."""
    before = stages_before(policy, stage)
    if not (tree and before):
        return ()
    return tuple(decisions.entered(connection, project.id, tree=tree, artifact=artifact, stages=before))


def order_of(prior: tuple[PriorDecision, ...]) -> str:
    """A text that changes with what the stages before said: another one makes another question here."""
    return digest(prior).removeprefix("sha256:")[:16] if prior else ""


def stages_before(policy: Policy, stage: str) -> tuple[str, ...]:
    """The stages that some path in order enters right before `stage`."""
    found = {
        path.stages[path.stages.index(stage) - 1]
        for path in policy.paths
        if path.in_order and stage in path.stages[1:]
    }
    return tuple(sorted(found))


def stages_after(policy: Policy, stage: str) -> tuple[str, ...]:
    """The stages for which a decision about `stage` matters."""
    return tuple(one for one in policy.stages if stage in stages_before(policy, one))
