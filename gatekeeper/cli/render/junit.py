"""JUnit XML of a decision: every CI server shows one line per rule for free."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

from gatekeeper.cli.output import clean
from gatekeeper.cli.render.outline import (
    NOT_PROVEN,
    headline,
    missing_beyond_rules,
    reasons,
    score_words,
    title_of,
)
from gatekeeper.decision import Decision, Mode, RuleResult, Status
from gatekeeper.evidence import Evidence
from gatekeeper.reports.detection import DECISION_SUITES


@dataclass(frozen=True, kw_only=True)
class _Case:
    name: str
    kind: str
    """The element below the test case: `failure`, `error`, `skipped`, or "" for a pass."""
    type: str
    message: str
    text: str = ""


def render(decision: Decision, evidence: Sequence[Evidence] = ()) -> str:  # noqa: ARG001 - one shape for all views
    """One test case per rule, per missing evidence and per reason of the whole decision.

    A decision that is not allowed always has at least one failure, an allowed one never has any:
    rules that only warn, lower the score or are observed are then passed or skipped cases with words.
    """
    cases = [
        *(_reason(reason.code, reason.text, decision.allowed) for reason in decision.reasons),
        *(
            _Case(
                name=f"evidence {missing.kind}" + (f" ({missing.name})" if missing.name else ""),
                kind="skipped" if decision.allowed else "failure",
                type=missing.reason.code,
                message=missing.reason.text,
            )
            for missing in missing_beyond_rules(decision)
        ),
        *(_rule(rule, decision.allowed) for rule in decision.rules),
    ]
    if not decision.allowed and not any(case.kind in ("failure", "error") for case in cases):
        cases.append(_Case(name="decision", kind="failure", type="fail", message=headline(decision)))
    return _document(decision, cases)


def _reason(code: str, text: str, allowed: bool) -> _Case:
    return _Case(name=f"decision: {code}", kind="skipped" if allowed else "failure", type=code, message=text)


def _rule(rule: RuleResult, allowed: bool) -> _Case:
    lines = reasons(rule)
    if rule.remedy:
        lines.append(f"to do: {rule.remedy.text}")
    message = lines[0] if lines else str(rule.status)
    kind = ""
    if rule.status in NOT_PROVEN and rule.mode in (Mode.BLOCK, Mode.SCORE) and not allowed:
        kind = "error" if rule.status is Status.ERROR else "failure"
    elif rule.status in (Status.SKIPPED, Status.OBSERVED, Status.WAIVED) or rule.mode is Mode.OBSERVE:
        kind = "skipped"
    name = f"{rule.id}: {title}" if (title := title_of(rule)) else rule.id
    return _Case(name=name, kind=kind, type=rule.status, message=message, text="\n".join(lines))


def _document(decision: Decision, cases: Sequence[_Case]) -> str:
    def count(kind: str) -> str:
        return str(sum(case.kind == kind for case in cases))

    totals = {
        "tests": str(len(cases)),
        "failures": count("failure"),
        "errors": count("error"),
        "skipped": count("skipped"),
        "time": "0",
    }
    name = f"gatekeeper {decision.stage}"
    root = Xml.Element("testsuites", {"name": DECISION_SUITES, **totals})
    timestamp = decision.as_of.strftime("%Y-%m-%dT%H:%M:%S")
    suite = Xml.SubElement(root, "testsuite", {"name": name, "timestamp": timestamp, **totals})
    properties = Xml.SubElement(suite, "properties")
    for key, value in _properties(decision):
        Xml.SubElement(properties, "property", {"name": key, "value": clean(value)})
    for case in cases:
        element = Xml.SubElement(
            suite,
            "testcase",
            {"classname": f"gatekeeper.{decision.stage}", "name": _flat(case.name), "time": "0"},
        )
        if case.kind:
            detail = Xml.SubElement(element, case.kind, {"message": _flat(case.message), "type": case.type})
            detail.text = clean(case.text) or None
        elif case.text:
            Xml.SubElement(element, "system-out").text = clean(case.text)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _properties(decision: Decision) -> list[tuple[str, str]]:
    return [
        ("outcome", decision.outcome),
        ("score", score_words(decision)),
        ("gate", "yes" if decision.gate else "no: shows what a gate would say"),
        ("policy", f"{decision.policy.name} {decision.policy.digest}"),
        ("inputs", decision.digests.inputs),
        ("outputs", decision.digests.outputs),
    ]


def _flat(text: str) -> str:
    return " ".join(clean(text).split())
