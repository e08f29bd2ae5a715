"""An export of decisions: a folder that holds all that a replay needs, and believes nothing but digests.

export.json                         schema and counts
decisions/<id>/decision.json        the decision as the server recorded it
decisions/<id>/inputs.json          its inputs
decisions/<id>/behind.json          the evidence of its baseline, waivers and records; only where it has some
documents/<sha256>.json             normalised documents: the bytes behind their digest
policies/<sha256>.json              policies: the bytes behind their digest
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from gatekeeper.canonical import digest_of_bytes
from gatekeeper.decision import Decision, EvidenceInput, Inputs
from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import EvidenceDocument
from gatekeeper.policy.model import Policy
from gatekeeper.policy.replay import KeptDecision, policy_from
from gatekeeper.signoff import Records
from gatekeeper.waiver import Waiver

T = TypeVar("T")

SCHEMA = "gatekeeper/decisions/v1"
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_DECISIONS = 200_000
_HELD_DOCUMENTS = 2_000
_ID = re.compile(r"dec_[a-z2-7]{26}")


class ExportDamaged(GatekeeperError):
    """An export is not what it says: something in it is unreadable, too large, or has another digest."""

    code = "export-damaged"


class About(msgspec.Struct, frozen=True, kw_only=True):
    """`export.json`."""

    schema: str
    decisions: int
    made_by: str = ""


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """`behind.json`."""

    baseline: tuple[EvidenceInput, ...] | None = None
    waivers: tuple[Waiver, ...] = ()
    records: Records = Records()


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where one decision of an export stands in time."""

    as_of: datetime
    id: str


class ExportFolder:
    """Reads one export. A `Library` of its policies and documents."""

    def __init__(self, folder: Path) -> None:
        """Look at what it says of itself.

        Raises:
            ExportDamaged: it is not an export, or one of another version, or decisions are missing.
        """
        self._folder = folder
        self._policies: dict[str, Policy | None] = {}
        self._documents: dict[str, EvidenceDocument | None] = {}
        about = self._decoded("export.json", About)
        if about.schema != SCHEMA:
            raise ExportDamaged(f"{folder} has the schema {about.schema[:80]!r}; this is {SCHEMA}")
        self._ids = sorted(path.name for path in _entries(folder / "decisions"))
        if len(self._ids) != about.decisions or len(self._ids) > MAX_DECISIONS:
            raise ExportDamaged(
                f"{folder} holds {len(self._ids):,} decisions and says {about.decisions:,}; "
                f"the limit is {MAX_DECISIONS:,}",
                hint="export them again: a part of them proves nothing",
            )

    def places(self) -> list[Place]:
        """Every decision, the oldest first."""
        return sorted((self._place(name) for name in self._ids), key=lambda place: (place.as_of, place.id))

    def kept(self, places: Iterable[Place]) -> Iterator[KeptDecision]:
        """The decisions at these places, one after the other.

        Raises:
            ExportDamaged: one is not the decision that its name says, or not about its inputs.
        """
        for place in places:
            where = f"decisions/{_id(place.id)}"
            decision = self._decoded(f"{where}/decision.json", Decision)
            inputs = self._decoded(f"{where}/inputs.json", Inputs)
            is_bare = not (self._folder / where / "behind.json").exists()
            behind = Behind() if is_bare else self._decoded(f"{where}/behind.json", Behind)
            _demand_whole(place, decision, inputs)
            yield KeptDecision(
                decision=decision,
                inputs=inputs,
                baseline=behind.baseline,
                waivers=behind.waivers,
                records=behind.records,
            )

    def policy(self, digest: str) -> Policy | None:
        """The policy with this digest; None when it is not there.

        Raises:
            ExportDamaged: what lies there has another digest, or is no policy.
        """
        if digest not in self._policies:
            data = self._named("policies", digest)
            found = None if data is None else policy_from(data, digest=digest)
            if data is not None and found is None:
                raise ExportDamaged(f"the policy {digest} of {self._folder} cannot be read")
            self._policies[digest] = found
        return self._policies[digest]

    def document(self, digest: str) -> EvidenceDocument | None:
        """The document with this digest; None when it is not there.

        Raises:
            ExportDamaged: what lies there has another digest, or is no document.
        """
        if digest not in self._documents:
            data = self._named("documents", digest)
            found = None if data is None else _read(data, EvidenceDocument, f"document {digest}")
            if len(self._documents) >= _HELD_DOCUMENTS:
                self._documents.pop(next(iter(self._documents)))
            self._documents[digest] = found
        return self._documents[digest]

    def _place(self, name: str) -> Place:
        found = self._decoded(f"decisions/{_id(name)}/decision.json", Place)
        if found.id != name:
            raise ExportDamaged(f"{self._folder / 'decisions' / name} holds the decision {found.id[:80]!r}")
        return found

    def _named(self, folder: str, digest: str) -> bytes | None:
        name = digest.removeprefix("sha256:")
        if not re.fullmatch(r"[0-9a-f]{64}", name):
            return None
        path = self._folder / folder / f"{name}.json"
        if not path.exists():
            return None
        data = _bytes(path)
        if digest_of_bytes(data) != digest:
            raise ExportDamaged(f"{path} has another digest than its name says: it was changed")
        return data

    def _decoded(self, name: str, kind: type[T]) -> T:
        path = self._folder / name
        return _read(_bytes(path), kind, str(path))


