"""Is this version of this package affected? The evaluation of the OSV schema, with PEP 440 versions.

What cannot be decided counts as affected and is marked uncertain: a false alarm is seen, silence is not.
"""

from collections.abc import Iterable, Iterator
from enum import Enum

from packaging.version import Version

from gatekeeper_scanners.advisories.records import Advisory, Affected, Event, Range, normal_name


class Match(Enum):
    """The answer for one advisory and one version."""

    NO = "no"
    YES = "yes"
    UNCERTAIN = "uncertain"
    """The record cannot be evaluated for this version; treated as affected."""


class _Undecidable(Exception):
    """An event or version is no PEP 440 version."""


def match(advisory: Advisory, *, ecosystem: str, name: str, version: str) -> Match:
    """Whether `version` of the package is affected. A withdrawn advisory affects nothing.

    A local version (`2.1.0+cpu`) is judged as itself and as its public version; either makes it affected.
    """
    if advisory.withdrawn is not None:
        return Match.NO
    answers = [_judge(entry, version) for entry in entries_for(advisory, ecosystem, name)]
    if Match.YES in answers:
        return Match.YES
    return Match.UNCERTAIN if Match.UNCERTAIN in answers else Match.NO


def entries_for(advisory: Advisory, ecosystem: str, name: str) -> list[Affected]:
    """The entries of `affected` that speak of this package."""
    wanted = normal_name(ecosystem, name)
    return [
        entry
        for entry in advisory.affected or ()
        if entry.package is not None
        and entry.package.ecosystem == ecosystem
        and normal_name(ecosystem, entry.package.name) == wanted
    ]


def version_ranges(entry: Affected) -> list[Range]:
    """The ranges that speak of versions; GIT ranges speak of commits."""
    return [r for r in entry.ranges or () if r.type in ("ECOSYSTEM", "SEMVER")]


def _judge(entry: Affected, text: str) -> Match:
    if text in (entry.versions or ()):
        return Match.YES
    try:
        candidates = _with_public(Version(text))
    except ValueError:
        return Match.UNCERTAIN
    if any(listed in candidates for listed in _parsed(entry.versions or ())):
        return Match.YES
    ranges = version_ranges(entry)
    if not ranges and not entry.versions:
        # The schema wants versions or ranges; an entry with neither names the package and nothing else.
        return Match.UNCERTAIN
    try:
        hit = any(_inside(r.events, candidate) for r in ranges for candidate in candidates)
    except _Undecidable:
        return Match.UNCERTAIN
    return Match.YES if hit else Match.NO


def _with_public(version: Version) -> tuple[Version, ...]:
    return (version, Version(version.public)) if version.local else (version,)


def _parsed(versions: Iterable[str]) -> Iterator[Version]:
    for text in versions:
        try:
            yield Version(text)
        except ValueError:
            continue  # another spelling than PEP 440 can only equal the version as text


def _inside(events: list[Event], version: Version) -> bool:
    """The evaluation of the OSV schema: walk the events in order of version, the last one passed decides.

    Raises:
        _Undecidable: no event introduces the problem, or an event names no PEP 440 version.
    """
    if not any(event.introduced is not None for event in events):
        raise _Undecidable
    affected = False
    for _, at, order in sorted(step for event in events for step in _steps(event)):
        if order == _INTRODUCED and version >= at:
            affected = True
        elif (order == _FIXED and version >= at) or (order == _LAST_AFFECTED and version > at):
            affected = False
    limits = [event.limit for event in events if event.limit is not None]
    return affected and (not limits or any(text == "*" or version < _version(text) for text in limits))


# Two events at one version: a fix ends the range before, an introduction begins one, and
# `introduced: 2, last_affected: 2` is the one version 2.
_FIXED, _INTRODUCED, _LAST_AFFECTED = range(3)
_LOWEST = Version("0.dev0")


def _steps(event: Event) -> Iterator[tuple[int, Version, int]]:
    """(0 for "from the beginning" else 1, version, order among events at that version)."""
    if event.introduced == "0":
        yield 0, _LOWEST, _INTRODUCED
    elif event.introduced is not None:
        yield 1, _version(event.introduced), _INTRODUCED
    if event.fixed is not None:
        yield 1, _version(event.fixed), _FIXED
    if event.last_affected is not None:
        yield 1, _version(event.last_affected), _LAST_AFFECTED


def _version(text: str) -> Version:
    try:
        return Version(text)
    except ValueError as exc:
        raise _Undecidable from exc
