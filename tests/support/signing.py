"""Questions and people's records in few words, for tests of what holds a release back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from gatekeeper.decision import Outcome, Status
from gatekeeper.finding import Severity
from gatekeeper.policy.entry import Asked
from gatekeeper.policy.promotion import Owed, Path
from gatekeeper.signoff import Approval, Obligation, Override, PriorDecision, Shown, Verdict

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
TREE, OTHER_TREE = "1" * 40, "2" * 40
ARTIFACT, OTHER_ARTIFACT = "sha256:" + "a" * 64, "sha256:" + "b" * 64
DEMANDS = "sha256:" + "d" * 64


def path(name: str = "standard", *, in_order: bool = True, obligations: tuple[Owed, ...] = ()) -> Path:
    """A path over three stages."""
    stages = ("test", "uat", "production")
    return Path(name=name, stages=stages, in_order=in_order, obligations=obligations)


def asked(
    stage: str = "production",
    *,
    on: Path | None = None,
    tree: str | None = TREE,
    artifact: str = ARTIFACT,
    as_of: datetime = NOW,
) -> Asked:
    """May the subject enter the stage now?"""
    return Asked(stage=stage, path=on or path(), tree=tree, artifact=artifact, as_of=as_of)


def minutes(count: int) -> datetime:
    """So many minutes after now; negative: before."""
    return NOW + timedelta(minutes=count)


def prior(stage: str = "uat", *, allowed: bool = True, at: int = -60, on: str = "standard") -> PriorDecision:
    """An earlier decision about the subject."""
    return PriorDecision(
        stage=stage,
        path=on,
        decision=f"dec_{stage}_{on}_{at}_{allowed}",
        outcome=Outcome.PASS if allowed else Outcome.FAIL,
        allowed=allowed,
        as_of=minutes(at),
    )


def approval(
    person: str,
    role: str,
    *,
    at: int = -30,
    verdict: Verdict = Verdict.APPROVE,
    stage: str = "production",
    on: str = "standard",
    tree: str = TREE,
    artifact: str = ARTIFACT,
    demands: str = DEMANDS,
    rules: Mapping[str, Status] | None = None,
    findings: Mapping[str, Severity] | None = None,
    withdrawn: int | None = None,
) -> Approval:
    """The word of a person; `at` and `withdrawn` are minutes after now."""
    return Approval(
        id=f"apr_{person}_{role}_{verdict}_{at}",
        person=person,
        role=role,
        verdict=verdict,
        stage=stage,
        path=on,
        tree=tree,
        artifact=artifact,
        shown=Shown(demands=demands, rules=dict(rules or {}), findings=dict(findings or {})),
        given_at=minutes(at),
        withdrawn_at=None if withdrawn is None else minutes(withdrawn),
    )


def override(
    id_: str = "ovr_1",
    *,
    people: tuple[str, str] = ("ann", "bob"),
    stage: str = "production",
    tree: str = TREE,
    artifact: str = ARTIFACT,
    begins: int = -60,
    ends: int = 60,
    revoked: int | None = None,
) -> Override:
    """A break-glass permission; its times are minutes after now."""
    return Override(
        id=id_,
        people=people,
        reason="the shop is down",
        stage=stage,
        tree=tree,
        artifact=artifact,
        granted_at=minutes(begins),
        expires_at=minutes(ends),
        revoked_at=None if revoked is None else minutes(revoked),
    )


def obligation(
    id_: str = "obl_1", *, due: int = 60, opened: int = -60, settled: int | None = None
) -> Obligation:
    """What is owed; its times are minutes after now."""
    return Obligation(
        id=id_,
        title="Run the tests that were left out",
        owner_role="qa-lead",
        decision="dec_1",
        opened_at=minutes(opened),
        due_at=minutes(due),
        settled_at=None if settled is None else minutes(settled),
    )
