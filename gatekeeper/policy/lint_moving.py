"""Sense of how a policy lets a release move: paths, signatures, limits of waivers, and what they leave."""

from collections.abc import Iterator

from gatekeeper.decision import Mode
from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.metrics import METRICS
from gatekeeper.policy.condition import Guard
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.lint_conditions import holds_always, holds_never
from gatekeeper.policy.model import ExpressionRule, Policy, Rule
from gatekeeper.policy.promotion import STANDARD, Path, Signing
from gatekeeper.policy.section import Section


def check_moving(policy: Policy, root: Section) -> None:
    """Note in `root` everything that could never do what its author meant."""
    places = root.section("paths", None)
    for path in policy.paths:
        place = places.section(path.name, None) if places is not None else None
        _check_stages(path, policy, place or root)
        _check_without(path, policy, place or root)
        _check_somebody_signs(path, policy, root)
    _check_refs(policy, root)
    _check_reached(policy, root)
    _check_something_is_checked(policy, root)
    _check_signing(policy, root)
    _check_limits(policy, root)


def _check_stages(path: Path, policy: Policy, place: Section) -> None:
    if list(path.stages) != sorted(path.stages, key=policy.stages.index):
        hint = "the policy's order: " + ", ".join(stage for stage in policy.stages if stage in path.stages)
        place.fault("stages", "not in the order of the policy", hint=hint)


def _check_without(path: Path, policy: Policy, place: Section) -> None:
    rules = {rule.id for rule in policy.all_rules}
    for name in path.without_rules:
        if name not in rules:
            place.fault("without", f"no rule is called {name!r}", hint=nearest(name, rules))
    used = {kind for rule in policy.all_rules for kind in kinds_of(rule)}
    demanded = {requirement.kind for requirement in policy.evidence if requirement.from_stage is not None}
    for kind in path.without_evidence:
        if kind not in used | demanded:
            place.fault("without", f"nothing demands evidence of kind {kind}", hint="take it out")


def _check_somebody_signs(path: Path, policy: Policy, root: Section) -> None:
    """Where the policy demands signatures, a path demands its own or says why nobody signs."""
    for signing in policy.approvals:
        if (
            signing.stage in path.stages
            and policy.signing(signing.stage, path) is None
            and not path.loosen_reason
        ):
            root.fault(
                "approvals",
                f"nobody signs for {signing.stage} on the path {path.name}",
                hint="say in that path who signs, or write its `loosen_reason`",
            )


def _check_refs(policy: Policy, root: Section) -> None:
    claimed: dict[str, str] = {}
    for path in policy.paths:
        for ref in path.refs:
            if ref in claimed:
                root.fault(
                    "paths", f"{claimed[ref]} and {path.name} both claim {ref!r}", hint="one of them only"
                )
            claimed.setdefault(ref, path.name)


def _check_reached(policy: Policy, root: Section) -> None:
    entered = {stage for path in _paths(policy) for stage in path.stages}
    for stage in policy.stages:
        if stage not in entered:
            root.fault("paths", f"the stage {stage} is on no path, so nothing can enter it")
    for key, stages in (
        ("approvals", [signing.stage for signing in policy.approvals]),
        ("windows", [window.stage for window in policy.windows]),
    ):
        for stage in stages:
            if stage not in entered:
                root.fault(key, f"no path enters {stage}", hint=f"put {stage} on a path, or take this out")
    for path in policy.paths:
        for signing in path.approvals or ():
            if signing.stage not in path.stages:
                root.fault(
                    "paths", f"the path {path.name} has approvals of {signing.stage}, which is not on it"
                )


def _check_something_is_checked(policy: Policy, root: Section) -> None:
    for path in _paths(policy):
        for stage in path.stages:
            if stage not in policy.stages or any(
                _counts(rule, path, stage, policy) for rule in policy.all_rules
            ):
                continue
            where = "" if path.name == STANDARD else f" on the path {path.name}"
            root.fault(
                "rules" if path.name == STANDARD else "paths",
                f"nothing-checked: no rule of mode block or score holds for stage {stage}{where}",
                hint=f"add one that begins at {stage} or before, or take {stage} out of `stages`",
            )


def _counts(rule: Rule | ExpressionRule, path: Path, stage: str, policy: Policy) -> bool:
    """True when a failure of the rule would count, now and on this path."""
    return (
        rule.mode in (Mode.BLOCK, Mode.SCORE)
        and rule.enforce_from is None
        and rule.id not in path.without_rules
        and path.has(rule.paths)
        and not kinds_of(rule) & set(path.without_evidence)
        and policy.begun(rule, stage)
    )


def kinds_of(rule: Rule | ExpressionRule) -> set[Kind]:
    """The kinds of evidence that the rule reads, its `only_if` left out."""
    if isinstance(rule, Rule):
        return {METRICS[rule.metric.metric].kind}
    found = {need.findings for need in rule.expression.needs if need.findings is not None}
    return found | {
        METRICS[need.metric.metric].kind for need in rule.expression.needs if need.metric is not None
    }


def _check_signing(policy: Policy, root: Section) -> None:
    signings = list(_signings(policy))
    if policy.is_by_mail and not signings:
        root.fault("by_mail", "there are no approvals", hint="name them under `approvals`, or remove this")
    for signing in signings:
        for demand in signing.demands:
            for guard in demand.when:
                if _is_pointless(guard):
                    root.fault("approvals", f"{guard.metric} {guard.condition} is always or never true")
            if demand.score is not None and policy.score is None:
                root.fault("approvals", f"{demand.role}: there is no `score` that could be asked for")


def _is_pointless(guard: Guard) -> bool:
    metric = METRICS[guard.metric.metric]
    return holds_always(guard.condition, metric) or holds_never(guard.condition, metric)


def _check_limits(policy: Policy, root: Section) -> None:
    limits = policy.waiver_limits
    place = root.section("waiver_limits", "waiver_limits") or root
    for severity, days in limits.days_by_severity.items():
        if days >= limits.max_days:
            text = f"{days} days for {severity} are not fewer than max_days, which is {limits.max_days}"
            place.fault("max_days_by_severity", text)
        for worse in Severity:
            more = limits.days_by_severity.get(worse)
            if worse.rank > severity.rank and more is not None and more > days:
                text = f"{more} days for {worse} are never reached: {severity} allows {days}"
                place.fault("max_days_by_severity", text, hint="what is worse may have no more days")


def _paths(policy: Policy) -> tuple[Path, ...]:
    return policy.paths or (Path(name=STANDARD, stages=policy.stages),)


def _signings(policy: Policy) -> Iterator[Signing]:
    yield from policy.approvals
    for path in policy.paths:
        yield from path.approvals or ()
