"""Evidence, upload sets and builds, as the API writes and takes them."""

from datetime import datetime
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from gatekeeper.evidence import Kind, Problem, Ratio, State, Trust, Value
from gatekeeper.messages import render_message
from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.policy.shown import decimal
from gatekeeper.project import Build as LinkedBuild
from gatekeeper.project import Project
from gatekeeper.receipt import EvidenceSet as ReceivedSet
from gatekeeper.receipt import Receipt
from gatekeeper_api.schemas.base import Artifact, GitId, Line, ProjectPath, Ref, Said, Sent, Shape

Part = Annotated[int, Field(ge=1)]


class Evidence(Shape):
    """A report as the server received and understood it."""

    id: str = Field(examples=["ev_0j4kq2m3v9c1p8r7t5w6x0z2ab"])
    project: str
    kind: Kind | None = Field(description="Null when nothing said what it is evidence of.")
    name: str
    job: str
    format: str | None
    state: State
    problems: list[Said]
    metrics: dict[str, int | str] = Field(
        description="Counts as integers, percentages as decimal strings, rounded down.",
        examples=[{"tests.total": 7, "tests.pass_rate": "85.71"}],
    )
    trust: Trust
    ref: str | None
    ref_protected: bool
    run: str | None
    attempt: str | None
    counter: int = Field(description="1, 2, 3 ... without gaps in each project.")
    sha256: str = Field(description="Of the bytes as they arrived.")
    stored_sha256: str | None = Field(description="Of the bytes that were kept; other ones for secrets.")
    digest: str | None = Field(description="Of the normalised document that rules read.")
    bytes: int
    commit: str | None
    tree: str
    artifact: str | None
    fork: str | None
    set: str | None
    part: int | None
    received_at: datetime
    produced_at: datetime | None
    is_current: bool = Field(description="True while it holds its slot.")
    accepted: bool = Field(description="False for what could not be read; it fails its rules.")

    @classmethod
    def of(
        cls, project: Project, receipt: Receipt, *, is_current: bool, in_set: ReceivedSet | None
    ) -> "Evidence":
        """The receipt as the API writes it."""
        sent = receipt.provenance
        return cls(
            id=receipt.id,
            project=project.path,
            kind=receipt.kind,
            name=receipt.name,
            job=receipt.job,
            format=receipt.format,
            state=receipt.state,
            problems=[said(one) for one in receipt.problems],
            metrics={name: shown(value) for name, value in receipt.metrics.items()},
            trust=sent.trust,
            ref=sent.ref,
            ref_protected=sent.ref_protected,
            run=sent.run,
            attempt=sent.attempt,
            counter=receipt.counter,
            sha256=receipt.sha256,
            stored_sha256=receipt.stored_sha256,
            digest=receipt.document_digest,
            bytes=receipt.size_bytes,
            commit=receipt.source.commit,
            tree=receipt.source.tree,
            artifact=receipt.artifact,
            fork=receipt.fork,
            set=in_set.name if in_set else None,
            part=receipt.part,
            received_at=receipt.received_at,
            produced_at=receipt.produced_at,
            is_current=is_current,
            accepted=receipt.is_accepted,
        )


class EvidenceSet(Shape):
    """Reports that only count together."""

    project: str
    tree: str
    name: str
    run: str | None
    attempt: str | None
    parts: int | None = Field(description="How many were announced; null while nobody said it.")
    received: list[int]
    missing: list[int]
    state: Literal["open", "complete", "incomplete"]
    first_at: datetime
    deadline_at: datetime = Field(description="From then on it is taken as it is.")
    closed_at: datetime | None

    @classmethod
    def of(cls, project: str, one: ReceivedSet, now: datetime) -> "EvidenceSet":
        """The set as the API writes it."""
        state: Literal["open", "complete", "incomplete"] = "incomplete"
        if one.is_complete:
            state = "complete"
        elif one.is_open(now):
            state = "open"
        return cls(
            project=project,
            tree=one.tree,
            name=one.name,
            run=one.run or None,
            attempt=one.attempt or None,
            parts=one.parts,
            received=list(one.received),
            missing=list(one.missing),
            state=state,
            first_at=one.first_at,
            deadline_at=one.deadline_at,
            closed_at=one.closed_at,
        )


class SetEnd(Sent):
    """Nothing more of this set will come."""

    project: ProjectPath
    commit: GitId
    tree: GitId | None = None
    set: Line
    run: Line | None = None
    attempt: Line | None = None
    parts: Part | None = Field(None, description="How many there should have been.")


class Build(Shape):
    """This artifact was built from this source. Said once."""

    project: str
    artifact: str
    commit: str | None
    tree: str
    image: str | None
    trust: Trust
    linked_at: datetime

    @classmethod
    def of(cls, project: Project, build: LinkedBuild) -> "Build":
        """The link as the API writes it."""
        return cls(
            project=project.path,
            artifact=build.artifact,
            commit=build.source.commit,
            tree=build.source.tree,
            image=build.image,
            trust=build.provenance.trust,
            linked_at=build.linked_at,
        )


class NewBuild(Sent):
    """An artifact and the source that it was built from."""

    project: ProjectPath
    commit: GitId
    tree: GitId | None = Field(None, description="May be left out when `commit_object` proves it.")
    artifact: Artifact
    image: Line | None = Field(None, examples=["registry.example.com/pay/api:1.4.2"])
    run: Line | None = None
    job: Line | None = None
    ref: Ref | None = None
    commit_object: Annotated[str, Field(max_length=90_000)] | None = Field(
        None, description="Base64 of the output of `git cat-file commit`: it proves the tree."
    )


def said(problem: Problem) -> Said:
    """A problem with its English words."""
    params = {
        name: list(value) if isinstance(value, tuple) else value for name, value in problem.params.items()
    }
    try:
        text = render_message(problem, PROBLEMS)
    except (KeyError, IndexError, ValueError, TypeError):  # of another version of this server
        text = problem.code
    return Said(code=problem.code, params=params, text=text)


def shown(value: Value) -> int | str:
    """A metric as `gatekeeper inspect --json` shows it: 99.996 % is never 100."""
    if isinstance(value, Ratio):
        return decimal(Fraction(100 * value.n, value.d), 2, up=False)
    return value
