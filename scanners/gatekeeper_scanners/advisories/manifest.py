"""What a generation of the mirror says of itself, and the small file that names the current one."""

from datetime import datetime

import msgspec

from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import Database

SCHEMA = "gatekeeper/advisories/v1"


class MirrorUnavailable(GatekeeperError):
    """The mirror cannot answer; `code` says whether it is missing, partial or damaged."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, hint="run `gatekeeper advisories import FILE.zip`")
        self.code = code


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One import. The canary is in the mirror and in no figure here."""

    schema: str = SCHEMA
    source: str
    """File or folder name, without the folders above it."""
    digest: str
    """Over the content: `sha256:` of the lines `<id> <sha256 of the record, keys sorted>`, sorted by id."""
    records: int
    withdrawn: int
    """Of `records`: kept for look-ups by id, never matched."""
    unreadable: int
    """Members that could not be read; only a partial import may have any."""
    undated: int
    """Records without a readable date up to now; matched like any other, and they make nothing look newer."""
    newest_at: datetime | None
    """The latest `modified` or `published` of all records."""
    ecosystems: dict[str, int]
    """Matchable records per ecosystem."""
    is_complete: bool
    imported_at: datetime
    file_sha256: str
    """Lowercase hex SHA-256 of the SQLite file, compared whenever it is opened."""

    @property
    def database(self) -> Database:
        """What travels with evidence made from this mirror."""
        return Database(
            digest=self.digest,
            records=self.records,
            newest_at=self.newest_at,
            is_complete=self.is_complete,
        )


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """The file `current`: the folder of the generation in use and the digest of its manifest."""

    generation: str
    manifest_sha256: str
