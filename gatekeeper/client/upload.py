"""A report on its way: what travels with it, and the body and the query that carry it."""

import zlib
from dataclasses import dataclass

from gatekeeper.client.body import Body, Content, Part, form

COMPRESSED_FROM_BYTES = 64 * 1024
_SAMPLE_BYTES = 256 * 1024
_MOST_RATIO = 50
"""Servers take what expands far more than reports do for a bomb; such a report goes as it is."""


@dataclass(frozen=True, kw_only=True)
class ReportFile:
    """The bytes of a report, with their digest: what arrives must have the same."""

    content: Content
    name: str
    """The file name, which breaks ties in detection."""
    sha256: str

    @property
    def size_bytes(self) -> int:
        """Its length."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.size_bytes


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One piece of evidence to be: a report, its run record, or both, about a source."""

    project: str
    commit: str
    tree: str
    report: ReportFile | None = None
    record: bytes | None = None
    """The JSON of the runner's record."""
    commit_object: bytes | None = None
    """Of `git cat-file commit`: proves which tree the commit has."""
    artifact: str | None = None
    kind: str | None = None
    name: str = "default"
    job: str | None = None
    run: str | None = None
    attempt: str | None = None
    format: str | None = None
    ref: str | None = None
    fork: str | None = None
    set: str | None = None
    part: str | None = None
    """`2/5`, or `2` while nobody knows how many there will be."""

    def __post_init__(self) -> None:
        if self.report is None and self.record is None:
            raise ValueError("an upload needs a report or the record of a run")


def query_of(upload: Upload) -> dict[str, str]:
    """The query that says what the body is about."""
    words = ("project", "commit", "tree", "artifact", "kind", "name", "job", "run", "attempt")
    values = {word: getattr(upload, word) for word in (*words, "format", "ref", "fork", "set", "part")}
    values["filename"] = upload.report.name if upload.report is not None else None
    return {word: str(value) for word, value in values.items() if value is not None}


def body_of(upload: Upload) -> Body:
    """The report alone as a raw body, compressed when that pays; a form when more travels with it."""
    report = upload.report
    if report is not None and upload.record is None and upload.commit_object is None:
        return Body(
            contents=(report.content,),
            content_type="application/octet-stream",
            is_gzip=_pays(report.content, report.size_bytes),
        )
    parts = []
    if upload.commit_object is not None:
        parts.append(Part(name="commit", filename="commit", content=upload.commit_object))
    if upload.record is not None:
        parts.append(Part(name="record", filename="record.run.json", content=upload.record))
    if report is not None:
        parts.append(Part(name="report", filename=report.name, content=report.content))
    return form(tuple(parts))


def _pays(content: Content, size_bytes: int) -> bool:
    if size_bytes < COMPRESSED_FROM_BYTES:
        return False
    sample = content[:_SAMPLE_BYTES] if isinstance(content, bytes) else content.head(_SAMPLE_BYTES)
    return len(sample) <= _MOST_RATIO * len(zlib.compress(sample))
