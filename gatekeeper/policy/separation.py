"""Separation of duties: whose approval does not count, and who would have to be known for that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never

from gatekeeper.decision import People
from gatekeeper.policy.entry import SEPARATION, Held, failed, passed
from gatekeeper.policy.promotion import Party, Separation
from gatekeeper.policy.said import reason, remedy


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """Who may not approve, and as what."""

    people: Mapping[str, tuple[Party, ...]]
    """Id of the person -> what the person is, sorted."""
    unknown: tuple[Party, ...] = ()
    """Parties that are excluded and that nobody named, sorted: approvers cannot be compared with them."""


def excluded(separation: Separation, people: People, waiver_owners: Iterable[str]) -> Excluded:
    """Who is excluded, given the people behind the change and the owners of the waivers that were applied."""
    owners = frozenset(waiver_owners)
    found: dict[str, list[Party]] = {}
    unknown = []
    for party in sorted(set(separation.approver_is_not)):
        persons = _persons(party, people, owners)
        if persons is None:
            unknown.append(party)
        for person in persons or ():
            found.setdefault(person, []).append(party)
    return Excluded(
        people={person: tuple(parties) for person, parties in sorted(found.items())}, unknown=tuple(unknown)
    )


def separation_held(excluded: Excluded, separation: Separation) -> Held:
    """The result `separation`; nothing when the policy excludes nobody.

    Call it only where signatures are demanded. A party whom nobody knows fails it: somebody whom nobody
    knows could be the approver.
    """
    if not separation.approver_is_not:
        return Held()
    title = "Separation of duties"
    if excluded.unknown:
        parties = tuple(str(party) for party in excluded.unknown)
        why = reason("party-unknown", parties=parties)
        return Held(judged=(failed(SEPARATION, title, why, remedy("name-parties", parties=parties)),))
    parties = tuple(sorted({str(party) for party in separation.approver_is_not}))
    why = reason("parties-known", parties=parties)
    return Held(judged=(passed(SEPARATION, title, why),))


def _persons(party: Party, people: People, owners: frozenset[str]) -> frozenset[str] | None:
    """The persons who are `party`; None when nobody knows."""
    match party:
        case Party.AUTHOR:
            one = people.author
        case Party.COMMITTER:
            one = people.committer
        case Party.DEPLOYER:
            one = people.deployer
        case Party.WAIVER_OWNER:
            return owners
        case _:
            assert_never(party)
    return frozenset({one}) if one else None
