"""The straight line: received -> evidence -> inputs -> decision. Pure: the caller reads files and clocks.

The steps, in order:
- `joined`: reports and run records -> `Received`: which record belongs to which report;
- `document_of`: `Received` -> `EvidenceDocument`: the part that rules and replay read;
- `evidence_from`: `Received` -> `Evidence`: what it proves, corrected by what the runner saw;
- `resolve_inputs`: evidence, policy, baseline -> `Inputs`: all that the decision may look at;
- `decide`: `Inputs` -> `Decision`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from gatekeeper.canonical import digest
from gatekeeper.decision import Decision, Inputs, People, SetInput
from gatekeeper.evidence import (
    Baseline,
    Evidence,
    EvidenceDocument,
    Kind,
    Problem,
    Producer,
    Provenance,
    State,
    Trust,
    Value,
)
from gatekeeper.finding import Finding, Severity
from gatekeeper.messages.problems import NOTES
from gatekeeper.policy.evaluate import evaluate, open_findings_of
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.model import Policy
from gatekeeper.reports.interface import Report
from gatekeeper.reports.normalise import KindUnknown, digest_of, document_from
from gatekeeper.reports.redaction import quoting_nothing, without_secrets
from gatekeeper.run_record import Ending, Rating, RunRecord
from gatekeeper.signoff import Records
from gatekeeper.subject import Subject
from gatekeeper.waiver import Waiver

LOCAL = Provenance(method="local", trust=Trust.CLAIMED)
"""Files read by the person who asks: nothing vouches for them."""


@dataclass(frozen=True, kw_only=True)
class ReceivedRecord:
    """A run record, found at `job`; `sha256` is that of its own bytes."""

    record: RunRecord
    sha256: str
    name: str
    job: str


@dataclass(frozen=True, kw_only=True)
class Received:
    """A report with the record of its run, or one of them alone."""

    report: Report | None
    sha256: str
    """Of the report's bytes; of the record's when there is no report."""
    name: str
    job: str
    """Where it came from, with forward slashes: one slot per (kind, name, job)."""
    record: RunRecord | None = None
    problems: tuple[Problem, ...] = ()
    """What joining found out."""
    told_kind: Kind | None = None
    """What the runner says it is, for a report that does not say it itself."""

    @property
    def kind(self) -> Kind | None:
        """What it is evidence of; None when nobody can say."""
        if self.report is not None and self.report.kind is not None:
            return self.report.kind
        return self.record.kind if self.record is not None else self.told_kind


def joined(reports: Sequence[Received], records: Sequence[ReceivedRecord]) -> tuple[Received, ...]:
    """Each report with the record of its run. Nothing that was given is left out.

    A record belongs to the report with the bytes that it names; of several copies, to the one beside it.
    A record that finds none stands alone, as a run whose report is missing. A report that lies where a
    record says, but with other bytes, is marked `record-mismatch` and gets nothing from the record. Of two
    finished runs that saw different things and left one report, the second stands alone.
    """
    owner: dict[int, RunRecord] = {}
    strangers: dict[int, RunRecord] = {}
    alone: list[Received] = []
    for given in sorted(records, key=lambda item: item.job):
        same = {i for i, report in enumerate(reports) if report.sha256 == given.record.report_sha256}
        beside = {i for i, report in enumerate(reports) if report.job == _place(given)}
        fits = {i for i in same if reports[i].kind in (None, given.record.kind)}
        mine = fits & beside or fits - owner.keys() or fits
        mine = {i for i in mine if i not in owner or not _contradict(owner[i], given.record)}
        for i in mine:
            owner[i] = _worse(owner.get(i), given.record)
        if not mine:
            strangers |= dict.fromkeys(beside | same, given.record)
            alone.append(
                Received(
                    report=None, sha256=given.sha256, name=given.name, job=given.job, record=given.record
                )
            )
    together = [_with_owner(report, owner.get(i), strangers.get(i)) for i, report in enumerate(reports)]
    return (*together, *alone)


def document_of(received: Received) -> EvidenceDocument:
    """What was received in the normalised form; of a report of secrets, without any text that may quote one.

    Raises:
        KindUnknown: neither the report nor a record says what it is evidence of.
    """
    kind = received.kind
    if kind is None:
        raise KindUnknown(f"{received.job}: nothing says what this report is evidence of")
    report = _as_seen(received, kind)
    document = document_from(without_secrets(report) if kind is Kind.SECRETS else report)
    if received.record is not None and received.record.database is not None:
        return msgspec.structs.replace(document, database=received.record.database)
    return document


def document_of_upload(received: Sequence[Received]) -> EvidenceDocument:
    """The one document of what came together: `joined` of a report, a record, or both.

    A record that is not of its report stands for a run whose report is missing: the upload is then as bad as
    the worse of the two, with the problems of both, and never `ok`. It stays evidence of the report's kind,
    so that it takes the place of an earlier good report.

    Raises:
        KindUnknown: nothing says what the first is evidence of.
    """
    first, *others = (document_of(item) for item in received)
    added = (problem for other in others for problem in other.problems if problem not in first.problems)
    problems = (*first.problems, *added)
    return msgspec.structs.replace(
        first,
        state=max((first.state, *(other.state for other in others)), key=tuple(State).index),
        problems=quoting_nothing(problems) if first.kind is Kind.SECRETS else problems,
    )


def evidence_from(received: Received, *, subject: Subject, received_at: datetime, order: int) -> Evidence:
    """What was received as evidence about `subject`.

    Raises:
        KindUnknown: neither the report nor a record says what it is evidence of.
    """
    document = document_of(received)
    kind = document.kind
    mark = digest([kind, received.name, received.job, order, received.sha256])
    return Evidence(
        id=f"ev_{mark.removeprefix('sha256:')[:16]}",
        kind=kind,
        name=received.name,
        job=received.job,
        order=order,
        sha256=received.sha256,
        digest=digest_of(document),
        provenance=LOCAL,
        received_at=received_at,
        source=subject.source,
        artifact=subject.artifact,
        document=document,
    )


def resolve_inputs(
    *,
    subject: Subject,
    stage: str,
    as_of: datetime,
    policy: Policy,
    evidence: Iterable[Evidence],
    baseline: Baseline | None = None,
    sets: Iterable[SetInput] = (),
    people: People | None = None,
    waivers: Iterable[Waiver] = (),
    records: Records = Records(),  # noqa: B008  # frozen
) -> Inputs:
    """Everything that `decide` may look at, by digest, in an order that no caller can change.

    The path is the one that the policy chooses from the refs of the evidence. `waivers` are those of the
    project that are for this stage and may matter: what is given is listed as used, expired or unused.
    """
    return inputs_for(
        subject,
        stage,
        policy,
        evidence,
        as_of=as_of,
        baseline=baseline,
        people=people,
        sets=sets,
        waivers=waivers,
        records=records,
    )


def decide(
    inputs: Inputs,
    *,
    policy: Policy,
    evidence: Sequence[Evidence],
    baseline: Baseline | None = None,
    waivers: Iterable[Waiver] = (),
    records: Records = Records(),  # noqa: B008  # frozen
    gate: bool = True,
) -> Decision:
    """The answer to `inputs`; `gate=False` marks it as one that nothing may rely on."""
    return evaluate(
        inputs,
        policy,
        tuple(evidence),
        baseline=baseline,
        waivers=tuple(waivers),
        records=records,
        gate=gate,
    )


def open_now(
    inputs: Inputs, *, policy: Policy, evidence: Iterable[Evidence], waivers: Iterable[Waiver] = ()
) -> tuple[tuple[Kind, Finding], ...]:
    """The findings that are open in the question of `inputs`, after `waivers`: what a person is shown.

    With no waivers, what a waiver that is granted now could cover.
    """
    return open_findings_of(inputs, policy, tuple(evidence), tuple(waivers))


def _place(given: ReceivedRecord) -> str:
    folder, slash, _ = given.job.rpartition("/")
    return f"{folder}{slash}{given.record.report}" if given.record.report else ""


def _worse(one: RunRecord | None, other: RunRecord) -> RunRecord:
    """Of two records of the same bytes, one that did not finish."""
    return other if one is None or one.ending is Ending.FINISHED else one


def _contradict(one: RunRecord, other: RunRecord) -> bool:
    """True when two finished runs saw different things: the better must not stand for both."""
    return (
        one.ending is other.ending is Ending.FINISHED
        and msgspec.structs.replace(
            one, started_at=other.started_at, duration_ms=other.duration_ms, stderr_tail=other.stderr_tail
        )
        != other
    )


def _with_owner(report: Received, owner: RunRecord | None, stranger: RunRecord | None) -> Received:
    if owner is not None:
        return replace(report, record=owner)
    if stranger is None:
        return report
    problem = Problem(code="record-mismatch", params={"tool": stranger.tool, "kind": stranger.kind})
    return replace(report, problems=(problem,), told_kind=stranger.kind)


def _as_seen(received: Received, kind: Kind) -> Report:
    """The report corrected by what the runner saw; without a report, the run that failed to give one."""
    record = received.record
    if received.report is None:
        report = Report(format=None, kind=kind, state=State.FAILED)
    else:
        report = replace(received.report, kind=kind)
    if record is not None:
        report = _rated(
            replace(
                report,
                producer=report.producer or Producer(name=record.tool, version=record.tool_version),
                produced_at=report.produced_at or record.started_at,
            ),
            record.ratings,
            kind,
        )
        report = replace(report, metrics=_with_unaudited(report.metrics, record, kind))
    added = (*received.problems, *(_problems_of(record, has_report=received.report is not None)))
    return replace(
        report,
        state=_state(report.state, record, added),
        problems=(*report.problems, *(problem for problem in added if problem not in report.problems)),
    )


def _problems_of(record: RunRecord | None, *, has_report: bool) -> Iterable[Problem]:
    if record is None:
        return
    yield from record.problems
    if record.ending is not Ending.FINISHED:
        yield Problem(code="run-failed", params={"tool": record.tool, "ending": record.ending})
    elif not has_report:
        yield Problem(code="report-missing", params={"tool": record.tool, "report": record.report or "none"})


def _state(own: State, record: RunRecord | None, added: Iterable[Problem]) -> State:
    """Never better than the report's own state."""
    if record is not None and record.ending is not Ending.FINISHED:
        return State.FAILED
    if own is State.OK and any(problem.code not in NOTES for problem in added):
        return State.INCOMPLETE
    return own


