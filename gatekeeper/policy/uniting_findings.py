"""Findings of several reports: one for each fingerprint, counted by severity, compared with a baseline."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from gatekeeper.evidence import EvidenceDocument, Kind, Value
from gatekeeper.finding import Finding, Severity
from gatekeeper.policy.facts import CANNOT_COUNT, CANNOT_UNITE, Facts, left_out, summed

_SUMS = {
    Kind.SCA: ("dependencies", "unaudited"),
    Kind.SAST: ("files_scanned", "files_skipped"),
}
"""Counts beside those of findings, which add up."""
_ORDER = tuple(Severity)


def united_findings(
    kind: Kind, documents: Sequence[EvidenceDocument], baseline: Sequence[EvidenceDocument] | None
) -> Facts:
    """What the reports say together, and what is new or fixed since `baseline`; without it all is new."""
    found = _united(documents)
    values: dict[str, Value] = {}
    for name in ("unparsed", *_SUMS.get(kind, ())):
        total = summed(documents, f"{kind}.{name}")
        if total is not None:
            values[f"{kind}.{name}"] = total
    if not documents or not all(_lists_all(kind, document) for document in documents):
        return Facts(kind=kind, values=values, absent=left_out(values, documents, CANNOT_COUNT))
    open_ones = [finding for finding in found if finding.is_open]
    values |= _counts(kind, "", open_ones)
    values[f"{kind}.suppressed"] = len(found) - len(open_ones)
    values[f"{kind}.waived"] = 0
    if kind is Kind.SCA:
        values["sca.fixable"] = sum(1 for f in open_ones if f.package and f.package.fixed_versions)
    known = {f.fingerprint for f in _united(baseline or ()) if f.is_open}
    new = [finding for finding in open_ones if finding.fingerprint not in known]
    values |= _counts(kind, "new.", new)
    if baseline is not None:
        values[f"{kind}.fixed"] = len(known - {f.fingerprint for f in open_ones})
    return Facts(
        kind=kind,
        values=values,
        absent=left_out(values, documents, CANNOT_UNITE),
        findings=tuple(open_ones),
        new=frozenset(f.fingerprint for f in new),
    )


def _lists_all(kind: Kind, document: EvidenceDocument) -> bool:
    """True when the listed findings are at least those that were counted; else some are unknown to us."""
    listed: dict[str, int] = {"total": 0} | {str(severity): 0 for severity in Severity}
    for finding in document.findings:
        if finding.is_open:
            listed["total"] += 1
            listed[finding.severity] += 1
    counted = document.metrics.get(f"{kind}.total")
    return isinstance(counted, int) and listed["total"] >= counted


def _united(documents: Iterable[EvidenceDocument]) -> list[Finding]:
    """One finding per fingerprint, the worst first: worst severity wins, open wins over suppressed."""
    best: dict[str, Finding] = {}
    for document in documents:
        for finding in document.findings:
            before = best.get(finding.fingerprint)
            best[finding.fingerprint] = finding if before is None else _worst(before, finding)
    return sorted(best.values(), key=_finding_key)


def _worst(one: Finding, other: Finding) -> Finding:
    first, second = sorted((one, other), key=_finding_key)
    if first.is_open or not second.is_open:
        return first
    return replace(first, suppression=None)


def _finding_key(finding: Finding) -> tuple[int, bool, str, str, int, str, str]:
    place = finding.location
    return (
        _ORDER.index(finding.severity),
        not finding.is_open,
        finding.rule,
        place.path if place else "",
        (place.line or 0) if place else 0,
        finding.fingerprint,
        repr(finding),
    )


def _counts(kind: Kind, prefix: str, findings: Sequence[Finding]) -> dict[str, Value]:
    values: dict[str, Value] = {f"{kind}.{prefix}total": len(findings)}
    for severity in Severity:
        values[f"{kind}.{prefix}{severity}"] = sum(1 for f in findings if f.severity is severity)
    return values
