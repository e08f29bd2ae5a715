"""A backtest as a picture: decisions over time, a row for each project, a mark for each decision.

SVG, written by hand and without scripts. Every turn has a shape of its own beside its colour, and the colours
are told apart by people who see fewer of them.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html import escape

from gatekeeper.cli.output import clean
from gatekeeper.cli.render.backtest_words import changed_rows, period
from gatekeeper.policy.backtest import Backtest, Retried, Turn

MAX_ROWS = 60
_WIDTH = 1120
_LEFT = 190
_RIGHT = 60
_TOP = 112
_ROW = 28
_STEP = 18.0
"""Pixels between the first and the last stage of a row."""
_FONT = "font-family='DejaVu Sans, Helvetica, Arial, sans-serif'"
_INK, _QUIET, _LINE, _BAND = "#1f2933", "#52606d", "#e4e7eb", "#f5f7fa"
_COLOURS = {
    Turn.UNCHANGED: "#9aa5b1",
    Turn.PASS_TO_FAIL: "#c62828",
    Turn.FAIL_TO_PASS: "#1565c0",
    Turn.PASS_TO_WARN: "#b45f06",
    Turn.WARN_TO_PASS: "#00796b",
    Turn.NOT_REPLAYABLE: "#6a1b9a",
}
_ORDER = (
    Turn.NOT_REPLAYABLE, Turn.WARN_TO_PASS, Turn.PASS_TO_WARN, Turn.FAIL_TO_PASS, Turn.PASS_TO_FAIL,
)  # fmt: skip
"""What is drawn later lies on top: what would have failed is never hidden."""


def as_picture(found: Backtest) -> str:
    """The picture as SVG; every word of a decision is escaped."""
    names = _rows(found)
    height = _TOP + _ROW * max(1, len(names)) + 46
    title = f"Backtest of policy {found.policy}: {found.total:,} decisions, {found.changed:,} change"
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' width='{_WIDTH}' "
        f"height='{height}' role='img' aria-labelledby='title' {_FONT}>",
        f"<title id='title'>{_safe(title)}</title>",
        f"<rect width='{_WIDTH}' height='{height}' fill='#ffffff'/>",
        _text(24, 34, title, size=18, colour=_INK, bold=True),
        _text(24, 56, _subtitle(found, names), size=12, colour=_QUIET),
        *_legend(found),
    ]
    if found.decisions:
        parts += _chart(found, names, height)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _subtitle(found: Backtest, names: Sequence[str]) -> str:
    left_out = len(found.projects) - len(names)
    more = f"; {left_out:,} projects with fewer changes are not drawn" if left_out else ""
    return f"{period(found)}, one mark for each decision, a row for each project, later stages lower{more}"


def _rows(found: Backtest) -> list[str]:
    """The projects that are drawn, by name: all, or those with the most changes."""
    every = [row.name for row in found.projects]
    if len(every) <= MAX_ROWS:
        return every
    first = [row.name for row in changed_rows(found.projects)]
    return sorted([*first, *(name for name in every if name not in first)][:MAX_ROWS])


def _legend(found: Backtest) -> Iterator[str]:
    x = 30.0
    for turn in Turn:
        words = f"{turn} {found.turns[turn]:,}"
        yield _mark(turn, x, 82, scale=1.7)
        yield _text(x + 11, 86, words, size=12, colour=_INK)
        x += 11 + 7.4 * len(words) + 20


def _chart(found: Backtest, names: Sequence[str], height: int) -> Iterator[str]:
    first = min(one.as_of for one in found.decisions)
    last = max(one.as_of for one in found.decisions)
    span = max((last - first).total_seconds(), 1.0)

    def across(at: datetime) -> float:
        return _LEFT + (at - first).total_seconds() / span * (_WIDTH - _LEFT - _RIGHT)

    bottom = _TOP + _ROW * len(names)
    for place, name in enumerate(names):
        y = _TOP + _ROW * place + _ROW / 2
        if place % 2 == 0:
            wide = _WIDTH - _LEFT - _RIGHT + 20
            yield f"<rect x='{_LEFT - 10}' y='{y - _ROW / 2}' width='{wide}' height='{_ROW}' fill='{_BAND}'/>"
        shown = name if len(name) <= 24 else name[:23] + "\u2026"
        yield _text(_LEFT - 14, y + 4, shown, size=11, colour=_INK, anchor="end")
    for at in _ticks(first, last):
        x = across(at)
        yield f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{_TOP - 4}' y2='{bottom}' stroke='{_LINE}'/>"
        yield _text(x, bottom + 18, f"{at:%Y-%m-%d}", size=11, colour=_QUIET, anchor="middle")
    yield from _marks(found, {name: _TOP + _ROW * i + _ROW / 2 for i, name in enumerate(names)}, across)
    yield _text(_LEFT, height - 8, "time of the decision (UTC)", size=11, colour=_QUIET)


def _marks(found: Backtest, heights: dict[str, float], across: Callable[[datetime], float]) -> Iterator[str]:
    """Unchanged ones as one quiet line of dots, the others above them, each with its words."""
    places = {stage: place for place, stage in enumerate(_stages(found))}
    drawn = [one for one in found.decisions if one.project in heights]

    def down(one: Retried) -> float:
        """A build is often asked about for several stages in one minute: they stand below each other."""
        return heights[one.project] + (places[one.stage] - (len(places) - 1) / 2) * _STEP / max(
            1, len(places) - 1
        )

    dots = " ".join(
        f"M{across(one.as_of):.1f} {down(one):.1f}h0" for one in drawn if one.turn is Turn.UNCHANGED
    )
    if dots:
        colour = _COLOURS[Turn.UNCHANGED]
        yield f"<path d='{dots}' stroke='{colour}' stroke-width='2.6' stroke-linecap='round' fill='none'/>"
    for turn in _ORDER:
        for one in drawn:
            if one.turn is turn:
                yield _mark(turn, across(one.as_of), down(one), words=_words(one))


def _stages(found: Backtest) -> list[str]:
    """In the order in which they were first asked about, which is nearly always that of the policy."""
    first: dict[str, datetime] = {}
    for one in found.decisions:
        first[one.stage] = min(first.get(one.stage, one.as_of), one.as_of)
    return sorted(first, key=lambda stage: (first[stage], stage))


def _words(one: Retried) -> str:
    why = one.reason.text if one.reason else ", ".join(one.rules)
    return f"{one.id}: {one.project} to {one.stage}, {one.as_of:%Y-%m-%d}: {one.turn} ({why})"


def _mark(turn: Turn, x: float, y: float, *, scale: float = 1.0, words: str = "") -> str:
    colour, r = _COLOURS[turn], 3.0 * scale
    title = f"<title>{_safe(words)}</title>" if words else ""
    edge = "stroke='#ffffff' stroke-width='0.4'"
    match turn:
        case Turn.UNCHANGED:
            return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{r * 0.45:.1f}' fill='{colour}'>{title}</circle>"
        case Turn.PASS_TO_FAIL:  # a triangle that points down
            d = f"M{x - r:.1f} {y - r * 0.8:.1f}h{2 * r:.1f}L{x:.1f} {y + r:.1f}z"
            return f"<path d='{d}' fill='{colour}' {edge}>{title}</path>"
        case Turn.FAIL_TO_PASS:  # and one that points up
            d = f"M{x - r:.1f} {y + r * 0.8:.1f}h{2 * r:.1f}L{x:.1f} {y - r:.1f}z"
            return f"<path d='{d}' fill='{colour}' {edge}>{title}</path>"
        case Turn.PASS_TO_WARN:
            d = f"M{x:.1f} {y - r:.1f}l{r:.1f} {r:.1f}l{-r:.1f} {r:.1f}l{-r:.1f} {-r:.1f}z"
            return f"<path d='{d}' fill='{colour}' {edge}>{title}</path>"
        case Turn.WARN_TO_PASS:
            ring = f"fill='#ffffff' stroke='{colour}' stroke-width='1.4'"
            return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{r * 0.75:.1f}' {ring}>{title}</circle>"
        case Turn.NOT_REPLAYABLE:
            s = r * 0.75
            d = f"M{x - s:.1f} {y - s:.1f}l{2 * s:.1f} {2 * s:.1f}m{-2 * s:.1f} 0l{2 * s:.1f} {-2 * s:.1f}"
            return f"<path d='{d}' stroke='{colour}' stroke-width='1.6' fill='none'>{title}</path>"


def _ticks(first: datetime, last: datetime) -> list[datetime]:
    """Beginnings of months; of a shorter time, four moments."""
    found = []
    at = first.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while at <= last:
        if at >= first:
            found.append(at)
        at = (at + timedelta(days=32)).replace(day=1)
    if 2 <= len(found) <= 12:
        return found
    if len(found) > 12:
        return found[:: len(found) // 8]
    return [first + (last - first) * share / 3 for share in range(4)] if last > first else [first]


def _text(
    x: float, y: float, words: str, *, size: int, colour: str, anchor: str = "start", bold: bool = False
) -> str:
    weight = " font-weight='600'" if bold else ""
    place = f"x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{colour}' text-anchor='{anchor}'{weight}"
    return f"<text {place}>{_safe(words)}</text>"


def _safe(words: str) -> str:
    return escape(clean(words))
