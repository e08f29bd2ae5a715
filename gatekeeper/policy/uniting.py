"""From evidence to facts: tests add up, coverage unites its line sets, findings unite by fingerprint."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gatekeeper.evidence import Evidence, EvidenceDocument, Kind, Ratio, Value
from gatekeeper.finding import Finding
from gatekeeper.metrics import METRICS, Direction, Unit
from gatekeeper.policy.facts import CANNOT_UNITE, IMPOSSIBLE, NOTHING_COUNTED, Facts, left_out, summed
from gatekeeper.policy.uniting_coverage import united_coverage
from gatekeeper.policy.uniting_findings import Lens, open_united, united_findings

LARGEST = 2**53 - 1
"""Larger counts have no exact form in JSON; a report that claims one is not believed."""


def facts_of(
    kind: Kind,
    evidence: Sequence[Evidence],
    baseline: Sequence[Evidence] | None,
    lens: Lens = Lens(),  # noqa: B008  # frozen
) -> Facts:
    """What `evidence` (all current, all usable, of `kind`) says together.

    The same bytes received twice count once. `baseline` is the evidence of this kind behind an earlier
    allowed decision; without it every open finding is new.
    """
    items = _once(evidence)
    match kind:
        case Kind.TESTS:
            facts = _tests(items)
        case Kind.COVERAGE:
            facts = united_coverage(items)
        case Kind.SAST | Kind.SCA | Kind.SECRETS | Kind.CONTAINER | Kind.IAC | Kind.DAST:
            facts = united_findings(kind, items, None if baseline is None else _once(baseline), lens)
        case Kind.REVIEW | Kind.DEFECTS | Kind.CHANGE:
            facts = _stated(kind, items)
    return _believable(facts)


def found_in(evidence: Sequence[Evidence], *, refuses_inline: bool) -> list[Finding]:
    """The findings that `evidence` of one kind has open, before any waiver, the worst first."""
    found = open_united(_once(evidence), refuses_inline=refuses_inline)
    return [finding for finding in found if finding.is_open]


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


def _tests(documents: Sequence[EvidenceDocument]) -> Facts:
    names = [metric.name for metric in METRICS.values() if metric.kind is Kind.TESTS]
    values: dict[str, Value] = {}
    for name in names:
        if len(documents) == 1 and name in documents[0].metrics:
            values[name] = documents[0].metrics[name]
        elif (total := summed(documents, name)) is not None:
            values[name] = total
    if values.get("tests.total") == 0:
        # No test failed because none ran: only that is known.
        only = {"tests.total": values["tests.total"]}
        return Facts(kind=Kind.TESTS, values=only, absent=left_out(only, documents, NOTHING_COUNTED))
    rate = _pass_rate(values)
    if rate is not None:
        values["tests.pass_rate"] = rate
    failures = {failure for document in documents for failure in document.failures}
    return Facts(
        kind=Kind.TESTS,
        values=values,
        absent=left_out(values, documents, CANNOT_UNITE),
        failures=tuple(sorted(failures, key=lambda f: (f.suite, f.name, f.message))),
    )


def _stated(kind: Kind, documents: Sequence[EvidenceDocument]) -> Facts:
    """What is bad adds up; of what is good the smallest counts, since two may speak of the same people."""
    values: dict[str, Value] = {}
    for metric in METRICS.values():
        if metric.kind is kind and (total := summed(documents, metric.name)) is not None:
            stated = [value for one in documents if isinstance(value := one.metrics[metric.name], int)]
            values[metric.name] = total if metric.better is Direction.LOWER else min(stated)
    return Facts(kind=kind, values=values, absent=left_out(values, documents, CANNOT_UNITE))


def _pass_rate(values: Mapping[str, Value]) -> Ratio | None:
    counts = [values.get(f"tests.{name}") for name in ("total", "passed", "skipped")]
    total, passed, skipped = (value if isinstance(value, int) else None for value in counts)
    if total is None or passed is None or skipped is None or passed < 0 or total - skipped < 1:
        return None
    return Ratio(passed, total - skipped)