class ExportWriter:
    """Writes an export into a new folder. Nothing reads it as one before `finish`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        for name in ("decisions", "documents", "policies"):
            (folder / name).mkdir(parents=True, exist_ok=False)

    def add(self, kept: KeptDecision) -> None:
        """One decision."""
        folder = self._folder / "decisions" / _id(kept.decision.id)
        folder.mkdir()
        (folder / "decision.json").write_bytes(msgspec.json.encode(kept.decision))
        (folder / "inputs.json").write_bytes(msgspec.json.encode(kept.inputs, order="sorted"))
        behind = Behind(baseline=kept.baseline, waivers=kept.waivers, records=kept.records)
        if behind != Behind():
            (folder / "behind.json").write_bytes(msgspec.json.encode(behind, order="sorted"))
        self._count += 1

    def has(self, folder: str, digest: str) -> bool:
        """True when the document or policy is there."""
        return self._path(folder, digest).exists()

    def put(self, folder: str, digest: str, data: bytes) -> None:
        """A document or a policy.

        Raises:
            ExportDamaged: it has another digest.
        """
        if digest_of_bytes(data) != digest:
            raise ExportDamaged(f"what came as {digest} has the digest {digest_of_bytes(data)}")
        self._path(folder, digest).write_bytes(data)

    def finish(self, *, made_by: str) -> None:
        """Say that it is whole."""
        about = About(schema=SCHEMA, decisions=self._count, made_by=made_by)
        (self._folder / "export.json").write_bytes(msgspec.json.encode(about) + b"\n")

    def _path(self, folder: str, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        if not re.fullmatch(r"[0-9a-f]{64}", name):
            raise ExportDamaged(f"{digest[:80]!r} is no digest")
        return self._folder / folder / f"{name}.json"


def _demand_whole(place: Place, decision: Decision, inputs: Inputs) -> None:
    """Return when the decision is the one at this place and about these inputs. A replay proves the rest."""
    told = (decision.id, decision.as_of, decision.subject, decision.stage, decision.path)
    asked = (place.id, inputs.as_of, inputs.subject, inputs.stage, inputs.path)
    if told != asked or decision.policy.digest != inputs.policy_digest:
        raise ExportDamaged(f"decision {place.id} and its inputs do not belong together: one was changed")


def _id(name: str) -> str:
    if not _ID.fullmatch(name):
        raise ExportDamaged(f"{name[:80]!r} is no id of a decision")
    return name


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise ExportDamaged(f"{folder} cannot be read: {error.strerror or error}") from error


def _bytes(path: Path) -> bytes:
    """The file; a link is not followed, so that an export cannot show files of the reader."""
    try:
        if path.is_symlink() or not path.is_file():
            raise ExportDamaged(
                f"{path} is not there as a file", hint="`gatekeeper export decisions` makes it"
            )
        if (size := path.stat().st_size) > MAX_FILE_BYTES:
            raise ExportDamaged(f"{path} is {size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
        return path.read_bytes()
    except OSError as error:
        raise ExportDamaged(f"{path} cannot be read: {error.strerror or error}") from error


def _read(data: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise ExportDamaged(f"{name} is not what an export holds: {said}") from error
