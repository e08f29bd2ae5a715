"""Facts: what all current reports of one kind say together.

Tests add up, coverage unites its line sets, findings unite by fingerprint. A metric that the reports cannot
give together is absent, with a reason; it is never 0.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec.structs import replace as replace_struct

from gatekeeper.evidence import Evidence, EvidenceDocument, Failure, Kind, Ratio, Value
from gatekeeper.finding import Finding, Severity
from gatekeeper.line_ranges import Ranges, count, ranges_in, union, without
from gatekeeper.metrics import METRICS, Unit

LARGEST = 2**53 - 1
"""Larger counts have no exact form in JSON; a report that claims one is not believed."""

ABSENT = "metric-absent"
CANNOT_UNITE = "cannot-unite"
CANNOT_COUNT = "cannot-count"
NOTHING_COUNTED = "nothing-counted"
IMPOSSIBLE = "impossible-value"

_COVERAGE = (
    ("line", "lines"),
    ("branch", "branches"),
    ("function", "functions"),
    ("statement", "statements"),
)
_SUMS = {
    Kind.SCA: ("dependencies", "unaudited"),
    Kind.SAST: ("files_scanned", "files_skipped"),
}
_ORDER = tuple(Severity)


@dataclass(frozen=True, kw_only=True)
class FileLines:
    """Line coverage of one file after uniting."""

    hit: Ranges
    miss: Ranges


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one kind (or one name of it) says; `findings` are the open ones, worst first."""

    kind: Kind
    values: Mapping[str, Value] = field(default_factory=dict)
    """By metric name; counts are never negative, percentages never above 100."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Why a metric that a report seemed to give is not here, by metric name."""
    files: Mapping[str, FileLines] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    findings: tuple[Finding, ...] = ()
    new: frozenset[str] = frozenset()
    """Fingerprints of the open findings that the baseline does not have."""


def facts_of(kind: Kind, evidence: Sequence[Evidence], baseline: Sequence[Evidence] | None) -> Facts:
    """What `evidence` (all current, all usable, of `kind`) says together.

    The same bytes received twice count once. `baseline` is the evidence of this kind behind an earlier
    allowed decision; without it every open finding is new.
    """
    items = _once(evidence)
    match kind:
        case Kind.TESTS:
            facts = _tests(items)
        case Kind.COVERAGE:
            facts = _coverage(items)
        case Kind.SAST | Kind.SCA | Kind.SECRETS | Kind.CONTAINER | Kind.IAC | Kind.DAST:
            facts = _findings(kind, items, None if baseline is None else _once(baseline))
    return _believable(facts)


def _once(evidence: Sequence[Evidence]) -> list[EvidenceDocument]:
    """The documents, each report once, in an order that does not depend on how they arrived."""
    by_bytes: dict[str, Evidence] = {}
    for item in sorted(evidence, key=lambda e: (e.order, e.digest)):
        by_bytes[item.sha256] = item
    return [item.document for item in sorted(by_bytes.values(), key=lambda e: (e.digest, e.sha256))]


def _believable(facts: Facts) -> Facts:
    """Without values that cannot be: above 100 %, negative, or beyond exact JSON numbers."""
    impossible = {name for name, value in facts.values.items() if not _is_possible(name, value)}
    if not impossible:
        return facts
    return replace(
        facts,
        values={name: value for name, value in facts.values.items() if name not in impossible},
        absent=dict(facts.absent) | dict.fromkeys(impossible, IMPOSSIBLE),
    )


def _is_possible(name: str, value: Value) -> bool:
    registered = METRICS.get(name)
    if isinstance(value, Ratio):
        is_percent = registered is not None and registered.unit is Unit.PERCENT
        return is_percent and value.n <= value.d <= LARGEST
    return registered is not None and registered.unit is not Unit.PERCENT and 0 <= value <= LARGEST


def _sum(documents: Sequence[EvidenceDocument], name: str) -> int | None:
    """The sum of a count over all documents; None when one of them does not give it or gives nonsense."""
    total = 0
    for document in documents:
        value = document.metrics.get(name)
        if not isinstance(value, int) or value < 0:
            return None
        total += value
    return total if documents else None


# Tests add up.


def _tests(documents: Sequence[EvidenceDocument]) -> Facts:
    names = [metric.name for metric in METRICS.values() if metric.kind is Kind.TESTS]
    values: dict[str, Value] = {}
    for name in names:
        if len(documents) == 1 and name in documents[0].metrics:
            values[name] = documents[0].metrics[name]
        elif (total := _sum(documents, name)) is not None:
            values[name] = total
    if values.get("tests.total") == 0:
        # No test failed because none ran: only that is known.
        only = {"tests.total": values["tests.total"]}
        return Facts(kind=Kind.TESTS, values=only, absent=_gone(only, documents, NOTHING_COUNTED))
    rate = _pass_rate(values)
    if rate is not None:
        values["tests.pass_rate"] = rate
    failures = {failure for document in documents for failure in document.failures}
    return Facts(
        kind=Kind.TESTS,
        values=values,
        absent=_gone(values, documents, CANNOT_UNITE),
        failures=tuple(sorted(failures, key=lambda f: (f.suite, f.name, f.message))),
    )


