"""`gatekeeper policy show`: what a policy demands, stage by stage, in words."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli.output import clean, put
from gatekeeper.cli.policy_files import BASE, policy_at
from gatekeeper.cli.policy_moving import closing_lines, stage_rows
from gatekeeper.cli.tables import text_table
from gatekeeper.cli.terminal import table_width
from gatekeeper.decision import Mode
from gatekeeper.errors import UsageError
from gatekeeper.policy.model import Act, Bounds, ExpressionRule, Need, Policy, Requirement, Rule
from gatekeeper.policy.spelling import shown_duration

_EFFECT = {Mode.BLOCK: "blocks", Mode.WARN: "warns", Mode.OBSERVE: "is observed"}


def show(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="POLICY", help="A policy file, or the name of a shipped one: base, novabrain, strict."
        ),
    ] = BASE,
    stage: Annotated[str | None, typer.Option(metavar="STAGE", help="Only this stage.")] = None,
) -> None:
    """Say in words what a policy demands before each stage.

    A later stage demands all that an earlier one does; only what it adds or tightens is listed. With
    `--stage` everything that holds there is.

    Examples:
      gatekeeper policy show
      gatekeeper policy show strict
      gatekeeper policy show policy.yaml --stage uat
    """
    policy = policy_at(file)
    if stage is not None and stage not in policy.stages:
        raise UsageError(
            f"policy {policy.name} has no stage {stage!r}", hint="its stages are " + ", ".join(policy.stages)
        )
    lines = [f"policy {policy.name}, owner {policy.owner}, {policy.digest}", *_score(policy)]
    known: set[tuple[str, ...]] = set()
    width = table_width(sys.stdout, indent=2)
    for name in policy.stages if stage is None else (stage,):
        rows = [row for row in _rows(policy, name) if row not in known]
        if known:
            lines += ["", f"To enter {name}: all of the above" + (", and" if rows else "")]
        else:
            lines += ["", f"To enter {name}"]
        if not known and not rows:
            lines.append("  nothing is checked, so there is no pass")
        known.update(rows)
        if rows:
            lines += [f"  {line}" for line in text_table(rows[0], rows[1:], width=width).splitlines()]
    lines += closing_lines(policy)
    put("".join(f"{clean(line)}\n" for line in lines))


def _score(policy: Policy) -> Iterable[str]:
    if policy.score is not None:
        yield (
            f"score: from {policy.score.pass_} on it passes, from {policy.score.warn} on it warns, below it "
            "fails; in percent of the points of the rules that score"
        )


def _rows(policy: Policy, stage: str) -> Iterable[tuple[str, ...]]:
    """What is demanded as (id, demand, effect, title)."""
    for requirement in policy.evidence:
        if requirement.from_stage is not None and policy.reaches(stage, requirement.from_stage):
            yield (f"{requirement.kind} evidence", _requirement(requirement), "blocks", "")
    for rule in policy.rules:
        bounds = policy.bounds_at(rule, stage)
        if bounds is not None:
            yield (rule.id, _demand(rule, bounds), _effect(rule), _title(rule))
    for expression in policy.expressions:
        if policy.reaches(stage, expression.from_stage):
            demand = ", ".join([_expression(expression), *_provisos(expression)])
            yield (expression.id, demand, _effect(expression), _title(expression))
    yield from stage_rows(policy, stage)


def _effect(rule: Rule | ExpressionRule) -> str:
    return f"scores {rule.weight}" if rule.mode is Mode.SCORE else _EFFECT[rule.mode]


def _title(rule: Rule | ExpressionRule) -> str:
    return rule.title if rule.title != rule.id else ""


def _expression(rule: ExpressionRule) -> str:
    """The expression in one line, and what its own names for metrics stand for."""
    words = " ".join(rule.expression.source.split())
    named = [
        f"{need.variable} = {_read(need)}" for need in rule.expression.needs if need.variable != _read(need)
    ]
    return words + (f" (with {', '.join(named)})" if named else "")


def _read(need: Need) -> str:
    return str(need.metric) if need.metric is not None else f"{need.findings}.findings"


def _requirement(requirement: Requirement) -> str:
    words = [f"of the same {requirement.bind}"]
    if requirement.names:
        words.append("named " + " and ".join(requirement.names))
    if requirement.tools:
        words.append("by " + " and ".join(requirement.tools))
    if requirement.max_age_s is not None:
        words.append(f"at most {shown_duration(requirement.max_age_s)} old")
    if requirement.db_max_age_s is not None:
        words.append(f"its database at most {shown_duration(requirement.db_max_age_s)} old")
    words += [f"{trust} from {stage} on" for stage, trust in requirement.trust.items()]
    if requirement.protected_from is not None:
        words.append(f"of a protected ref from {requirement.protected_from} on")
    for code, most in requirement.allow.items():
        words.append(f"tolerating {code}" + ("" if most is None else f" up to {most}"))
    return ", ".join(words)


def _demand(rule: Rule, bounds: Bounds) -> str:
    words = [f"{rule.metric}" + (f" {bounds.pass_}" if bounds.pass_ is not None else "")]
    if bounds.warn is not None:
        words.append(f"warns from {bounds.warn} on")
    if rule.no_worse_than is not None:
        without = {Act.BLOCK: "it blocks", Act.WARN: "it warns", Act.SKIP: "skipped"}[rule.on_no_baseline]
        words.append(f"at most {rule.no_worse_than} worse than the baseline (without one: {without})")
    return ", ".join([*words, *_provisos(rule)])


def _provisos(rule: Rule | ExpressionRule) -> list[str]:
    """When the rule is judged, and what happens when it cannot be."""
    words = [f"only if {guard.metric} {guard.condition} (else {rule.on_too_few})" for guard in rule.only_if]
    if rule.paths:
        words.append(f"only on the path {' or '.join(rule.paths)}")
    if rule.on_missing is not Act.BLOCK:
        words.append(f"when its evidence is missing: {rule.on_missing}")
    if rule.enforce_from is not None:
        words.append(f"observed until {rule.enforce_from:%Y-%m-%d %H:%M} UTC")
    return words
