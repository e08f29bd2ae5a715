"""A backtest as one HTML page that needs nothing else: no script, no style from elsewhere."""

from collections.abc import Iterable, Sequence
from html import escape

from gatekeeper.cli.output import clean
from gatekeeper.cli.render.backtest_picture import as_picture
from gatekeeper.cli.render.backtest_words import changed_rows, headline, reason_words
from gatekeeper.decision import Outcome
from gatekeeper.policy.backtest import Backtest, Row, Turn

_STYLE = """\
body{font:15px/1.5 system-ui,sans-serif;color:#1f2933;background:#fff}
body{max-width:1160px;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;margin:.6em 0 1.8em}
th,td{border-bottom:1px solid #e4e7eb;padding:.3em .9em;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1.5em 0;overflow-x:auto}code{font-size:.9em}"""
MAX_NAMED = 500


def as_page(found: Backtest) -> str:
    """The whole page; every word of a decision is escaped."""
    flips = [one for one in found.decisions if one.turn not in (Turn.UNCHANGED, Turn.NOT_REPLAYABLE)]
    shown = sorted(flips, key=lambda one: (one.as_of, one.id), reverse=True)[:MAX_NAMED]
    sections = [
        f"<h1>Backtest of policy {_safe(found.policy)}</h1>",
        f"<p>{_safe(headline(found))}.<br><code>{_safe(found.digest)}</code></p>",
        f"<figure>{as_picture(found)}</figure>",
        _section("Outcomes", ("", *(f"now {one}" for one in Outcome)), _outcomes(found)),
        _section("By what turns them", *_counts("rule", found.rules)),
        _section("By project", *_counts("project", changed_rows(found.projects))),
        _section(
            "Not replayable: nothing is said about these",
            ("reason", "decisions", "the first of them"),
            [(code, f"{count:,}", reason_words(found, code)) for code, count in found.reasons.items()],
        ),
        _section(
            f"The newest {len(shown):,} of {len(flips):,} decisions that change",
            ("decision", "turn", "project", "stage", "as of", "because of"),
            [
                (
                    one.id,
                    one.turn,
                    one.project,
                    one.stage,
                    f"{one.as_of:%Y-%m-%d %H:%M}",
                    ", ".join(one.rules),
                )
                for one in shown
            ],
        ),
    ]
    head = f"<meta charset='utf-8'><title>Backtest of {_safe(found.policy)}</title><style>{_STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(sections)}</body></html>\n"


def _outcomes(found: Backtest) -> Iterable[Sequence[str]]:
    for before in Outcome:
        yield (f"was {before}", *(f"{found.outcomes[before][after]:,}" for after in Outcome))


def _counts(name: str, rows: Sequence[Row]) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    seen = [turn for turn in Turn if any(row.turns.get(turn) for row in rows)]
    return (name, *seen), [(row.name, *(f"{row.turns.get(turn, 0):,}" for turn in seen)) for row in rows]


def _section(title: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_line("td", row) for row in rows]
    if not lines:
        return ""
    return f"<h2>{_safe(title)}</h2><table>{_line('th', header)}{''.join(lines)}</table>"


def _line(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}{_number(cell)}>{_safe(cell)}</{tag}>" for cell in cells) + "</tr>"


def _number(cell: str) -> str:
    return " class='n'" if cell.replace(",", "").isdigit() else ""


def _safe(words: str) -> str:
    return escape(clean(words))
