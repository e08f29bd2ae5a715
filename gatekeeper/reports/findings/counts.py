"""The metrics that every kind of finding report gives."""

from collections import Counter
from collections.abc import Sequence

from gatekeeper.evidence import Kind, Value
from gatekeeper.finding import Finding, Severity


def finding_metrics(
    kind: Kind, findings: Sequence[Finding], *, unparsed: int, suppressed: int | None
) -> dict[str, Value]:
    """`<kind>.{total,critical,high,medium,low,info,unknown,suppressed,unparsed}`; total counts the open ones.

    `suppressed` counts findings that the report mentions without listing them; None when the report cannot
    tell, and then `<kind>.suppressed` is there only when a listed finding is suppressed.
    """
    found = Counter(finding.severity for finding in findings if finding.suppression is None)
    listed = len(findings) - found.total()
    metrics: dict[str, Value] = {f"{kind}.total": found.total()}
    metrics |= {f"{kind}.{severity}": found[severity] for severity in Severity}
    if suppressed is not None or listed:
        metrics[f"{kind}.suppressed"] = listed + (suppressed or 0)
    return metrics | {f"{kind}.unparsed": unparsed}
