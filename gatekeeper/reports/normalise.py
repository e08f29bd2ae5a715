"""A `Report` as the normalised document `gatekeeper/evidence/v1`, which rules and replay read."""

from collections.abc import Iterable
from itertools import groupby

import gatekeeper
from gatekeeper.canonical import canonical_bytes, digest
from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import EvidenceDocument, Kind, Lines, Producer
from gatekeeper.finding import Finding
from gatekeeper.line_ranges import as_text
from gatekeeper.reports.interface import LineHits, Report
from gatekeeper.reports.json import collector_off

PARSER = Producer(name="gatekeeper", version=gatekeeper.__version__)


class KindUnknown(GatekeeperError):
    """Neither the content of a report nor its sender says what it is evidence of."""

    code = "kind-unknown"


def document_from(report: Report, *, kind: Kind | None = None) -> EvidenceDocument:
    """The document of `report`. `kind` is used where the report has none: its format is unknown.

    Equal reports give equal documents whatever the order in which a tool listed files and findings.

    Raises:
        KindUnknown: neither says the kind.
    """
    kind = report.kind or kind
    if kind is None:
        raise KindUnknown(
            "the format of the report is unknown, so nothing says what it is evidence of",
            hint="name its kind, or send a report of a known format (`gatekeeper formats`)",
        )
    with collector_off():
        return EvidenceDocument(
            kind=kind,
            format=report.format,
            parser=PARSER,
            producer=report.producer,
            produced_at=report.produced_at,
            state=report.state,
            problems=report.problems,
            metrics=dict(report.metrics),
            lines={path: _lines(report.lines[path]) for path in sorted(report.lines)},
            failures=report.failures,
            findings=tuple(_sorted_findings(report.findings)),
            database=None,
        )


def digest_of(document: EvidenceDocument) -> str:
    """`sha256:<hex>` over the RFC 8785 form of the document.

    Raises:
        NotCanonical: a text of the report is not valid Unicode, or a count is beyond 2**53 - 1.
    """
    with collector_off():
        return digest(document)


def _lines(hits: LineHits) -> Lines:
    return Lines(hit=as_text(hits.hit), miss=as_text(hits.miss))


def _sorted_findings(findings: Iterable[Finding]) -> Iterable[Finding]:
    """By fingerprint, then canonical bytes, which are only made where fingerprints are equal."""
    ordered = sorted(findings, key=_fingerprint)
    for _, group in groupby(ordered, key=_fingerprint):
        same = list(group)
        yield from same if len(same) == 1 else sorted(same, key=canonical_bytes)


def _fingerprint(finding: Finding) -> str:
    return finding.fingerprint
