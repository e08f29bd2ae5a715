"""The results of one SARIF run -> findings, one per result."""

import re

import msgspec
from msgspec import UNSET

from gatekeeper.evidence import Kind
from gatekeeper.finding import Finding, Suppression
from gatekeeper.reports.findings import sarif_model as sarif
from gatekeeper.reports.findings.cwe import cwe_numbers
from gatekeeper.reports.findings.items import each
from gatekeeper.reports.findings.sarif_identity import fingerprint_of
from gatekeeper.reports.findings.sarif_places import NOWHERE, Places
from gatekeeper.reports.findings.sarif_rules import RuleFacts, Rules, cwe_of_taxa
from gatekeeper.reports.findings.sarif_severity import Levels, severity_of
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.repeated_keys import Decisive

NO_RULE = "unnamed"
"""The rule of results that name none."""

_RATED_KINDS = (Kind.SCA, Kind.CONTAINER)
"""Kinds whose `security-severity` is the CVSS base score of a published problem."""

_ADVISORY = re.compile(
    r"CVE-\d{4}-\d{4,}|GHSA(?:-[0-9a-z]{4}){3}|PYSEC-\d{4}-\d+|[A-Z]+SEC-\d{4}-\d+|GO-\d{4}-\d+"
)
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d{1,4})\}")
_MAX_FILLED_CHARS = 100_000
"""A short message may name a long argument many times: 1 MB of report would be 1 GB of text."""
_FAILING = frozenset({"error", "warning", "note"})
_DECIDED = frozenset({"pass", "informational", "notApplicable"})
_UNDECIDED = frozenset({"open", "review"})
_DECISIVE = Decisive(
    "level", "kind", "baselineState", "suppressions", "status", "security-severity", "ruleId"
)


class Results:
    """Reads the results of one run; `notes` gets what was noticed."""

    def __init__(self, run: sarif.Run, kind: Kind, limits: Limits, notes: Notes) -> None:
        self._run, self._kind, self._limits, self._notes = run, kind, limits, notes
        self._tool = run.tool.driver.name
        self._rules = Rules(run.tool, notes)
        self._levels = Levels(self._rules, run.invocations or [])
        self._places = Places(run)
        self._shared = run.tool.driver.global_message_strings or {}

    def findings(self) -> list[Finding]:
        """The problems in file order, those set aside by an accepted suppression included.

        Left out, and counted: results that are no problem (`not-open`) and those that leave it open whether
        there is one (`undecided`).
        """
        found = []
        for result in each(self._run.results or [], sarif.RESULT, notes=self._notes, decisive=_DECISIVE):
            if self._is_problem(result):
                try:
                    found.append(self._finding(result))
                except msgspec.DecodeError as exc:
                    self._notes.count("unparsed", str(exc))
        return found

    def _is_problem(self, result: sarif.Result) -> bool:
        if result.baseline_state == "absent":
            self._notes.count("not-open", "absent")
            return False
        kind = result.kind or "fail"
        # SARIF 3.27.9: a level other than none means that it failed, whatever the kind says. Unknown kinds
        # fail.
        if result.level in _FAILING or kind not in _DECIDED | _UNDECIDED:
            return True
        self._notes.count("undecided" if kind in _UNDECIDED else "not-open", kind)
        return False

    def _finding(self, result: sarif.Result) -> Finding:
        rule = self._rules.meant_by(result.rule_id, result.rule_index, result.rule)
        named = result.rule_id or (result.rule.id if result.rule else None)
        rule_id = named or (rule.id if rule else None) or NO_RULE
        bag = result.properties
        severity, score = severity_of(
            self._levels.stated(result, rule), bag.security_severity if bag else UNSET, rule, self._notes
        )
        place = (
            self._places.first(result.locations, self._limits.max_locations, self._notes)
            if result.locations
            else NOWHERE
        )
        message = self._message(result.message, rule)
        return Finding(
            fingerprint=fingerprint_of(
                result, tool=self._tool, rule=rule_id, kind=self._kind, place=place, message=message
            ),
            tool=self._tool,
            rule=rule_id,
            severity=severity,
            message=message[: self._limits.max_message_chars],
            location=place.location,
            cwe=_cwe(result, rule),
            cvss=score if self._kind in _RATED_KINDS else None,
            advisories=tuple(dict.fromkeys(_ADVISORY.findall(rule_id))) if self._kind in _RATED_KINDS else (),
            suppression=_accepted(result.suppressions),
        )

    def _message(self, message: sarif.Text | None, rule: RuleFacts | None) -> str:
        """SARIF 3.11.7: the text, else the string that the id names in the rule or its component."""
        if message is None:
            return ""
        if message.text is not None:
            text = message.text
        elif message.id is not None:
            strings = rule.messages if rule else self._shared
            found = strings.get(message.id) or sarif.Text()
            text = found.text or found.markdown or message.markdown or message.id
        else:
            text = message.markdown or ""
        return _filled(text, message.arguments) if message.arguments else text


def _filled(text: str, arguments: list[str]) -> str:
    """SARIF 3.11.5: `{0}` is the first argument, `{{` and `}}` are braces. Ends where it gets too long."""
    parts: list[str] = []
    room, end = _MAX_FILLED_CHARS, 0
    for found in _PLACEHOLDER.finditer(text):
        inner = _inner(found, arguments)
        parts += (text[end : found.start()], inner)
        room -= found.start() - end + len(inner)
        end = found.end()
        if room <= 0:
            break
    return "".join((*parts, text[end:]))[: max(_MAX_FILLED_CHARS, len(text))]


def _inner(found: re.Match[str], arguments: list[str]) -> str:
    if found[1] is None:
        return found[0][0]
    number = int(found[1])
    return arguments[number] if number < len(arguments) else found[0]


def _cwe(result: sarif.Result, rule: RuleFacts | None) -> tuple[int, ...]:
    known = rule.cwe if rule else ()
    bag = result.properties
    if not result.taxa and (bag is None or (bag.tags is None and bag.cwe is None)):
        return known
    own = {*cwe_of_taxa(result.taxa or [])}
    if bag:
        own |= {*cwe_numbers(bag.tags), *cwe_numbers(bag.cwe)}
    return tuple(sorted({*known, *own}))


def _accepted(requests: list[sarif.Suppression] | None) -> Suppression | None:
    """The suppression when all requests are accepted, which an absent status means (SARIF 3.27.23, 3.35.3).

    One that is rejected, under review or of an unknown status keeps the result open.
    """
    if not requests or any(request.status not in (None, "accepted") for request in requests):
        return None
    source = "inline" if requests[0].kind == "inSource" else "external"
    return Suppression(source=source, reason=requests[0].justification)
