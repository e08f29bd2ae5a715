"""Markdown of a decision, made to be posted as a note on a merge request."""

import re
from collections.abc import Iterable, Sequence

from gatekeeper.cli.output import one_line
from gatekeeper.cli.render.exceptions import exception_words
from gatekeeper.cli.render.outline import (
    NOT_A_GATE,
    Entry,
    Outline,
    entries,
    headline,
    missing_beyond_rules,
    names,
    outline,
    policy_words,
    score_words,
    short,
    subject_words,
    title_of,
)
from gatekeeper.cli.render.words import problem_words
from gatekeeper.decision import Decision, Outcome, RuleResult
from gatekeeper.evidence import Evidence

_MARK = {Outcome.PASS: ":white_check_mark:", Outcome.WARN: ":warning:", Outcome.FAIL: ":x:"}
_ACTIVE = re.compile(r"[\\`*_{}\[\]<>()#+!|~$&^=:]")


def render(decision: Decision, evidence: Sequence[Evidence] = ()) -> str:  # noqa: ARG001 - one shape for all views
    """A heading, what to mend as one table, everything else folded away. Ends with a newline."""
    grouped = outline(decision)
    facts = [
        f"**{decision.outcome}**",
        text_of(score_words(decision)),
        text_of(policy_words(decision)),
        *(text_of(word) for word in subject_words(decision)),
    ]
    blocks = [f"### {_MARK[decision.outcome]} {text_of(headline(decision))}", " · ".join(facts)]
    if decision.reasons or missing_beyond_rules(decision):
        blocks.append("\n".join(f"- {text_of(line)}" for line in _plain_reasons(decision)))
    if grouped.failing:
        blocks.append(_table(grouped.failing))
    if grouped.warnings:
        blocks.append(_folded(f"warnings ({len(grouped.warnings)})", _table(grouped.warnings)))
    if exceptions := exception_words(decision):
        blocks.append(_folded("exceptions", "\n".join(f"- {text_of(line)}" for line in exceptions)))
    blocks.append(_folded(f"evidence ({len(decision.evidence)})", _evidence(decision)))
    if rest := _rest(grouped):
        blocks.append(_folded("other rules", rest))
    if not decision.gate:
        blocks.append(f"_{text_of(NOT_A_GATE)}_")
    blocks.append(
        f"as of {decision.as_of:%Y-%m-%d %H:%M:%S} UTC, inputs `{short(decision.digests.inputs)}`, "
        f"outputs `{short(decision.digests.outputs)}`"
    )
    return "\n\n".join(blocks) + "\n"


def text_of(text: str) -> str:
    """`text` as inert Markdown: one line, no markup, links, HTML, mentions or quick actions.

    Active characters become character references. A zero-width space after `@` is for GitLab, which
    looks for mentions after the references have been resolved.
    """
    inert = _ACTIVE.sub(lambda found: f"&#{ord(found[0])};", one_line(text, 600))
    return inert.replace("@", "@&#8203;")


def _plain_reasons(decision: Decision) -> Iterable[str]:
    yield from (reason.text or reason.code for reason in decision.reasons)
    yield from (missing.reason.text or missing.reason.code for missing in missing_beyond_rules(decision))


def _table(rules: Iterable[RuleResult]) -> str:
    rows = ["| | rule | is | must be | why and what to do |", "|---|---|---|---|---|"]
    for entry in entries(rules):
        rule = entry.rule
        words = [text_of(rule.message.text)] if rule.message.text else []
        if rule.remedy and rule.remedy.text:
            words.append(f"**to do:** {text_of(rule.remedy.text)}")
        cells = (
            f"{rule.status} ({rule.mode})",
            "<br>".join(text_of(name) for name in _names(entry)),
            text_of(rule.actual) if rule.actual is not None else "unknown",
            text_of(rule.threshold or ""),
            "<br>".join(words),
        )
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _names(entry: Entry) -> Iterable[str]:
    yield entry.rule.id
    if title := title_of(entry.rule):
        yield title
    if entry.also:
        yield f"and {names(entry.also)}"


def _evidence(decision: Decision) -> str:
    rows = ["| kind | name | report | state | use | sha256 | problems |", "|---|---|---|---|---|---|---|"]
    for item in decision.evidence:
        problems = "<br>".join(
            text_of(problem_words(problem)) + (" (tolerated)" if problem.code in item.tolerated else "")
            for problem in item.problems
        )
        cells = (item.kind, text_of(item.name), text_of(item.job), item.state, item.use)
        rows.append("| " + " | ".join((*cells, f"`{item.sha256[:12]}`", problems)) + " |")
    return "\n".join(rows)


def _rest(grouped: Outline) -> str:
    groups = {
        "passed": grouped.passed,
        "observed": grouped.observed,
        "skipped": grouped.skipped,
        "waived": grouped.waived,
    }
    return "\n".join(
        f"- {word}: " + ", ".join(text_of(rule.id) for rule in rules)
        for word, rules in groups.items()
        if rules
    )


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
