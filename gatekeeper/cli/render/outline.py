"""The order in which every view tells a decision: what stops it, what warns, what was set aside, the rest."""

from collections.abc import Iterable
from dataclasses import dataclass

from gatekeeper.decision import Decision, Missing, Mode, Outcome, Remedy, RuleResult, Status
from gatekeeper.messages import render
from gatekeeper.policy.effort import effort_of

NOT_PROVEN = frozenset({Status.FAIL, Status.MISSING, Status.ERROR})

_LIST = {"list": "{list}"}

VERDICT = {Outcome.PASS: "PASS", Outcome.WARN: "WARN", Outcome.FAIL: "FAIL"}


@dataclass(frozen=True, kw_only=True)
class Outline:
    """The rules of a decision by what they did to it, each group in the order of the policy.

    What is to be done comes before the rest: the least work first.
    """

    blocking: tuple[RuleResult, ...]
    """Each of these alone stops the subject."""
    costly: tuple[RuleResult, ...]
    """`score` rules that gave no points, the dearest first; of equal ones the least work."""
    warnings: tuple[RuleResult, ...]
    waived: tuple[RuleResult, ...]
    observed: tuple[RuleResult, ...]
    skipped: tuple[RuleResult, ...]
    passed: tuple[RuleResult, ...]

    @property
    def failing(self) -> tuple[RuleResult, ...]:
        """Everything that a person may have to mend, what blocks first."""
        return self.blocking + self.costly


def outline(decision: Decision) -> Outline:
    """The rules of `decision`, each in exactly one group."""
    groups: dict[str, list[RuleResult]] = {name: [] for name in Outline.__dataclass_fields__}
    for rule in decision.rules:
        groups[_group(rule)].append(rule)
    for name in ("blocking", "costly", "warnings"):
        groups[name].sort(key=lambda rule: effort_of(rule.remedy))
    groups["costly"].sort(key=lambda rule: -(rule.weight or 0))
    return Outline(**{name: tuple(rules) for name, rules in groups.items()})


def _group(rule: RuleResult) -> str:
    if rule.mode is Mode.OBSERVE or rule.status is Status.OBSERVED:
        return "observed"
    if rule.status in NOT_PROVEN:
        return {Mode.BLOCK: "blocking", Mode.SCORE: "costly"}.get(rule.mode, "warnings")
    return {Status.WARN: "warnings", Status.WAIVED: "waived", Status.SKIPPED: "skipped"}.get(
        rule.status, "passed"
    )


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Rules that are told as one: a rule alone, or all that lack the same facts for the same reason."""

    rule: RuleResult
    also: tuple[RuleResult, ...] = ()
    told_at: str = ""
    """The id of the rule, in a group shown before, whose reason and remedy are the same."""


def entries(rules: Iterable[RuleResult], told: Iterable[RuleResult] = ()) -> tuple[Entry, ...]:
    """`rules` in their order, those with the cause of an earlier one gathered there.

    A report that is missing takes all its rules with it; a person mends it once, so it is told once.
    `told` are rules that were shown before: what they said is not repeated, only pointed at.
    """
    before: dict[tuple[object, ...], str] = {}
    for rule in told:
        if rule.status is Status.MISSING:
            before.setdefault(_cause(rule), rule.id)
    groups: dict[tuple[object, ...], list[RuleResult]] = {}
    for rule in rules:
        gathers = rule.status is Status.MISSING and rule.mode is not Mode.SCORE
        groups.setdefault(_cause(rule) if gathers else (rule.id,), []).append(rule)
    return tuple(
        Entry(rule=first, also=tuple(rest), told_at=before.get(_cause(first), ""))
        for first, *rest in groups.values()
    )


def _cause(rule: RuleResult) -> tuple[object, ...]:
    return (rule.message.code, rule.message.text, rule.remedy.text if rule.remedy else "")


def missing_beyond_rules(decision: Decision) -> tuple[Missing, ...]:
    """Missing evidence that no rule already tells about in the same words."""
    told = {rule.message.text for rule in decision.rules}
    return tuple(missing for missing in decision.missing if missing.reason.text not in told)


def title_of(rule: RuleResult) -> str:
    """The title, unless it only repeats the id."""
    return rule.title if rule.title != rule.id else ""


def headline(decision: Decision) -> str:
    """`pay/api may not enter uat`."""
    may = "may" if decision.allowed else "may not"
    return f"{decision.subject.project} {may} enter {decision.stage}"


def score_words(decision: Decision) -> str:
    """`score 78.50 (11 of 14 points)`, or why there is none."""
    if decision.score is None:
        return "no score (no rule of the stage is scored)"
    return f"score {decision.score}" + (
        f" ({decision.score_arithmetic})" if decision.score_arithmetic else ""
    )


def subject_words(decision: Decision) -> list[str]:
    """What the decision is about besides the project: commit or tree, artifact, ref."""
    subject, words = decision.subject, []
    if subject.source is None:
        words.append("source unknown")
    elif subject.source.commit:
        words.append(f"commit {subject.source.commit[:12]}")
    else:
        words.append(f"tree {subject.source.tree[:12]}")
    if subject.artifact:
        words.append(f"artifact {short(subject.artifact)}")
    if subject.ref:
        words.append(f"ref {subject.ref}")
    return words


def policy_words(decision: Decision) -> str:
    """`policy novabrain v4`."""
    version = f" v{decision.policy.version}" if decision.policy.version is not None else ""
    return f"policy {decision.policy.name}{version}"


def measured(rule: RuleResult) -> str:
    """`coverage.line is 78.21, must be >= 80`: the fact and the demand, "" for a rule without them."""
    if rule.threshold is None:
        return ""
    what = rule.metric or "value"
    fact = f"{what} is {rule.actual}" if rule.actual is not None else f"{what} is unknown"
    return f"{fact}, must be {rule.threshold}"


def reasons(rule: RuleResult) -> list[str]:
    """Why the rule has its status: fact and demand first, unless the reason already tells the fact."""
    text = rule.message.text
    fact = measured(rule)
    is_told = bool(rule.metric and rule.actual and rule.metric in text and rule.actual in text)
    if fact and not is_told:
        return [fact, text] if text else [fact]
    return [text] if text else []


def remedy_lines(remedy: Remedy) -> list[str]:
    """What to do; when it ends with a list of several things, one line for each below the first."""
    for value in remedy.params.values():
        if isinstance(value, tuple) and len(value) > 1:
            joined = render("list", {"list": value}, _LIST)
            if remedy.text.endswith(joined):
                items = [render("list", {"list": (item,)}, _LIST) for item in value]
                return [remedy.text.removesuffix(joined).rstrip(), *items]
    return [remedy.text] if remedy.text else []


def short(digest: str) -> str:
    """The algorithm and the first 12 hex digits: enough for the eye, not for a proof."""
    algorithm, _, rest = digest.rpartition(":")
    return f"{algorithm}:{rest[:12]}" if algorithm else rest[:12]


def names(rules: Iterable[RuleResult]) -> str:
    """The ids of `rules` in a row."""
    return ", ".join(rule.id for rule in rules)


NOT_A_GATE = (
    "This shows what a gate would say. It is not a gate: nothing was stored or signed, "
    "and whoever ran it chose the files and the policy."
)
