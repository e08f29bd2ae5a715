"""Rows to domain types and back: the only place where a row is looked into."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import RowMapping

from gatekeeper.access import TokenRecord
from gatekeeper.evidence import Problem, Producer, Provenance, Value
from gatekeeper.project import Build, Project
from gatekeeper.receipt import EvidenceSet, Receipt
from gatekeeper.recorded import PolicyVersion, StoredDecision, TrackedFinding
from gatekeeper.store.compression import packed, unpacked
from gatekeeper.subject import Source

T = TypeVar("T")
Row = Mapping[str, Any] | RowMapping


def text_of(value: Any) -> str:
    """A list or struct as the JSON text of a column."""
    return msgspec.json.encode(value).decode()


def value_of(text: str, type_: type[T]) -> T:
    """What `text_of` wrote."""
    return msgspec.json.decode(text, type=type_)


def project_of(row: Row) -> Project:
    """The project of a row of `project`."""
    found = {name: row[name] for name in Project.__struct_fields__ if name != "protected_refs"}
    return Project(**found, protected_refs=value_of(row["protected_refs"], tuple[str, ...]))


def project_row(project: Project) -> dict[str, Any]:
    """The columns of a new project."""
    return msgspec.structs.asdict(project) | {"protected_refs": text_of(project.protected_refs)}


def build_of(row: Row) -> Build:
    """The link of a row of `build`."""
    return Build(
        project_id=row["project_id"],
        artifact=row["artifact"],
        source=Source(tree=row["tree"], commit=row["commit"]),
        image=row["image"],
        provenance=value_of(row["provenance"], Provenance),
        linked_at=row["linked_at"],
    )


def build_row(build: Build) -> dict[str, Any]:
    """The columns of a new link."""
    return {
        "project_id": build.project_id,
        "artifact": build.artifact,
        "tree": build.source.tree,
        "commit": build.source.commit,
        "image": build.image,
        "provenance": text_of(build.provenance),
        "linked_at": build.linked_at,
    }


_SAME = (
    "id", "project_id", "counter", "kind", "name", "job", "format", "fork", "set_id", "part", "sha256",
    "stored_sha256", "record_sha256", "size_bytes", "document_digest", "state", "produced_at", "received_at",
)  # fmt: skip
"""Fields of a receipt that stand in a column of their name."""


def receipt_of(row: Row) -> Receipt:
    """The receipt of a row of `receipt`."""
    return msgspec.convert(
        {name: row[name] for name in _SAME}
        | {
            "source": Source(tree=row["tree"], commit=row["commit"]),
            "artifact": row["artifact"] or None,
            "problems": value_of(row["problems"], tuple[Problem, ...]),
            "metrics": value_of(row["metrics"], dict[str, Value]),
            "producer": value_of(row["producer"], Producer) if row["producer"] else None,
            "provenance": {
                "method": row["method"],
                "trust": row["trust"],
                "principal": row["principal"],
                "ref": row["ref"],
                "ref_protected": row["ref_protected"],
                "run": row["run"] or None,
                "job": row["provider_job"],
                "attempt": row["attempt"] or None,
            },
        },
        Receipt,
    )


def receipt_row(receipt: Receipt) -> dict[str, Any]:
    """The columns of a new receipt."""
    sent = receipt.provenance
    return {name: getattr(receipt, name) for name in _SAME} | {
        "tree": receipt.source.tree,
        "commit": receipt.source.commit,
        "artifact": receipt.artifact or "",
        "problems": text_of(receipt.problems),
        "metrics": text_of(receipt.metrics),
        "producer": text_of(receipt.producer) if receipt.producer else None,
        "method": sent.method,
        "trust": str(sent.trust),
        "principal": sent.principal,
        "ref": sent.ref,
        "ref_protected": sent.ref_protected,
        "run": sent.run or "",
        "provider_job": sent.job,
        "attempt": sent.attempt or "",
    }


def set_of(row: Row, parts: Mapping[int, bool]) -> EvidenceSet:
    """The set of a row of `evidence_set`, with the parts that arrived: True for what is evidence."""
    found = {name: row[name] for name in EvidenceSet.__struct_fields__ if name not in ("received", "refused")}
    received = tuple(sorted(part for part, is_evidence in parts.items() if is_evidence))
    return EvidenceSet(**found, received=received, refused=tuple(sorted(set(parts) - set(received))))


def policy_version_of(row: Row) -> PolicyVersion:
    """The version of a row of `policy_version`."""
    return PolicyVersion(**{name: row[name] for name in PolicyVersion.__struct_fields__})


def decision_of(row: Row) -> StoredDecision:
    """The decision of a row of `decision`."""
    found = {name: row[name] for name in StoredDecision.__struct_fields__}
    found |= {"inputs": unpacked(row["inputs"]), "body": unpacked(row["body"])}
    return msgspec.convert(found, StoredDecision)


def decision_row(stored: StoredDecision) -> dict[str, Any]:
    """The columns of a new decision."""
    columns = msgspec.structs.asdict(stored)
    return columns | {"inputs": packed(stored.inputs), "body": packed(stored.body)}


def token_of(row: Row) -> TokenRecord:
    """The token of a row of `token`."""
    lists = {name: tuple(value_of(row[name], list[str])) for name in ("scopes", "projects", "refs", "kinds")}
    plain = {name: row[name] for name in TokenRecord.__struct_fields__ if name not in lists}
    return msgspec.convert(plain | lists, TokenRecord)


def token_row(record: TokenRecord) -> dict[str, Any]:
    """The columns of a new token."""
    lists = {name: text_of(sorted(getattr(record, name))) for name in ("scopes", "projects", "refs", "kinds")}
    return msgspec.structs.asdict(record) | lists


def finding_of(row: Row) -> TrackedFinding:
    """The finding of a row of `tracked_finding`."""
    plain = {name: row[name] for name in TrackedFinding.__struct_fields__ if name != "advisories"}
    return msgspec.convert(
        plain | {"advisories": value_of(row["advisories"], tuple[str, ...])}, TrackedFinding
    )
