"""What an example of a policy file assumes of people and moments: waivers, signatures, order and windows."""

from collections.abc import Iterable, Iterator

import msgspec

from gatekeeper.decision import Decision, Outcome
from gatekeeper.policy.approvals import blocking_rules, open_findings
from gatekeeper.policy.assumed import SUBJECT, as_finding
from gatekeeper.policy.example import GivenApproval, GivenWaiver, Met, PolicyTest
from gatekeeper.policy.model import Policy
from gatekeeper.policy.promotion import Freeze, Path, Window
from gatekeeper.policy.spelling import later
from gatekeeper.policy.waivers import covered_by
from gatekeeper.signoff import Approval, PriorDecision, Records, Shown
from gatekeeper.waiver import Covered, Waiver, WaiverScope

OWNER, APPROVER = "owner", "approver"
_MOMENT_S = 1


def waivers_of(test: PolicyTest, policy: Policy) -> tuple[Waiver, ...]:
    """The waivers, granted just in time, by somebody in the role that the policy wants."""
    return tuple(_waiver(given, test, policy) for given in test.given.waivers)


def records_before(test: PolicyTest, path: Path) -> Records:
    """What there is before anybody signs: the allowed decision for the stage before, when order is met."""
    if _met(test, test.given.order) is Met.UNMET or test.stage not in path.stages[1:]:
        return Records()
    before = path.stages[path.stages.index(test.stage) - 1]
    prior = PriorDecision(
        stage=before,
        path=path.name,
        decision="dec_of_the_stage_before",
        outcome=Outcome.PASS,
        allowed=True,
        as_of=test.as_of,
    )
    return Records(prior=(prior,))


def approvals_of(test: PolicyTest, policy: Policy, path: Path, seen: Decision) -> tuple[Approval, ...]:
    """The signatures of people who saw the decision `seen` and all findings."""
    shown = Shown(
        demands=policy.signing_digest(test.stage, path),
        decision=seen.id,
        rules=blocking_rules(seen.rules),
        findings=open_findings(as_finding(one) for one in test.given.findings or ()),
    )
    return tuple(
        Approval(
            id=f"approval-{number}",
            person=given.person,
            role=given.role,
            verdict=given.verdict,
            stage=test.stage,
            path=path.name,
            tree=SUBJECT.source.tree if SUBJECT.source else "",
            artifact=SUBJECT.artifact or "",
            shown=shown,
            given_at=test.as_of,
        )
        for number, given in enumerate(_signing(test, policy, path), 1)
    )


def with_windows(test: PolicyTest, policy: Policy) -> Policy:
    """`policy`, its window for the stage opened or closed when the example assumes that it is."""
    window = policy.window(test.stage)
    given = test.given.windows
    if window is None or (given is None and test.given.everything_else is Met.UNMET):
        return policy
    met = _met(test, given)
    freezes: tuple[Freeze, ...] = ()
    if met is Met.UNMET:
        ends_at = later(test.as_of, _MOMENT_S)
        freezes = (Freeze(begins_at=test.as_of, ends_at=ends_at, reason="assumed by the example"),)
    assumed = Window(stage=test.stage, openings=(), freezes=freezes)
    others = tuple(one for one in policy.windows if one is not window)
    return msgspec.structs.replace(policy, windows=(*others, assumed))


def _met(test: PolicyTest, given: Met | None) -> Met:
    return test.given.everything_else if given is None else given


def _signing(test: PolicyTest, policy: Policy, path: Path) -> Iterable[GivenApproval]:
    if test.given.approvals is not None:
        return test.given.approvals
    signing = policy.signing(test.stage, path)
    if signing is None or test.given.everything_else is Met.UNMET:
        return ()
    return [
        GivenApproval(role=demand.role, person=f"{demand.role} {place}.{number}")
        for place, demand in enumerate(signing.demands)
        for number in range(demand.count)
    ]


def _waiver(given: GivenWaiver, test: PolicyTest, policy: Policy) -> Waiver:
    role = policy.waiver_limits.approved_by_role
    return Waiver(
        id=given.id,
        project=SUBJECT.project,
        scope=given.scope,
        match=given.match,
        covered=tuple(_covered(given, test)),
        accept=given.accept,
        reason="assumed by the example",
        ticket="",
        owner=OWNER,
        approver=APPROVER,
        approver_roles=() if role is None else (role,),
        granted_at=min(test.as_of, later(given.expires_at, -_MOMENT_S)),
        expires_at=given.expires_at,
    )


def _covered(given: GivenWaiver, test: PolicyTest) -> Iterator[Covered]:
    for one in test.given.findings or ():
        found = as_finding(one)
        # An example knows no fingerprints: there a finding is named by its id.
        is_named = given.scope is WaiverScope.FINDING and one.id == given.match
        match = found.fingerprint if is_named else given.match
        yield from covered_by(given.scope, match, one.kind, (found,))
