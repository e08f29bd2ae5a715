"""A policy taken apart: one statement for each thing that it says, so that two policies can be compared."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from gatekeeper.policy.condition import Condition, Op


class Effect(StrEnum):
    """What a change of a policy does to what gets through."""

    TIGHTER = "tighter"
    LOOSER = "looser"
    OTHER = "changed"
    """Neither, both, or it depends."""


@dataclass(frozen=True)
class Span:
    """The values that a condition accepts, both ends included; None is no end."""

    low: Fraction | None
    high: Fraction | None

    def is_within(self, other: "Span") -> bool:
        """True when `other` accepts all of it."""
        is_above = other.low is None or (self.low is not None and self.low >= other.low)
        is_below = other.high is None or (self.high is not None and self.high <= other.high)
        return is_above and is_below


Strictness = tuple[str, Fraction] | frozenset[int] | Span | None
"""How strict a value is: more is stricter within one word; a smaller set and a smaller span are stricter when
they are part of the other. None: nobody can say."""

Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One thing that a policy says about one subject, at one stage or at all of them."""

    code: str
    """Its words stand in `messages/policy_changes.py`."""
    names: tuple[tuple[str, str], ...] = ()
    """What it is about: the rule, the role, the path; parameters of the words."""
    stage: str = ""
    """Empty when it holds for all stages."""
    value: str = ""
    strict: Strictness = None
    adds: Effect = Effect.OTHER
    """What it does when it is new; the opposite when it goes."""
    parent: Key | None = None
    """Said only beside this one: where that is new or gone, this goes without saying."""
    is_whole: bool = False
    """True when its value is compared by the statements whose parent it is."""
    is_told: bool = True
    """False for a parent whose coming and going others tell."""

    @property
    def key(self) -> Key:
        """What makes two statements of two policies the same one."""
        return (self.code, *(value for _, value in self.names), self.stage)


def more(word: str, value: Fraction | int | str | None) -> Strictness:
    """More is stricter."""
    return None if value is None else (word, Fraction(value))


def less(word: str, value: int | None) -> Strictness:
    """Less is stricter; None is no limit at all."""
    return (word, Fraction(-(10**15)) if value is None else Fraction(-value))


def rank(word: str, value: str | None, order: Iterable[str]) -> Strictness:
    """Later in `order` is stricter."""
    known = tuple(order)
    return None if value not in known else (word, Fraction(known.index(value)))


def bound(condition: Condition) -> Strictness:
    """The span of values that fulfil it; None for `!=`, which leaves two."""
    tiny = Fraction(1, 10**12)  # thresholds have nine decimals at most
    value = condition.value
    match condition.op:
        case Op.AT_LEAST:
            return Span(value, None)
        case Op.MORE:
            return Span(value + tiny, None)
        case Op.AT_MOST:
            return Span(None, value)
        case Op.LESS:
            return Span(None, value - tiny)
        case Op.EQUAL:
            return Span(value, value)
        case Op.OTHER:
            return None


def effect_between(old: Strictness, new: Strictness) -> Effect:
    """What it does to go from one to the other."""
    if isinstance(old, frozenset) and isinstance(new, frozenset):
        is_tighter, is_looser = new < old, old < new
    elif isinstance(old, Span) and isinstance(new, Span):
        is_tighter, is_looser = new.is_within(old), old.is_within(new)
    elif isinstance(old, tuple) and isinstance(new, tuple) and old[0] == new[0]:
        is_tighter, is_looser = new[1] > old[1], new[1] < old[1]
    else:
        return Effect.OTHER
    if is_tighter and not is_looser:
        return Effect.TIGHTER
    return Effect.LOOSER if is_looser and not is_tighter else Effect.OTHER


def opposite(effect: Effect) -> Effect:
    """What the reverse change does."""
    match effect:
        case Effect.TIGHTER:
            return Effect.LOOSER
        case Effect.LOOSER:
            return Effect.TIGHTER
        case Effect.OTHER:
            return Effect.OTHER
