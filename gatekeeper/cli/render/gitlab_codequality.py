"""GitLab Code Quality JSON of a decision: shown in the merge request beside the changed lines."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gatekeeper.cli.output import one_line
from gatekeeper.cli.render.findings import fingerprint, open_findings, place_of
from gatekeeper.cli.render.outline import (
    headline,
    missing_beyond_rules,
    outline,
    reasons,
)
from gatekeeper.decision import Decision, RuleResult
from gatekeeper.evidence import Evidence
from gatekeeper.finding import Finding, Severity

_SEVERITY = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.UNKNOWN: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
    Severity.INFO: "info",
}


def render(decision: Decision, evidence: Sequence[Evidence] = ()) -> str:
    """A JSON list: what stops the decision, then the open findings, each with a unique fingerprint."""
    grouped = outline(decision)
    entries = []
    if not decision.allowed:
        entries = [_named(reason.code, reason.text, decision) for reason in decision.reasons]
        entries += [
            _named(
                f"{missing.kind}/{missing.name or ''}/{missing.reason.code}", missing.reason.text, decision
            )
            for missing in missing_beyond_rules(decision)
        ]
    blocking = "major" if decision.allowed else "blocker"
    entries += [_rule(rule, blocking, decision) for rule in grouped.blocking]
    entries += [_rule(rule, "major", decision) for rule in grouped.costly]
    if not decision.allowed and not entries:
        entries = [_named("fail", headline(decision), decision)]
    entries += [_finding(finding) for finding in open_findings(decision, evidence)]
    return msgspec.json.format(msgspec.json.encode(entries), indent=2).decode() + "\n"


def _named(name: str, text: str, decision: Decision) -> dict[str, Any]:
    return _entry(
        text=text or headline(decision),
        check=f"gatekeeper/{name}",
        mark=fingerprint("gatekeeper", decision.subject.project, decision.stage, name, text),
        severity="blocker",
        path=place_of(None, decision),
    )


def _rule(rule: RuleResult, severity: str, decision: Decision) -> dict[str, Any]:
    words = [f"{rule.title or rule.id}:", "; ".join(reasons(rule)) or rule.status]
    if rule.remedy:
        words.append(f"- to do: {rule.remedy.text}")
    return _entry(
        text=" ".join(words),
        check=f"gatekeeper/rule/{rule.id}",
        mark=fingerprint("gatekeeper", decision.subject.project, decision.stage, "rule", rule.id),
        severity=severity,
        path=place_of(rule, decision),
    )


def _finding(finding: Finding) -> dict[str, Any]:
    where = finding.location
    path, line = (where.path, where.line or 1) if where else (".", 1)
    return _entry(
        text=finding.message or finding.rule,
        check=f"{finding.tool}/{finding.rule}",
        mark=fingerprint(finding.tool, finding.fingerprint, path, str(line)),
        severity=_SEVERITY[finding.severity],
        path=path,
        line=line,
    )


def _entry(*, text: str, check: str, mark: str, severity: str, path: str, line: int = 1) -> dict[str, Any]:
    return {
        "description": one_line(text, 500),
        "check_name": one_line(check),
        "fingerprint": mark,
        "severity": severity,
        "location": {"path": one_line(path, 1000), "lines": {"begin": line}},
    }
