"""The words of a backtest that all its views share, and the table for a terminal."""

from collections.abc import Sequence

from gatekeeper.cli.tables import text_table
from gatekeeper.decision import Outcome
from gatekeeper.messages import render
from gatekeeper.messages.reasons import REASONS
from gatekeeper.policy.backtest import Backtest, Row, Turn

CHANGES = (Turn.PASS_TO_FAIL, Turn.FAIL_TO_PASS, Turn.PASS_TO_WARN, Turn.WARN_TO_PASS)
SHOWN = 10
"""How many of the decisions that flip are named in a table."""


def headline(found: Backtest) -> str:
    """What happened, in one sentence."""
    if not found.total:
        return f"policy {found.policy}: there is no decision to try it on"
    happened = [f"{found.turns[turn]:,} {turn}" for turn in Turn if found.turns[turn]]
    return f"policy {found.policy} over {found.total:,} decisions: {', '.join(happened)}"


def period(found: Backtest) -> str:
    """From when to when."""
    if not found.decisions:
        return ""
    moments = [one.as_of for one in found.decisions]
    return f"{min(moments):%Y-%m-%d} to {max(moments):%Y-%m-%d}"


def changed_rows(rows: Sequence[Row]) -> list[Row]:
    """Those with something else than `unchanged`, the most changed first."""
    found = [row for row in rows if row.total > row.turns.get(Turn.UNCHANGED, 0)]
    return sorted(found, key=lambda row: (row.turns.get(Turn.UNCHANGED, 0) - row.total, row.name))


def reason_words(found: Backtest, code: str) -> str:
    """What a reason says about the first decision that it is about."""
    first = next(one.reason for one in found.decisions if one.reason and one.reason.code == code)
    return render(code, first.params, REASONS)


def as_table(found: Backtest, *, width: int | None = None) -> str:
    """The counts, then the decisions that a person should look at."""
    parts = [headline(found) + "\n" + (f"{period(found)}\n" if found.decisions else "")]
    if found.decisions:
        parts.append(_outcomes(found, width))
    if found.rules:
        parts.append("by what turns them\n" + _counts("rule", found.rules, width))
    if changed := changed_rows(found.projects):
        parts.append("by project\n" + _counts("project", changed, width))
        if same := len(found.projects) - len(changed):
            parts[-1] += f"{same} other {'project' if same == 1 else 'projects'}: unchanged\n"
    if found.reasons:
        rows = [(code, f"{count:,}", reason_words(found, code)) for code, count in found.reasons.items()]
        table = text_table(("reason", "decisions", "the first of them"), rows, width=width)
        parts.append("not replayable: nothing is said about these\n" + table)
    if named := _named(found, width):
        parts.append(named)
    return "\n".join(parts)


def _outcomes(found: Backtest, width: int | None) -> str:
    rows = [
        (f"was {before}", *(f"{found.outcomes[before][after]:,}" for after in Outcome)) for before in Outcome
    ]
    return text_table(("outcome", *(f"now {after}" for after in Outcome)), rows, width=width)


def _counts(name: str, rows: Sequence[Row], width: int | None) -> str:
    seen = [turn for turn in Turn if any(row.turns.get(turn) for row in rows)]
    cells = [(row.name, *(f"{row.turns.get(turn, 0):,}" for turn in seen)) for row in rows]
    return text_table((name, *seen), cells, width=width)


def _named(found: Backtest, width: int | None) -> str:
    flips = [one for one in found.decisions if one.turn in (Turn.PASS_TO_FAIL, Turn.FAIL_TO_PASS)]
    if not flips:
        return ""
    newest = sorted(flips, key=lambda one: (one.as_of, one.id), reverse=True)[:SHOWN]
    rows = [
        (one.id, one.turn, one.project, one.stage, f"{one.as_of:%Y-%m-%d}", ", ".join(one.rules))
        for one in newest
    ]
    head = f"the newest {len(newest)} of {len(flips):,} that flip (`gatekeeper explain ID` shows one)\n"
    return head + text_table(
        ("decision", "turn", "project", "stage", "as of", "because of"), rows, width=width
    )
