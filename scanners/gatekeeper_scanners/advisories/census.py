"""What an archive of advisories holds, and whether it may become the mirror."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from gatekeeper.errors import GatekeeperError
from gatekeeper_scanners.advisories.archive import Archive
from gatekeeper_scanners.advisories.manifest import Manifest
from gatekeeper_scanners.advisories.records import PYPI, Advisory

_NAMED = 5
"""Unreadable members named in a refusal."""


class ImportRefused(GatekeeperError):
    """The records would not make a mirror that can be trusted; the old one stays in use."""

    code = "import-refused"


@dataclass
class Census:
    """What is counted while records go by."""

    digests: dict[str, str] = field(default_factory=dict)
    withdrawn: int = 0
    undated: int = 0
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    unreadable_count: int = 0
    ecosystems: dict[str, int] = field(default_factory=dict)
    newest_at: datetime | None = None

    def add(self, advisory: Advisory, canonical: bytes, now: datetime) -> None:
        """Count one record."""
        self.digests[advisory.id] = hashlib.sha256(canonical).hexdigest()
        self.withdrawn += advisory.withdrawn is not None
        for ecosystem in {ecosystem for ecosystem, _ in advisory.packages}:
            self.ecosystems[ecosystem] = self.ecosystems.get(ecosystem, 0) + 1
        at = advisory.newest_at(now)
        if at is None:
            self.undated += 1
        elif self.newest_at is None or at > self.newest_at:
            self.newest_at = at

    def refuse(self, name: str, reason: str) -> None:
        """Count one member that is no record."""
        self.unreadable_count += 1
        if len(self.unreadable) < _NAMED:
            self.unreadable.append((name, reason))

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over the ids and digests of all records, whatever their order in the archive."""
        lines = (f"{name} {hexdigest}\n" for name, hexdigest in sorted(self.digests.items()))
        return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def judge(
    census: Census, previous: Manifest | None, archive: Archive, *, is_partial: bool, allow_shrink: bool
) -> None:
    """Refuse what would not make a mirror to be trusted, beside the `previous` one.

    Raises:
        ImportRefused: unreadable members, no records of PyPI, no date, or a mirror that shrinks; with what is
            to be done when it is meant.
    """
    if census.unreadable_count and not is_partial:
        named = "; ".join(f"{name}: {reason}" for name, reason in census.unreadable)
        raise ImportRefused(
            f"{census.unreadable_count:,} of {archive.count:,} files cannot be read: {named}",
            hint="get the file again; --partial imports the rest, for `evaluate` only",
        )
    if not census.ecosystems.get(PYPI):
        raise ImportRefused(
            f"{archive.path.name} holds {len(census.digests):,} OSV records and none of them for {PYPI}",
            hint="give the OSV export of the ecosystem PyPI: one JSON file per advisory",
        )
    if census.newest_at is None:
        raise ImportRefused(
            "no record has a date that can be used: all are unreadable or later than now",
            hint="check the clock of this machine",
        )
    if previous is None or not previous.is_complete or allow_shrink:
        return
    if is_partial:
        raise ImportRefused(
            "a partial import would replace a complete mirror", hint="add --allow-shrink if that is meant"
        )
    for ecosystem, before in sorted(previous.ecosystems.items()):
        after = census.ecosystems.get(ecosystem, 0)
        if after * 10 < before * 9:
            raise ImportRefused(
                f"{after:,} records for {ecosystem}, the mirror in use has {before:,}: more than 10 % fewer",
                hint="get the file again, or add --allow-shrink if that is meant",
            )
