"""SARIF 2.1.0 of a decision: the rules that stop it and the open findings behind it."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from gatekeeper import __version__
from gatekeeper.cli.output import clean
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

_LEVEL = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.UNKNOWN: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_SECURITY_SEVERITY = {
    Severity.CRITICAL: "9.0",
    Severity.HIGH: "7.0",
    Severity.UNKNOWN: "7.0",
    Severity.MEDIUM: "4.0",
    Severity.LOW: "0.1",
}
"""The lowest score of each band, for findings without a CVSS score."""


def render(decision: Decision, evidence: Sequence[Evidence] = ()) -> str:
    """One run: failing rules and reasons first, then the open findings, all with fingerprints."""
    entries = [*_decision_results(decision), *map(_finding, open_findings(decision, evidence))]
    rules = {rule["id"]: rule for rule, _ in reversed(entries)}
    order = {name: index for index, name in enumerate(sorted(rules))}
    run = {
        "tool": {
            "driver": {
                "name": "Gatekeeper",
                "semanticVersion": __version__,
                "rules": [rules[name] for name in order],
            }
        },
        "invocations": [{"executionSuccessful": True}],
        "results": [{**result, "ruleIndex": order[result["ruleId"]]} for _, result in entries],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "outcome": decision.outcome,
            "allowed": decision.allowed,
            "gate": decision.gate,
            "stage": decision.stage,
            "outputs": decision.digests.outputs,
        },
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _decision_results(decision: Decision) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    if decision.allowed:
        return [_rule(rule, decision, "warning") for rule in outline(decision).failing]
    grouped = outline(decision)
    found = [
        *(_named(f"decision/{reason.code}", reason.text, decision) for reason in decision.reasons),
        *(
            _named(f"evidence/{missing.kind}/{missing.reason.code}", missing.reason.text, decision)
            for missing in missing_beyond_rules(decision)
        ),
        *(_rule(rule, decision, "error") for rule in grouped.blocking),
        *(_rule(rule, decision, "warning") for rule in grouped.costly),
    ]
    return found or [_named("decision/fail", headline(decision), decision)]


def _named(name: str, text: str, decision: Decision) -> tuple[dict[str, Any], dict[str, Any]]:
    return _entry(
        rule={"id": f"gatekeeper/{name}", "shortDescription": {"text": headline(decision)}},
        level="error",
        text=text or name,
        location=_place(place_of(None, decision)),
        mark=fingerprint("gatekeeper", decision.subject.project, decision.stage, name, text),
    )


def _rule(rule: RuleResult, decision: Decision, level: str) -> tuple[dict[str, Any], dict[str, Any]]:
    words = reasons(rule)
    if rule.remedy:
        words.append(f"To do: {rule.remedy.text}")
    return _entry(
        rule={"id": f"gatekeeper/rule/{rule.id}", "shortDescription": {"text": rule.title or rule.id}},
        level=level,
        text="\n".join(words) or f"rule {rule.id}: {rule.status}",
        location=_place(place_of(rule, decision)),
        mark=fingerprint("gatekeeper", decision.subject.project, decision.stage, "rule", rule.id),
    )


def _finding(finding: Finding) -> tuple[dict[str, Any], dict[str, Any]]:
    rule: dict[str, Any] = {
        "id": f"{finding.tool}/{finding.rule}",
        "properties": {"tags": ["security", *(f"external/cwe/cwe-{number:03d}" for number in finding.cwe)]},
    }
    if score := finding.cvss or _SECURITY_SEVERITY.get(finding.severity):
        rule["properties"]["security-severity"] = score
    where = finding.location
    region: dict[str, int] = {}
    if where and where.line:
        region["startLine"] = where.line
        if where.column:
            region["startColumn"] = where.column
        if where.end_line:
            region["endLine"] = where.end_line
    return _entry(
        rule=rule,
        level=_LEVEL[finding.severity],
        text=finding.message or finding.rule,
        location=_place(where.path if where else ".", region),
        mark=finding.fingerprint,
    )


def _entry(
    *, rule: dict[str, Any], level: str, text: str, location: dict[str, Any], mark: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    cleaned = {
        key: {"text": clean(value["text"])} if key == "shortDescription" else value
        for key, value in rule.items()
    }
    cleaned["id"] = clean(rule["id"])
    return cleaned, {
        "ruleId": cleaned["id"],
        "level": level,
        "message": {"text": clean(text)},
        "locations": [location],
        "partialFingerprints": {"gatekeeper/v1": clean(mark)},
    }


def _place(path: str, region: dict[str, int] | None = None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(clean(path), safe="/")}}
    if region:
        place["region"] = region
    return {"physicalLocation": place}
