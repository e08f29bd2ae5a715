"""What every reader of findings does at the end: metrics, problems and state from what it found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from gatekeeper.evidence import Kind, Producer, Value
from gatekeeper.finding import Finding, Severity
from gatekeeper.reports.interface import Report
from gatekeeper.reports.notes import Notes, state_of


def finding_report(
    format_name: str,
    kind: Kind,
    *,
    findings: Sequence[Finding],
    notes: Notes,
    suppressed: int | None,
    producer: Producer | None,
    produced_at: datetime | None = None,
    metrics: Mapping[str, Value] | None,
) -> Report:
    """The report with the metrics that every kind of findings gives, and `metrics` beside them.

    `suppressed` counts findings that the report mentions without listing them; None when it cannot tell.
    `metrics` is None when the report lists nothing, not even an empty list: then there is no metric at all.
    """
    problems = notes.problems()
    counted = _counted(kind, findings, unparsed=notes.total("unparsed"), suppressed=suppressed)
    return Report(
        format=format_name,
        kind=kind,
        state=state_of(problems),
        problems=problems,
        producer=producer,
        produced_at=produced_at,
        metrics={} if metrics is None else {**counted, **metrics},
        findings=tuple(findings),
    )


def _counted(
    kind: Kind, findings: Sequence[Finding], *, unparsed: int, suppressed: int | None
) -> dict[str, Value]:
    """`<kind>.{total,critical,high,medium,low,info,unknown,suppressed,unparsed}`; total counts the open ones.

    When `suppressed` is None, `<kind>.suppressed` is there only when a listed finding is suppressed.
    """
    found = Counter(finding.severity for finding in findings if finding.suppression is None)
    listed = len(findings) - found.total()
    metrics: dict[str, Value] = {f"{kind}.total": found.total()}
    metrics |= {f"{kind}.{severity}": found[severity] for severity in Severity}
    if suppressed is not None or listed:
        metrics[f"{kind}.suppressed"] = listed + (suppressed or 0)
    return metrics | {f"{kind}.unparsed": unparsed}
