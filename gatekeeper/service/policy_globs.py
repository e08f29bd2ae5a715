"""Whether two globs of project paths may mean the same project: asked before a policy is published."""

from collections.abc import Iterable

Tie = tuple[str, str, str]
"""(our glob, the other policy, its glob)."""


def ties(name: str, wanted: Iterable[str], others: Iterable[tuple[str, str]]) -> list[Tie]:
    """Where the longest glob would not say which policy applies; `others` are (glob, policy).

    Two globs of one length that some path fits both. A glob with a set in brackets counts as fitting whatever
    the other fits: refused is better than decided by chance.
    """
    rivals = [(glob, policy) for glob, policy in others if policy != name]
    return [
        (mine, policy, theirs)
        for mine in wanted
        for theirs, policy in rivals
        if len(mine) == len(theirs) and may_meet(mine, theirs)
    ]


def may_meet(one: str, other: str) -> bool:
    """True when some path may fit both globs (`*` also fits slashes, `?` any one character)."""
    if "[" in one or "[" in other:
        return True
    # meets[i][j]: the ends one[i:] and other[j:] can be the same text.
    meets = [[False] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one), -1, -1):
        for j in range(len(other), -1, -1):
            meets[i][j] = _step(one[i : i + 1], other[j : j + 1], meets, i, j)
    return meets[0][0]


def _step(mine: str, theirs: str, meets: list[list[bool]], i: int, j: int) -> bool:
    """From the first characters of two ends (empty: none is left) and what is known of shorter ones."""
    if not mine and not theirs:
        return True
    ends_mine, ends_theirs = mine == "*" and meets[i + 1][j], theirs == "*" and meets[i][j + 1]
    if ends_mine or ends_theirs:
        return True
    if not mine or not theirs:
        return False
    if mine == "*":  # it takes the other's character, and stays
        return theirs != "*" and meets[i][j + 1]
    if theirs == "*":
        return meets[i + 1][j]
    return meets[i + 1][j + 1] and ("?" in (mine, theirs) or mine == theirs)
