"""Findings of several reports: one for each fingerprint, counted by severity, compared with a baseline."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from gatekeeper.evidence import EvidenceDocument, Kind, Value
from gatekeeper.finding import Finding, Severity
from gatekeeper.policy.facts import CANNOT_COUNT, CANNOT_UNITE, Facts, left_out, summed

_SUMS = {
    Kind.SCA: ("dependencies", "unaudited"),
    Kind.SAST: ("files_scanned", "files_skipped"),
}
"""Counts beside those of findings, which add up."""
_ORDER = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, kw_only=True)
class Lens:
    """How the policy and the waivers of a question look at findings."""

    refuses_inline: bool = False
    """True: a suppression in the scanned source sets nothing aside."""
    is_waived: Callable[[Finding], bool] | None = None
    """What a waiver sets aside; None: nothing."""


def united_findings(
    kind: Kind,
    documents: Sequence[EvidenceDocument],
    baseline: Sequence[EvidenceDocument] | None,
    lens: Lens = Lens(),  # frozen
) -> Facts:
    """What the reports say together, and what is new or fixed since `baseline`; without it all is new.

    What a waiver sets aside is neither open nor fixed, and counts as waived alone.
    """
    found = open_united(documents, refuses_inline=lens.refuses_inline)
    values: dict[str, Value] = {}
    for name in ("unparsed", *_SUMS.get(kind, ())):
        total = summed(documents, f"{kind}.{name}")
        if total is not None:
            values[f"{kind}.{name}"] = total
    if not documents or not all(_lists_all(kind, document, lens) for document in documents):
        return Facts(kind=kind, values=values, absent=left_out(values, documents, CANNOT_COUNT))
    unsuppressed = [finding for finding in found if finding.is_open]
    open_ones = unsuppressed
    if lens.is_waived is not None:
        open_ones = [finding for finding in unsuppressed if not lens.is_waived(finding)]
    values |= _counts(kind, "", open_ones)
    values[f"{kind}.suppressed"] = len(found) - len(unsuppressed)
    values[f"{kind}.waived"] = len(unsuppressed) - len(open_ones)
    if kind is Kind.SCA:
        values["sca.fixable"] = sum(1 for f in open_ones if f.package and f.package.fixed_versions)
    before = open_united(baseline or (), refuses_inline=lens.refuses_inline)
    known = {f.fingerprint for f in before if f.is_open}
    new = [finding for finding in open_ones if finding.fingerprint not in known]
    values |= _counts(kind, "new.", new)
    if baseline is not None:
        values[f"{kind}.fixed"] = len(known - {f.fingerprint for f in unsuppressed})
    return Facts(
        kind=kind,
        values=values,
        absent=left_out(values, documents, CANNOT_UNITE),
        findings=tuple(open_ones),
        new=frozenset(f.fingerprint for f in new),
    )


def open_united(documents: Iterable[EvidenceDocument], *, refuses_inline: bool) -> list[Finding]:
    """One finding per fingerprint, the worst first; with `refuses_inline` none of them is suppressed."""
    found = _united(documents)
    return [replace(one, suppression=None) for one in found] if refuses_inline else found


def _lists_all(kind: Kind, document: EvidenceDocument, lens: Lens) -> bool:
    """True when the listed findings are at least those that were counted; else some are unknown to us."""
    if lens.refuses_inline:
        suppressed = document.metrics.get(f"{kind}.suppressed", 0)
        listed_ones = sum(1 for finding in document.findings if not finding.is_open)
        if not isinstance(suppressed, int) or listed_ones < suppressed:
            return False
    listed = sum(1 for finding in document.findings if finding.is_open)
    counted = document.metrics.get(f"{kind}.total")
    return isinstance(counted, int) and listed >= counted


def _united(documents: Iterable[EvidenceDocument]) -> list[Finding]:
    """One finding per fingerprint, the worst first: worst severity wins, open wins over suppressed."""
    best: dict[str, Finding] = {}
    for document in documents:
        for finding in document.findings:
            before = best.get(finding.fingerprint)
            best[finding.fingerprint] = finding if before is None else _worst(before, finding)
    return sorted(best.values(), key=_place)


def _worst(one: Finding, other: Finding) -> Finding:
    # Of two that differ only in their words one is taken, whichever came first.
    first, second = sorted((one, other), key=lambda finding: (*_place(finding), repr(finding)))
    if first.is_open or not second.is_open:
        return first
    return replace(first, suppression=None)


def _place(finding: Finding) -> tuple[int, bool, str, str, int, str]:
    """The worst first; no two findings with different fingerprints have the same."""
    place = finding.location
    return (
        _ORDER[finding.severity],
        not finding.is_open,
        finding.rule,
        place.path if place else "",
        (place.line or 0) if place else 0,
        finding.fingerprint,
    )


def _counts(kind: Kind, prefix: str, findings: Sequence[Finding]) -> dict[str, Value]:
    counts = Counter(finding.severity for finding in findings)
    values: dict[str, Value] = {f"{kind}.{prefix}total": len(findings)}
    for severity in Severity:
        values[f"{kind}.{prefix}{severity}"] = counts[severity]
    return values
