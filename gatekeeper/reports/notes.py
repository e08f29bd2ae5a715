"""What a reader notices on the way: problems with counts, and the state that follows from them."""

from collections import Counter
from collections.abc import Iterable

from gatekeeper.evidence import Param, Problem, State
from gatekeeper.messages.problems import NOTES

_MAX_WORDS = 5
_MAX_CHARS = 80

_FAILED = frozenset({"scan-failed", "scan-did-not-run"})
"""Problems that say the tool did not finish."""


class Notes:
    """A mutable tally. `count` gathers events of one code, `add` keeps one problem as it is."""

    def __init__(self) -> None:
        self._added: dict[tuple[str, str], Problem] = {}
        self._counts: Counter[str] = Counter()
        self._words: dict[str, Counter[str]] = {}

    def add(self, code: str, **params: Param) -> None:
        """Keep the problem `code`, the first one for each `what` among the parameters."""
        self._added.setdefault((code, str(params.get("what", ""))), Problem(code=code, params=params))

    def count(self, code: str, word: str | None = None, n: int = 1) -> None:
        """One more of `code`; `word` says which, and the commonest words are listed as `what`."""
        self._counts[code] += n
        if word is not None:
            self._words.setdefault(code, Counter())[word[:_MAX_CHARS]] += n

    def count_all(self, other: "Notes") -> None:
        """Add what `other` has counted; its words and single problems are left out."""
        self._counts.update(other._counts)

    def total(self, code: str) -> int:
        """How often `code` was counted."""
        return self._counts[code]

    def problems(self) -> tuple[Problem, ...]:
        """The problems ordered by code; counted ones have `count` and, where words were given, `what`."""
        counted = (
            Problem(code=code, params=self._params(code)) for code, count in self._counts.items() if count
        )
        return tuple(sorted((*counted, *self._added.values()), key=lambda p: (p.code, str(p.params))))

    def _params(self, code: str) -> dict[str, Param]:
        params: dict[str, Param] = {"count": self._counts[code]}
        if words := self._words.get(code):
            commonest = sorted(words.items(), key=lambda item: (-item[1], item[0]))[:_MAX_WORDS]
            params["what"] = tuple(commonest)
        return params


def state_of(problems: Iterable[Problem]) -> State:
    """`failed`, `incomplete` or `ok`, as the problems of a readable report say."""
    codes = {problem.code for problem in problems}
    if codes & _FAILED:
        return State.FAILED
    return State.INCOMPLETE if codes - NOTES else State.OK