def _pass_rate(values: Mapping[str, Value]) -> Ratio | None:
    counts = [values.get(f"tests.{name}") for name in ("total", "passed", "skipped")]
    total, passed, skipped = (value if isinstance(value, int) else None for value in counts)
    if total is None or passed is None or skipped is None or passed < 0 or total - skipped < 1:
        return None
    return Ratio(passed, total - skipped)


def _gone(values: Mapping[str, Value], documents: Iterable[EvidenceDocument], reason: str) -> dict[str, str]:
    """Metrics that some document gives and the union does not."""
    return {name: reason for document in documents for name in document.metrics if name not in values}


# Coverage unites line sets.


def _coverage(documents: Sequence[EvidenceDocument]) -> Facts:
    sets = [_line_sets(document) for document in documents]
    if len(documents) == 1:
        return Facts(kind=Kind.COVERAGE, values=dict(documents[0].metrics), files=sets[0] or {})
    values: dict[str, Value] = {}
    files: dict[str, FileLines] = {}
    if documents and all(_agrees(s, d) for s, d in zip(sets, documents, strict=True)):
        known = [s for s in sets if s is not None]
        files = _united(known)
        values |= _line_values(files)
        if sum(len(s) for s in known) == len(files):
            for one, many in _COVERAGE[1:]:
                values |= _added(documents, one, many)
    return Facts(
        kind=Kind.COVERAGE, values=values, absent=_gone(values, documents, CANNOT_UNITE), files=files
    )


def _line_sets(document: EvidenceDocument) -> dict[str, FileLines] | None:
    """The line sets by path; None when one of them cannot be read."""
    files = {}
    for path, lines in sorted(document.lines.items()):
        try:
            hit, miss = ranges_in(lines.hit), ranges_in(lines.miss)
        except ValueError:
            return None
        files[path] = FileLines(hit=hit, miss=without(miss, hit))
    return files


def _agrees(files: Mapping[str, FileLines] | None, document: EvidenceDocument) -> bool:
    """True when the line sets are all that the document counted: only then can they stand for it."""
    if files is None:
        return False
    counted = _line_values(files)
    return all(
        document.metrics.get(name) == counted[name]
        for name in ("coverage.lines_covered", "coverage.lines_total")
    )


def _united(sets: Iterable[Mapping[str, FileLines]]) -> dict[str, FileLines]:
    files: dict[str, FileLines] = {}
    for one in sets:
        for path, lines in one.items():
            before = files.get(path, FileLines(hit=(), miss=()))
            hit = union(before.hit, lines.hit)
            miss = without(union(before.miss, lines.miss), hit)
            files[path] = FileLines(hit=hit, miss=miss)
    return files


def _line_values(files: Mapping[str, FileLines]) -> dict[str, Value]:
    covered = sum(count(lines.hit) for lines in files.values())
    total = covered + sum(count(lines.miss) for lines in files.values())
    values: dict[str, Value] = {"coverage.lines_covered": covered, "coverage.lines_total": total}
    if total:
        values["coverage.line"] = Ratio(covered, total)
    return values


def _added(documents: Sequence[EvidenceDocument], one: str, many: str) -> dict[str, Value]:
    """A metric without line sets, of reports that have no file in common."""
    covered = _sum(documents, f"coverage.{many}_covered")
    total = _sum(documents, f"coverage.{many}_total")
    if covered is None or total is None:
        return {}
    values: dict[str, Value] = {f"coverage.{many}_covered": covered, f"coverage.{many}_total": total}
    if total:
        values[f"coverage.{one}"] = Ratio(covered, total)
    return values


# Findings unite by fingerprint.


def _findings(
    kind: Kind, documents: Sequence[EvidenceDocument], baseline: Sequence[EvidenceDocument] | None
) -> Facts:
    found = united_findings(documents)
    values: dict[str, Value] = {}
    for name in ("unparsed", *_SUMS.get(kind, ())):
        total = _sum(documents, f"{kind}.{name}")
        if total is not None:
            values[f"{kind}.{name}"] = total
    if not documents or not all(_lists_all(kind, document) for document in documents):
        return Facts(kind=kind, values=values, absent=_gone(values, documents, CANNOT_COUNT))
    open_ones = [finding for finding in found if finding.is_open]
    values |= _counts(kind, "", open_ones)
    values[f"{kind}.suppressed"] = len(found) - len(open_ones)
    values[f"{kind}.waived"] = 0
    if kind is Kind.SCA:
        values["sca.fixable"] = sum(1 for f in open_ones if f.package and f.package.fixed_versions)
    known = {f.fingerprint for f in united_findings(baseline or ()) if f.is_open}
    new = [finding for finding in open_ones if finding.fingerprint not in known]
    values |= _counts(kind, "new.", new)
    if baseline is not None:
        values[f"{kind}.fixed"] = len(known - {f.fingerprint for f in open_ones})
    return Facts(
        kind=kind,
        values=values,
        absent=_gone(values, documents, CANNOT_UNITE),
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


def united_findings(documents: Iterable[EvidenceDocument]) -> list[Finding]:
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
    return replace_struct(first, suppression=None)


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
