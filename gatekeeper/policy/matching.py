"""Matching: which person signs for which role when one person counts for one role only.

Signatures are taken in the order in which they were given. Each one fills a place when the persons who
signed before can be moved so that all places filled so far stay filled. So as many places are filled as can
be, and a later signature never empties one.
"""

from collections.abc import Mapping, Sequence


def matched(signatures: Sequence[tuple[str, str]], places: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """The persons who sign for each role of `places`, sorted; at most as many as the role has places.

    `signatures` are pairs of person and role, the earliest first; roles without places are left out.
    """
    match = _Match(places)
    for person, role in signatures:
        if role in places:
            match.add(person, role)
    return {role: tuple(sorted(holders)) for role, holders in match.holders.items()}


class _Match:
    """A largest assignment of the persons so far."""

    def __init__(self, places: Mapping[str, int]) -> None:
        self._places = places
        self._roles: dict[str, list[str]] = {}
        self.holders: dict[str, list[str]] = {role: [] for role in sorted(places)}

    def add(self, person: str, role: str) -> None:
        """Take one more signature; it can fill one more place at most."""
        self._roles.setdefault(person, []).append(role)
        waiting = [one for one in self._roles if not any(one in held for held in self.holders.values())]
        for one in waiting:
            if self._seat(one, set()):
                return

    def _seat(self, person: str, tried: set[str]) -> bool:
        """True when a place was found for `person`, moving others on where they can be."""
        for role in self._roles[person]:
            if role in tried:
                continue
            tried.add(role)
            holders = self.holders[role]
            if len(holders) < self._places[role]:
                holders.append(person)
                return True
            for place, holder in enumerate(holders):
                if self._seat(holder, tried):
                    # The one who moved on was added elsewhere; this place is free now.
                    holders[place] = person
                    return True
        return False