def _with_unaudited(metrics: Mapping[str, Value], record: RunRecord, kind: Kind) -> Mapping[str, Value]:
    """`sca.unaudited` raised by the dependencies that the runner could not hand to its tool at all."""
    name = f"{kind}.unaudited"
    own = metrics.get(name)
    counts = [p.params.get("count") for p in record.problems if p.code == "unaudited"]
    left_out = sum(count for count in counts if isinstance(count, int))
    return {**metrics, name: own + left_out} if left_out and isinstance(own, int) else metrics


def _rated(report: Report, ratings: dict[str, Rating], kind: Kind) -> Report:
    """The report with severities from the advisory database where its tool left them out, counted again."""
    if not ratings or not report.findings:
        return report
    findings = tuple(_rated_finding(finding, ratings) for finding in report.findings)
    counts = Counter(finding.severity for finding in findings if finding.is_open)
    metrics = dict(report.metrics)
    for severity in Severity:
        if f"{kind}.{severity}" in metrics:
            metrics[f"{kind}.{severity}"] = counts[severity]
    return replace(report, findings=findings, metrics=metrics)


def _rated_finding(finding: Finding, ratings: dict[str, Rating]) -> Finding:
    found = [ratings[name] for name in finding.advisories if name in ratings]
    if not found:
        return finding
    worst = max(found, key=lambda rating: (rating.severity.rank, rating.severity is not Severity.UNKNOWN))
    known = {*finding.advisories, *(alias for rating in found for alias in rating.aliases)}
    first = finding.advisories[0]
    severity = worst.severity if finding.severity is Severity.UNKNOWN else finding.severity
    return msgspec.structs.replace(
        finding,
        severity=severity,
        cvss=finding.cvss or worst.cvss,
        advisories=(first, *sorted(known - {first})),
    )
