"""One arrival of a report, and the sets that several of them can form."""

from datetime import datetime, timedelta

import msgspec

from gatekeeper.evidence import Kind, Problem, Producer, Provenance, State, Value
from gatekeeper.subject import Source


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What arrived, accepted or refused. Never changed; `counter` orders the receipts of a project."""

    id: str
    project_id: str
    counter: int
    """1, 2, 3 ... without gaps in each project."""
    kind: Kind | None
    """None when nothing said what it is evidence of; then no slot holds it."""
    name: str
    job: str
    format: str | None
    source: Source
    artifact: str | None
    fork: str | None
    """The fork that sent it; no stage ever reads such a receipt."""
    set_id: str | None
    part: int | None
    sha256: str
    """Of the bytes as received (of what was read of them when they were over a limit)."""
    stored_sha256: str | None
    """Of the bytes that were kept: other ones for secrets, None when none were kept."""
    record_sha256: str | None
    """Of the runner's record that came with it."""
    size_bytes: int
    document_digest: str | None
    state: State
    problems: tuple[Problem, ...]
    metrics: dict[str, Value]
    producer: Producer | None
    produced_at: datetime | None
    received_at: datetime
    provenance: Provenance

    @property
    def is_accepted(self) -> bool:
        """False for what could not be read: it is kept as the newest word of its slot all the same."""
        return self.kind is not None and self.state is not State.UNREADABLE


class EvidenceSet(msgspec.Struct, frozen=True, kw_only=True):
    """Reports that only count together: the shards of one test run, the files of one `submit`."""

    id: str
    project_id: str
    tree: str
    name: str
    sender: str
    """Who began it, and how far that is believed: nobody else can complete it."""
    run: str
    attempt: str
    parts: int | None
    """How many are announced; None until somebody says it."""
    received: tuple[int, ...]
    """Parts whose newest upload is evidence of something."""
    refused: tuple[int, ...] = ()
    """Parts whose newest upload is of no kind that anybody could tell: nothing holds their place."""
    first_at: datetime
    deadline_at: datetime
    closed_at: datetime | None

    @property
    def missing(self) -> tuple[int, ...]:
        """The parts that are not there, as far as that is known."""
        wanted = {*range(1, (self.parts or 0) + 1), *self.refused}
        return tuple(sorted(wanted - set(self.received)))

    @property
    def is_complete(self) -> bool:
        """True when every announced part is there; without an announced total, when it was closed."""
        if self.refused:
            return False
        return not self.missing if self.parts is not None else self.closed_at is not None

    def is_open(self, at: datetime) -> bool:
        """True while parts may still come: an answer now would be too early. A refused part ends that."""
        return not (self.is_complete or self.refused) and self.closed_at is None and at < self.deadline_at


def deadline_of(first_at: datetime, minutes: int) -> datetime:
    """When a set that began at `first_at` is taken as it is."""
    return first_at + timedelta(minutes=minutes)
