"""A decision for a person at a terminal: the verdict, what to mend, then everything that backs it."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from gatekeeper.cli.output import clean
from gatekeeper.cli.render import backing
from gatekeeper.cli.render.exceptions import exception_words
from gatekeeper.cli.render.outline import (
    VERDICT,
    Entry,
    Outline,
    entries,
    headline,
    missing_beyond_rules,
    names,
    outline,
    policy_words,
    reasons,
    remedy_lines,
    score_words,
    subject_words,
    title_of,
)
from gatekeeper.cli.render.pieces import grid, joined, sign
from gatekeeper.cli.render.screen import VERDICT_STYLES, Screen, style_of
from gatekeeper.decision import Decision, Mode, Outcome, RuleResult, Status

_FEW, _ALL = 5, 1_000


def render(decision: Decision, *, screen: Screen, reproduce: str | None = None, details: bool = False) -> str:
    """The view as text; with `screen.color` it holds ANSI sequences, all of them ours.

    `details` (used by `explain`) shows whole digests, times, and every rule with its points.
    `reproduce` is the command that gives this answer again; it stays on one line to be copied.
    """
    most = _ALL if details else _FEW
    view = _View(decision, screen, outline(decision), most)
    text = paint(view.blocks(details=details), screen)
    if reproduce:
        text += f"\nTo see it again\n  {clean(reproduce)}\n"
    return text


def paint(blocks: Iterable[RenderableType], screen: Screen) -> str:
    """`blocks` below each other as text, without trailing spaces."""
    buffer = StringIO()
    console = Console(
        file=buffer,
        width=screen.width,
        force_terminal=screen.color,
        color_system="standard" if screen.color else None,
        no_color=not screen.color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},
    )
    for block in blocks:
        console.print(block)
    return "".join(line.rstrip() + "\n" for line in buffer.getvalue().split("\n")[:-1])


@dataclass(frozen=True)
class _View:
    decision: Decision
    screen: Screen
    grouped: Outline
    most: int
    """Items of a list of things to do."""

    def blocks(self, *, details: bool) -> Iterable[RenderableType]:
        yield self._header()
        if self.decision.reasons or missing_beyond_rules(self.decision):
            yield _section("Why", *self._reasons())
        if self.grouped.blocking:
            yield _section("Stops it", self._rules(entries(self.grouped.blocking)))
        if self.grouped.costly:
            costly = entries(self.grouped.costly, told=self.grouped.blocking)
            yield _section("Costs points", self._rules(costly))
        if self.grouped.warnings:
            warnings = entries(self.grouped.warnings, told=self.grouped.failing)
            yield _section("Warnings", self._rules(warnings))
        if self.decision.would_change:
            yield _section("Will change", *self._changes())
        yield _section("Exceptions", *(Text(clean(line)) for line in exception_words(self.decision)))
        yield _section("Other rules", *self._rest())
        if details:
            yield _section("Points", backing.points(self.decision))
        yield _section("Evidence", backing.evidence(self.decision, self.screen, details=details))
        yield _section("Proof", backing.proof(self.decision, details=details))

    def _header(self) -> RenderableType:
        decision = self.decision
        mark = self.screen.sign_of(Status(decision.outcome))
        first = Text.assemble(
            (f"{mark} {VERDICT[decision.outcome]}", VERDICT_STYLES[decision.outcome]),
            "  ",
            (clean(headline(decision)), "bold"),
            self.screen.dot + score_words(decision),
        )
        facts = [policy_words(decision), *subject_words(decision), self._counts()]
        if not decision.gate:
            facts.append("not a gate")
        lines = joined(facts, self.screen.dot, self.screen.width)
        return Group(first, *(Text(line, style="dim") for line in lines))

    def _counts(self) -> str:
        groups = {
            "failing": self.grouped.failing,
            "warning": self.grouped.warnings,
            "passed": self.grouped.passed,
        }
        counts = ", ".join(f"{len(rules)} {word}" for word, rules in groups.items() if rules)
        return f"rules: {counts or 'none'}"

    def _reasons(self) -> Iterable[RenderableType]:
        # Of a decision that passes, a reason is only something to know: a waiver that was not applied.
        status = Status.FAIL if self.decision.outcome is Outcome.FAIL else Status.WARN
        for reason in self.decision.reasons:
            yield self._line(status, reason.text or reason.code)
        for missing in missing_beyond_rules(self.decision):
            yield self._line(Status.MISSING, missing.reason.text or missing.reason.code)

    def _changes(self) -> Iterable[RenderableType]:
        for change in self.decision.would_change:
            yield self._line(
                Status.OBSERVED,
                f"{change.rule} counts ({change.mode}) from {change.at:%Y-%m-%d %H:%M} UTC; "
                f"today it would say {change.status}",
            )

    def _line(self, status: Status, text: str) -> RenderableType:
        table = grid(2)
        table.add_row(sign(self.screen, status), Text(clean(text)))
        return table

    def _rules(self, told: Iterable[Entry]) -> RenderableType:
        table = grid(3)
        for entry in told:
            rule = entry.rule
            word = Text(_word(rule), style=style_of(rule.status))
            table.add_row(sign(self.screen, rule.status), word, Group(*self._rule(entry)))
        return table

    def _rule(self, entry: Entry) -> Iterable[Text]:
        rule = entry.rule
        head = Text(clean(rule.id), style="bold")
        if title := title_of(rule):
            head.append(f"  {clean(title)}", style="not bold")
        yield head
        if entry.told_at:
            yield Text(clean(f"for the same reason as {entry.told_at}"))
            return
        yield from (Text(clean(line)) for line in reasons(rule))
        if entry.also:
            yield Text(clean(f"so these are unknown too: {names(entry.also)}"))
        first, *items = (remedy_lines(rule.remedy) if rule.remedy else []) or [""]
        if first:
            yield Text.assemble((f"{self.screen.arrow} to do: ", "bold cyan"), clean(first))
        yield from (Text(f"    {clean(item)}") for item in items[: self.most])
        if len(items) > self.most:
            yield Text("    and others, which `explain` lists", style="dim")

    def _rest(self) -> Iterable[RenderableType]:
        table = grid(3)
        for word, status, rules in (
            ("passed", Status.PASS, self.grouped.passed),
            ("observed", Status.OBSERVED, self.grouped.observed),
            ("skipped", Status.SKIPPED, self.grouped.skipped),
            ("waived", Status.WAIVED, self.grouped.waived),
        ):
            if rules:
                count = Text(f"{len(rules)} {word}", style=style_of(status))
                table.add_row(sign(self.screen, status), count, Text(clean(names(rules)), style="dim"))
        if table.row_count:
            yield table


def _word(rule: RuleResult) -> str:
    """The status, and what a failing `score` rule costs."""
    is_costly = rule.mode is Mode.SCORE and rule.weight and rule.status is not Status.WARN
    return f"{rule.status}, -{rule.weight}" if is_costly else str(rule.status)


def _section(title: str, *lines: RenderableType) -> RenderableType:
    if not lines:
        return Group()
    return Group(Text(f"\n{title}", style="bold"), *(Padding(line, (0, 0, 0, 2)) for line in lines))
