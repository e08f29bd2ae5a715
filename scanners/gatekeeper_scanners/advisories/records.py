"""OSV records: bytes to typed advisories, every refusal with its reason.

The format is the OSV schema, version 1. Only what matching, rating and serving need is typed; the whole
record is kept beside it, with sorted keys.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

MAX_DEPTH = 32
CANARY_ID = "GATEKEEPER-CANARY"
CANARY_PACKAGE = "gatekeeper-canary"
CANARY_VERSION = "0.0.0"
PYPI = "PyPI"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}")
_CLOCK_TOLERANCE = timedelta(days=1)


class UnreadableRecord(Exception):
    """The bytes are not a usable OSV record; the text says why."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One end of an affected range; exactly one field is set."""

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    limit: str | None = None


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Affected versions between events. `type` is ECOSYSTEM, SEMVER or GIT."""

    type: str
    events: list[Event] = []


class AffectedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """The package as the record names it."""

    ecosystem: str
    name: str


class Rated(msgspec.Struct, frozen=True, kw_only=True):
    """One severity entry: a CVSS vector of the version that `type` names."""

    type: str
    score: str


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """Versions of one package. Without `package` (git commits only) it can match no dependency."""

    package: AffectedPackage | None = None
    severity: list[Rated] | None = None
    ranges: list[Range] | None = None
    versions: list[str] | None = None


class SourceFields(msgspec.Struct, frozen=True, kw_only=True):
    """The part of `database_specific` that is read: the severity in the words of the source."""

    severity: Any = None


class Advisory(msgspec.Struct, frozen=True, kw_only=True):
    """One OSV record."""

    id: str
    modified: str
    schema_version: str | None = None
    published: str | None = None
    withdrawn: str | None = None
    aliases: list[str] | None = None
    summary: str | None = None
    details: str | None = None
    severity: list[Rated] | None = None
    affected: list[Affected] | None = None
    database_specific: SourceFields | None = None

    @property
    def modified_at(self) -> datetime | None:
        """`modified` in UTC; None when it is no date with a time zone, as in a few published records."""
        return _instant(self.modified)

    @property
    def published_at(self) -> datetime | None:
        """`published` in UTC; None when it is absent or no date with a time zone."""
        return _instant(self.published)

    def newest_at(self, now: datetime) -> datetime | None:
        """The later date. One after `now` is ignored: it would make an old mirror look new for ever."""
        latest = now + _CLOCK_TOLERANCE
        usable = [at for at in (self.modified_at, self.published_at) if at is not None and at <= latest]
        return max(usable, default=None)

    @property
    def packages(self) -> frozenset[tuple[str, str]]:
        """(ecosystem, normalised name) of what can be matched; nothing for a withdrawn record."""
        if self.withdrawn is not None:
            return frozenset()
        named = (entry.package for entry in self.affected or ())
        return frozenset((p.ecosystem, normal_name(p.ecosystem, p.name)) for p in named if p is not None)


def normal_name(ecosystem: str, name: str) -> str:
    """`name` as it is compared in `ecosystem`: PEP 503 for PyPI, unchanged elsewhere."""
    return canonicalize_name(name) if ecosystem == PYPI else name


def read_record(data: bytes) -> tuple[Advisory, bytes]:
    """The advisory in `data`, and the whole record as JSON with sorted keys and no white space.

    Raises:
        UnreadableRecord: not JSON, nested too deep, not the shape of OSV 1.x, an id that is reserved or not
            an id, or withdrawn at a time that is no date (withdrawing takes a record out of every answer).
    """
    try:
        whole = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
        _refuse_depth(whole)
        advisory = msgspec.convert(whole, Advisory)
        canonical = msgspec.json.encode(whole, order="sorted")
    except (msgspec.DecodeError, UnicodeError, OverflowError) as exc:
        raise UnreadableRecord(str(exc)) from exc
    except RecursionError as exc:
        raise UnreadableRecord(f"nested deeper than {MAX_DEPTH} levels") from exc
    _refuse_values(advisory)
    return advisory, canonical


def stored_record(data: bytes) -> Advisory:
    """The advisory in bytes that `read_record` gave out earlier."""
    return msgspec.json.decode(data, type=Advisory)


def canary(now: datetime) -> bytes:
    """Our own record, put into every mirror: a scan that cannot find it cannot find anything."""
    record = {
        "id": CANARY_ID,
        "modified": now.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "summary": "Not a vulnerability: proves that the advisory mirror is searched.",
        "affected": [
            {"package": {"ecosystem": PYPI, "name": CANARY_PACKAGE}, "versions": [CANARY_VERSION]},
        ],
    }
    return msgspec.json.encode(record, order="sorted")


def _refuse_values(advisory: Advisory) -> None:
    if not _ID.fullmatch(advisory.id):
        raise UnreadableRecord(f"{advisory.id[:80]!r} is not an advisory id")
    if advisory.id == CANARY_ID:
        raise UnreadableRecord(f"the id {CANARY_ID} is reserved for the mirror itself")
    version = advisory.schema_version
    if version is not None and version.split(".", 1)[0] != "1":
        raise UnreadableRecord(f"schema_version {version[:20]!r}; version 1 is understood")
    if advisory.withdrawn is not None and _instant(advisory.withdrawn) is None:
        raise UnreadableRecord(f"withdrawn {advisory.withdrawn[:40]!r} is no date with a time zone")


def _refuse_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise UnreadableRecord(f"nested deeper than {MAX_DEPTH} levels")
        deeper: list[Any] = []
        for item in level:
            inner = item.values() if type(item) is dict else item if type(item) is list else ()
            deeper.extend(child for child in inner if type(child) in (dict, list))
        level = deeper


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = msgspec.convert(text, datetime)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (msgspec.ValidationError, OverflowError):
        return None
