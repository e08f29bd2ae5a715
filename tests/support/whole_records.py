"""Looks through a stopped server's database and blobs for anything lost, doubled or half there."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from gatekeeper.canonical import canonical_bytes, digest, digest_of_bytes
from gatekeeper.decision import Decision, Inputs, as_json, decision_from
from gatekeeper.evidence import EvidenceDocument
from gatekeeper.project import Build
from gatekeeper.receipt import Receipt
from gatekeeper.recorded import StoredDecision
from gatekeeper.store.blobs import BlobStore
from gatekeeper.store.convert import build_of, decision_of, receipt_of
from gatekeeper.store.database import Database
from gatekeeper.store.statements import table

Row = Mapping[str, Any]
Faults = Iterator[str]


@dataclass(frozen=True, kw_only=True)
class Records:
    """All that one snapshot of a database holds of what was acknowledged."""

    rows: Mapping[str, list[Row]]
    receipts: Mapping[str, Receipt]
    builds: tuple[Build, ...]
    decisions: Mapping[str, StoredDecision]


_TABLES = (
    "project", "source_commit", "subject_revision", "evidence_set", "slot", "gate_state", "evaluation_due",
    "stage_state", "decision_count", "tracked_finding", "finding_summary", "ledger_outbox",
)  # fmt: skip


def records_of(database: Database) -> Records:
    """Everything, read at one moment."""
    return database.read(records_in)


def records_in(connection: Connection) -> Records:
    """Everything that this transaction sees."""

    def rows(name: str) -> list[Row]:
        return list(connection.execute(select(table(name))).mappings())

    return Records(
        rows={name: rows(name) for name in _TABLES},
        receipts={row["id"]: receipt_of(row) for row in rows("receipt")},
        builds=tuple(build_of(row) for row in rows("build")),
        decisions={row["id"]: decision_of(row) for row in rows("decision")},
    )


def faults_in(records: Records, blobs: BlobStore, sent: Mapping[str, bytes]) -> list[str]:
    """What is not whole, in words; `sent` is every report that was sent, by its SHA-256."""
    return [
        *_counters(records),
        *_blobs(records, blobs, sent),
        *_slots(records),
        *_sets(records),
        *_revisions(records),
        *_sources(records),
        *_decisions(records),
        *_counts(records),
        *_findings(records),
        *_events(records),
    ]


def _counters(records: Records) -> Faults:
    """Receipts of a project are 1, 2, 3 ... and the project knows the last of them."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for one in records.receipts.values():
        numbers[one.project_id].append(one.counter)
    for project in records.rows["project"]:
        found = sorted(numbers[project["id"]])
        if found != list(range(1, project["counter"] + 1)):
            yield f"{project['path']} counts {project['counter']} receipts, and has {found}"


def _blobs(records: Records, blobs: BlobStore, sent: Mapping[str, bytes]) -> Faults:
    """A receipt with a kind has its document and the bytes that were sent."""

    def faults(one: Receipt) -> list[str]:
        found = blobs.get(one.stored_sha256) if one.stored_sha256 else None
        wrong = [] if found == sent.get(one.sha256, b"?") else [f"{one.id}: these bytes were not sent"]
        data = blobs.get(one.document_digest.removeprefix("sha256:")) if one.document_digest else None
        if data is None or digest_of_bytes(data) != one.document_digest:
            return [*wrong, f"{one.id} has no document"]
        document = msgspec.json.decode(data, type=EvidenceDocument)
        if (document.kind, document.state, document.metrics) != (one.kind, one.state, one.metrics):
            wrong.append(f"{one.id} says something else than its document")
        return wrong

    with ThreadPoolExecutor(8) as threads:
        for some in threads.map(faults, (one for one in records.receipts.values() if one.kind is not None)):
            yield from some


def _slots(records: Records) -> Faults:
    """A slot names the newest receipt of its key, as all senders here are believed alike."""
    newest: dict[tuple[object, ...], Receipt] = {}
    for one in sorted(records.receipts.values(), key=lambda one: one.counter):
        key = (one.project_id, one.source.tree, one.artifact or "", str(one.kind), one.name, one.job)
        newest[key] = one
    names = ("project_id", "tree", "artifact", "kind", "name", "job")
    held = {tuple(row[name] for name in names): row for row in records.rows["slot"]}
    if held.keys() != newest.keys():
        yield f"slots without receipts, or receipts without slots: {list(held.keys() ^ newest.keys())[:5]}"
    for key in held.keys() & newest.keys():
        if {held[key]["current_id"], held[key]["newest_id"]} != {newest[key].id}:
            yield f"slot {key} holds {held[key]['current_id']}, and the newest is {newest[key].id}"


def _sets(records: Records) -> Faults:
    """Every set was sent whole, by receipts of its own source and run."""
    parts: dict[str, set[int | None]] = defaultdict(set)
    for one in records.receipts.values():
        if one.set_id is not None:
            parts[one.set_id].add(one.part)
    for row in records.rows["evidence_set"]:
        if parts.pop(row["id"], set()) != set(range(1, (row["parts"] or 0) + 1)):
            yield f"set {row['name']} of run {row['run']} is not whole"
    if parts:
        yield f"receipts name sets that are not there: {sorted(parts)}"


