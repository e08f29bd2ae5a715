"""The score: points of the `score` rules that applied, in percent of their weights. Exact throughout."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gatekeeper.decision import Reason
from gatekeeper.policy.effort import effort_of
from gatekeeper.policy.model import Act, ScoreBounds
from gatekeeper.policy.said import reason
from gatekeeper.policy.shown import decimal
from gatekeeper.policy.verdict import Judged


@dataclass(frozen=True, kw_only=True)
class Score:
    """`points` of `weights`; both are zero when no `score` rule applied."""

    points: Fraction
    weights: int

    @property
    def value(self) -> Fraction | None:
        """0 to 100; None when no `score` rule applied."""
        return self.points * 100 / self.weights if self.weights else None

    @property
    def shown(self) -> str | None:
        """The value with two decimals, rounded down."""
        return None if self.value is None else decimal(self.value, 2, up=False)

    @property
    def arithmetic(self) -> str | None:
        """`5.5 of 7 points`, for people."""
        if not self.weights:
            return None
        return f"{shown_points(self.points)} of {self.weights} {'point' if self.weights == 1 else 'points'}"


def shown_points(points: Fraction) -> str:
    """Whole or half points."""
    return str(points.numerator) if points.denominator == 1 else decimal(points, 1, up=False)


def score_of(judged: Sequence[Judged]) -> Score:
    """The score of all rules; skipped and observed ones leave the weights."""
    scored = [(one.points, one.result.weight or 0) for one in judged if one.points is not None]
    return Score(
        points=sum((points for points, _ in scored), Fraction(0)), weights=sum(weight for _, weight in scored)
    )


def effect_of(
    score: Score, bounds: ScoreBounds | None, judged: Sequence[Judged]
) -> tuple[Act, Reason | None]:
    """What the score does to the decision, and why."""
    value = score.value
    if value is None:
        return Act.SKIP, None
    if bounds is None:
        # The loader demands bounds as soon as a rule scores, so a policy without them was not loaded.
        bounds = ScoreBounds(pass_="100", warn="100")  # noqa: S106  # a score, not a password
    if value >= Fraction(bounds.pass_):
        return Act.SKIP, None
    is_warn = value >= Fraction(bounds.warn)
    goal = Fraction(bounds.pass_ if is_warn else bounds.warn)
    why = reason(
        "score-in-warn-band" if is_warn else "score-too-low",
        **{"score": score.shown or "", "warn": bounds.warn, "pass": bounds.pass_},
        rules=_smallest_set(score, goal, judged),
    )
    return (Act.WARN if is_warn else Act.BLOCK), why


def _smallest_set(score: Score, goal: Fraction, judged: Sequence[Judged]) -> tuple[str, ...]:
    """The fewest rules that, made to pass, lift the score to `goal`: those with the most to gain first.

    Of two that gain the same, the one whose remedy is less work.
    """
    gains = [
        (Fraction(one.result.weight or 0) - one.points, effort_of(one.result.remedy), one.result.id)
        for one in judged
        if one.points is not None
    ]
    points, chosen = score.points, []
    for gain, _, rule in sorted(gains, key=lambda item: (-item[0], *item[1:])):
        if points * 100 >= goal * score.weights or not gain:
            break
        points += gain
        chosen.append(rule)
    return tuple(chosen)
