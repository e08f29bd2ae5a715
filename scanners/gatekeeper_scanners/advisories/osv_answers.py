"""Questions in the words of the OSV query API -> answers from the mirror, as pip-audit can read them."""

import json
import threading
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from packaging.version import Version

from gatekeeper.run_record import Rating
from gatekeeper_scanners.advisories import matching
from gatekeeper_scanners.advisories.matching import Match
from gatekeeper_scanners.advisories.records import PYPI, Advisory, normal_name
from gatekeeper_scanners.advisories.store import Mirror

MAX_QUERIES = 1_000

T = TypeVar("T")


class QueryRefused(Exception):
    """The question is not understood, and the text says why; it is never answered with "nothing known"."""


class Package(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The package asked for. A `purl` is not understood and is refused, never ignored."""

    ecosystem: str
    name: str


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question. A question by commit, or for all versions, is refused."""

    package: Package
    version: str
    page_token: str | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Several questions at once."""

    queries: list[Query]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered to one question, for comparison with the report of the tool that asked."""

    name: str
    """Normalised."""
    version: str
    ids: tuple[str, ...]
    uncertain: tuple[str, ...]
    """Of `ids`: counted as affected because the record cannot be evaluated."""


class AnswerLog:
    """Every question answered with 200 so far, and the rating of every advisory answered. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._answers: list[Answer] = []
        self._ratings: dict[str, Rating] = {}

    def add(self, answer: Answer, ratings: dict[str, Rating]) -> None:
        """Note one answer."""
        with self._guard:
            self._answers.append(answer)
            self._ratings.update(ratings)

    def answers(self) -> tuple[Answer, ...]:
        """All answers in the order in which they were given."""
        with self._guard:
            return tuple(self._answers)

    def ratings(self) -> dict[str, Rating]:
        """Ratings by advisory id."""
        with self._guard:
            return dict(self._ratings)


def answer_query(body: bytes, mirror: Mirror, log: AnswerLog) -> bytes:
    """The reply to one question: `{"vulns": [...]}`, or `{}` when nothing is known; noted in `log`.

    Raises:
        QueryRefused: not one question by name and version, or for another ecosystem than PyPI.
    """
    return _encode(_answer(_decode(body, Query), mirror, log))


def answer_batch(body: bytes, mirror: Mirror, log: AnswerLog) -> bytes:
    """The reply to several questions: `{"results": [...]}` in their order, ids and dates alone.

    Raises:
        QueryRefused: as for one question, or more than 1,000 of them.
    """
    queries = _decode(body, Batch).queries
    if len(queries) > MAX_QUERIES:
        raise QueryRefused(f"{len(queries)} queries; the limit is {MAX_QUERIES}")
    return _encode({"results": [_brief(_answer(query, mirror, log)) for query in queries]})


def _decode(body: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise QueryRefused(f"not a query: {exc}") from exc


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _answer(query: Query, mirror: Mirror, log: AnswerLog) -> dict[str, Any]:
    if query.page_token:
        raise QueryRefused("answers are never paged")
    package = query.package
    if package.ecosystem != PYPI:
        raise QueryRefused(f"only versions of {PYPI} can be compared here")
    found = mirror.affecting(ecosystem=package.ecosystem, name=package.name, version=query.version)
    log.add(
        Answer(
            name=normal_name(package.ecosystem, package.name),
            version=query.version,
            ids=tuple(advisory.id for advisory, _ in found),
            uncertain=tuple(advisory.id for advisory, answer in found if answer is Match.UNCERTAIN),
        ),
        {advisory.id: mirror.rating(advisory.id) for advisory, _ in found},
    )
    vulns = [_served(advisory, package) for advisory, _ in found]
    return {"vulns": vulns} if vulns else {}


def _brief(answer: dict[str, Any]) -> dict[str, Any]:
    vulns = [
        {key: vuln[key] for key in ("id", "modified") if key in vuln} for vuln in answer.get("vulns", ())
    ]
    return {"vulns": vulns} if vulns else {}


def _served(advisory: Advisory, package: Package) -> dict[str, Any]:
    """The advisory as pip-audit 2.10 can read it without losing or breaking anything.

    It compares names literally and takes fixes from one range of one entry only. It stops with a traceback at
    a fix that is no version, at a date with nine decimals or an offset, and at an entry without a package. It
    drops a record whose schema it does not know. So: one entry for the package, under the name that was asked
    for, with one range of all its events; dates in one form; no null anywhere.
    """
    entries = matching.entries_for(advisory, package.ecosystem, package.name)
    events = [
        {key: value}
        for entry in entries
        for affected in matching.version_ranges(entry)
        for event in affected.events
        for key, value in msgspec.to_builtins(event).items()
        if key != "fixed" or _is_version(value)
    ]
    versions = [version for entry in entries for version in entry.versions or ()]
    affected = {
        "package": {"ecosystem": package.ecosystem, "name": package.name},
        "ranges": [{"type": "ECOSYSTEM", "events": events}] if events else [],
        "versions": versions,
    }
    served: dict[str, Any] = {
        "id": advisory.id,
        "schema_version": advisory.schema_version or "1.0.0",
        "aliases": advisory.aliases or [],
        "affected": [affected],
    }
    for name, at in (("modified", advisory.modified_at), ("published", advisory.published_at)):
        if at is not None:
            served[name] = _instant(at)
    for name in ("summary", "details"):
        if text := getattr(advisory, name):
            served[name] = text
    return served


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except ValueError:
        return False
    return True


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