def _revisions(records: Records) -> Faults:
    """A subject changed exactly as often as something arrived for it."""
    wanted: Counter[tuple[str, str]] = Counter()
    for one in [*records.receipts.values(), *records.builds]:
        wanted[one.project_id, f"t:{one.source.tree}"] += 1
        if one.artifact:
            wanted[one.project_id, f"a:{one.artifact}"] += 1
    found = {(row["project_id"], row["key"]): row["revision"] for row in records.rows["subject_revision"]}
    for key in wanted.keys() | found.keys():
        if wanted[key] != found.get(key, 0):
            yield f"{key} changed {wanted[key]} times, and its revision is {found.get(key)}"


def _sources(records: Records) -> Faults:
    """Whatever names a commit is kept with the tree of that commit."""
    trees = {(row["project_id"], row["commit"]): row["tree"] for row in records.rows["source_commit"]}
    for one in [*records.receipts.values(), *records.builds]:
        if trees.get((one.project_id, one.source.commit or "")) != one.source.tree:
            yield f"commit {one.source.commit} has another tree than what was received for it"


def _decisions(records: Records) -> Faults:
    """A decision is made of receipts that are there, and of the inputs that are kept beside it."""
    for stored in records.decisions.values():
        decision = decision_from(stored.body)
        if (decision.id, as_json(decision)) != (stored.id, stored.body):
            yield f"{stored.id} cannot be read back"
        for used in decision.evidence:
            receipt = records.receipts.get(used.id)
            if receipt is None or receipt.project_id != stored.project_id:
                yield f"{stored.id} rests on {used.id}, which is not there"
            elif receipt.document_digest != used.digest:
                yield f"{stored.id} rests on another document of {used.id}"
        inputs = msgspec.json.decode(stored.inputs, type=Inputs)
        if (digest(inputs), inputs.question()) != (decision.digests.inputs, stored.question):
            yield f"{stored.id} was made of other inputs than those kept beside it"
        yield from _columns(stored, decision)
    for row in records.rows["stage_state"]:
        for which in ("newest_decision", "other_decision"):
            held = records.decisions.get(row[which]) if row[which] else None
            if row[which] and (held is None or not held.allowed or not held.is_protected):
                yield f"{row[which]} is no baseline"


def _columns(stored: StoredDecision, decision: Decision) -> Faults:
    said = (stored.stage, stored.outcome, stored.allowed, stored.score, stored.as_of, stored.valid_until)
    if said != (
        decision.stage, decision.outcome, decision.allowed, decision.score, decision.as_of,
        decision.valid_until,
    ):  # fmt: skip
        yield f"the row of {stored.id} says something else than the decision"


def _counts(records: Records) -> Faults:
    """Decisions are counted once each."""
    wanted = Counter((one.project_id, one.stage, str(one.outcome)) for one in records.decisions.values())
    rows = records.rows["decision_count"]
    found = {(row["project_id"], row["stage"], row["outcome"]): row["count"] for row in rows}
    if wanted != found:
        yield f"decisions are {dict(wanted)}, and were counted as {found}"


def _findings(records: Records) -> Faults:
    """The sums that metrics show are those of the findings."""
    wanted = Counter(
        (row["project_id"], row["kind"], row["severity"])
        for row in records.rows["tracked_finding"]
        if row["fixed_at"] is None
    )
    found = {
        (row["project_id"], row["kind"], row["severity"]): row["open"]
        for row in records.rows["finding_summary"]
        if row["open"]
    }
    if wanted != found:
        yield f"open findings are {dict(wanted)}, and were summed up as {found}"


def _events(records: Records) -> Faults:
    """The ledger hears of each record once, and of its very content."""
    wanted: dict[tuple[str, str], str] = {}
    for receipt in records.receipts.values():
        word = "accepted" if receipt.is_accepted else "rejected"
        wanted[f"evidence.{word}", receipt.id] = _content(receipt)
    for build in records.builds:
        wanted["build.linked", f"{build.project_id} {build.artifact}"] = _content(build)
    for stored in records.decisions.values():
        wanted["decision", stored.id] = _content(decision_from(stored.body))
    found = Counter(_named(row) for row in records.rows["ledger_outbox"])
    told = {_named(row): row["payload_sha256"] for row in records.rows["ledger_outbox"]}
    for key in told.keys() & wanted.keys():
        if (found[key], told[key]) != (1, wanted[key]):
            yield f"event {key} was written {found[key]} times, of {told[key]} and not {wanted[key]}"
    kinds = {kind for kind, _ in wanted}
    for key in wanted.keys() ^ {key for key in told if key[0] in kinds}:
        yield f"event {key} is {'missing' if key in wanted else 'about nothing'}"


def _named(row: Row) -> tuple[str, str]:
    subject = f"{row['project_id']} {row['subject']}" if row["event"] == "build.linked" else row["subject"]
    return row["event"], subject


def _content(record: Any) -> str:
    return digest_of_bytes(canonical_bytes(record)).removeprefix("sha256:")


def bytes_of(uploads: Iterable[bytes]) -> dict[str, bytes]:
    """Reports by their SHA-256."""
    return {digest_of_bytes(data).removeprefix("sha256:"): data for data in uploads}
