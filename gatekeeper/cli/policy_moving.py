"""What a policy says of signatures, windows, paths and waivers, in the words of `gatekeeper policy show`."""

from collections.abc import Iterable

from gatekeeper.policy.calendar import shown_opening
from gatekeeper.policy.model import Policy
from gatekeeper.policy.promotion import STANDARD, ApprovalDemand, Inline, Path, Window
from gatekeeper.policy.spelling import shown_duration


def stage_rows(policy: Policy, stage: str) -> Iterable[tuple[str, ...]]:
    """What entering `stage` on the standard path demands beside rules, as (id, demand, effect, title)."""
    path = policy.path(STANDARD)
    if path is None or stage not in path.stages:
        return
    place = path.stages.index(stage)
    if path.in_order and place:
        yield ("order", f"after an allowed decision for {path.stages[place - 1]}", "blocks here", "")
    if (window := policy.window(stage)) is not None:
        yield ("window", _window(window, policy.time_zone), "blocks here", "")
    if (signing := policy.signing(stage, path)) is not None:
        for demand in signing.demands:
            yield (f"approval.{demand.role}", _demand(demand), "blocks here", "")


def closing_lines(policy: Policy) -> Iterable[str]:
    """What holds for all stages: who may not sign, the other paths, the limits of waivers."""
    if policy.approvals or any(path.approvals for path in policy.paths):
        yield ""
        yield "Signatures"
        yield from (f"  {line}" for line in _signatures(policy))
    for path in policy.paths:
        if path.name != STANDARD:
            yield ""
            yield f"On the path {path.name}, for {', '.join(path.refs)} where protected"
            yield from (f"  {line}" for line in _path(path))
    yield ""
    yield "Waivers"
    yield from (f"  {line}" for line in _waivers(policy))


def _window(window: Window, time_zone: str) -> str:
    words = [", ".join(shown_opening(one) for one in window.openings) or "at any time"]
    words[0] += f" ({time_zone})"
    if window.holidays:
        words.append(f"not on {', '.join(f'{day}' for day in window.holidays)}")
    words += [f"frozen until {one.ends_at:%Y-%m-%d %H:%M} UTC: {one.reason}" for one in window.freezes]
    return "; ".join(words)


def _demand(demand: ApprovalDemand) -> str:
    people = "a person" if demand.count == 1 else f"{demand.count} people"
    conditions = [f"{guard.metric} {guard.condition}" for guard in demand.when]
    if demand.score is not None:
        conditions.insert(0, f"the score is {demand.score}")
    return f"signed by {people} with the role {demand.role}" + (
        f", while {' and '.join(conditions)}" if conditions else ""
    )


def _signatures(policy: Policy) -> Iterable[str]:
    separation = policy.separation
    if separation.approver_is_not:
        yield f"never by {', '.join(str(party).replace('_', ' ') for party in separation.approver_is_not)}"
    if separation.distinct_people:
        yield "one person signs in one role only"
    yield "void when a blocking rule becomes worse" + (
        f", or a finding of severity {policy.revoke_on} or above appears" if policy.revoke_on else ""
    )
    if policy.is_by_mail:
        yield "also by a link in a mail that works once"


def _path(path: Path) -> Iterable[str]:
    yield f"{' > '.join(path.stages)}, {'in this order' if path.in_order else 'in any order'}"
    if path.without_rules or path.without_evidence:
        left_out = [*path.without_rules, *(f"{kind} evidence" for kind in path.without_evidence)]
        yield f"without {', '.join(left_out)}"
        yield f"because: {path.loosen_reason}"
    for signing in path.approvals or ():
        yield f"to enter {signing.stage}: {'; '.join(_demand(one) for one in signing.demands)}"
    for owed in path.obligations:
        within = shown_duration(owed.within_s)
        yield f"then {owed.owner_role} owes within {within}: {owed.title} ({owed.id})"


def _waivers(policy: Policy) -> Iterable[str]:
    limits = policy.waiver_limits
    role = f"the role {limits.approved_by_role}" if limits.approved_by_role else "whoever may approve waivers"
    yield f"granted by {role}, never by their owner, for at most {limits.max_days} days"
    for severity, days in limits.days_by_severity.items():
        yield f"at most {days} days when they cover something {severity} or worse"
    match limits.inline:
        case Inline.ACCEPT:
            yield "what is suppressed in the source (nosec, nosemgrep, SARIF, VEX) is not counted as open"
        case Inline.REFUSE:
            yield "what is suppressed in the source (nosec, nosemgrep, SARIF, VEX) counts as open"
