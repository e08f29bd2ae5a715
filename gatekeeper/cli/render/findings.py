"""What the file views share: open findings once each, and places for rules that have none."""

import hashlib
from collections.abc import Iterator, Sequence

from gatekeeper.decision import Decision, RuleResult
from gatekeeper.evidence import Evidence, Use
from gatekeeper.finding import Finding


def open_findings(decision: Decision, evidence: Sequence[Evidence]) -> Iterator[Finding]:
    """Open findings of the evidence that the decision used; each fingerprint and place once, sorted."""
    used = {item.digest for item in decision.evidence if item.use in (Use.USED, Use.REUSED)}
    seen: dict[tuple[str, str, str, int], Finding] = {}
    for piece in evidence:
        if piece.digest in used:
            for finding in piece.document.findings:
                if finding.is_open:
                    seen.setdefault(_key(finding), finding)
    yield from (seen[key] for key in sorted(seen))


def place_of(rule: RuleResult | None, decision: Decision) -> str:
    """The report that the rule read, else `.`: viewers refuse an entry that is nowhere."""
    if rule is not None:
        jobs = {item.digest: item.job for item in decision.evidence}
        for digest in rule.evidence:
            if jobs.get(digest):
                return jobs[digest]
    return "."


def fingerprint(*parts: str) -> str:
    """Hex SHA-256 over the length-prefixed `parts`."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hasher.update(b"%d:" % len(data) + data)
    return hasher.hexdigest()


def _key(finding: Finding) -> tuple[str, str, str, int]:
    place = finding.location
    return (
        finding.tool,
        finding.fingerprint,
        place.path if place else "",
        (place.line if place else None) or 0,
    )
