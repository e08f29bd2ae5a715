"""`gatekeeper policy show`: what a policy demands, stage by stage, in words."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.output import clean, put
from gatekeeper.cli.policy_files import policy_at
from gatekeeper.decision import Mode
from gatekeeper.errors import UsageError
from gatekeeper.policy.model import Act, Bounds, Policy, Requirement, Rule
from gatekeeper.policy.spelling import shown_duration
from gatekeeper.resources import rules_folder

_MODES = {
    Mode.BLOCK: "else the stage is closed",
    Mode.WARN: "else it warns",
    Mode.OBSERVE: "only observed",
}


def show(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The policy file. Default: the shipped `base`.")
    ] = None,
    stage: Annotated[str | None, typer.Option(help="Only this stage.")] = None,
) -> None:
    """Say in words what a policy demands before each stage, with everything that a stage inherits.

    Examples:
      gatekeeper policy show
      gatekeeper policy show policy.yaml --stage uat
    """
    policy = policy_at(file or rules_folder() / "policies" / "base.yaml")
    if stage is not None and stage not in policy.stages:
        raise UsageError(
            f"policy {policy.name} has no stage {stage!r}", hint="its stages are " + ", ".join(policy.stages)
        )
    lines = [f"policy {policy.name}, owner {policy.owner}", policy.digest, *_score(policy)]
    for name in policy.stages if stage is None else (stage,):
        lines += ["", f"To enter {name}", *_stage(policy, name)]
    put("".join(f"{clean(line)}\n" for line in lines))


def _score(policy: Policy) -> Iterable[str]:
    if policy.score is not None:
        yield (
            f"score: {policy.score.pass_} passes, {policy.score.warn} warns, less fails "
            "(of the points of the `score` rules that applied)"
        )


def _stage(policy: Policy, stage: str) -> Iterable[str]:
    demanded = [
        requirement
        for requirement in policy.evidence
        if requirement.from_stage is not None and policy.reaches(stage, requirement.from_stage)
    ]
    judged = [(rule, bounds) for rule in policy.rules if (bounds := policy.bounds_at(rule, stage))]
    if not demanded and not judged:
        yield "  nothing is checked, so no decision would be a pass"
    for requirement in demanded:
        yield "  evidence: " + _requirement(requirement)
    width = max((len(rule.id) for rule, _ in judged), default=0)
    for rule, bounds in judged:
        yield f"  {rule.id.ljust(width)}  {_rule(rule, bounds)}"


def _requirement(requirement: Requirement) -> str:
    words = [str(requirement.kind)]
    if requirement.names:
        words.append("named " + " and ".join(requirement.names))
    if requirement.tools:
        words.append("by " + " and ".join(requirement.tools))
    words.append(f"of the same {requirement.bind}")
    if requirement.max_age_s is not None:
        words.append(f"at most {shown_duration(requirement.max_age_s)} old")
    if requirement.db_max_age_s is not None:
        words.append(f"with a database at most {shown_duration(requirement.db_max_age_s)} old")
    for code, most in requirement.allow.items():
        words.append(f"tolerating {code}" + ("" if most is None else f" up to {most}"))
    return ", ".join(words)


def _rule(rule: Rule, bounds: Bounds) -> str:
    words = [f"{rule.metric}" + (f" {bounds.pass_}" if bounds.pass_ is not None else "")]
    if bounds.warn is not None:
        words.append(f"from {bounds.warn} on it warns")
    if rule.no_worse_than is not None:
        missing = {Act.BLOCK: "closed", Act.WARN: "warns", Act.SKIP: "skipped"}[rule.on_no_baseline]
        words.append(f"no worse than the baseline by {rule.no_worse_than} (without a baseline: {missing})")
    words += [f"only if {guard.metric} {guard.condition} (else {rule.on_too_few})" for guard in rule.only_if]
    words.append(f"weighs {rule.weight}" if rule.mode is Mode.SCORE else _MODES[rule.mode])
    if rule.on_missing is not Act.BLOCK:
        words.append(f"when its evidence is missing: {rule.on_missing}")
    if rule.enforce_from is not None:
        words.append(f"observed until {rule.enforce_from:%Y-%m-%d %H:%M} UTC")
    return ", ".join(words) + (f"  # {rule.title}" if rule.title else "")
