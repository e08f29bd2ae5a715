"""How bad a SARIF result is."""

from decimal import Decimal

from msgspec import UNSET

from gatekeeper.finding import Severity, severity_of_score
from gatekeeper.reports.findings import sarif_model as sarif
from gatekeeper.reports.findings.sarif_rules import RuleFacts, Rules
from gatekeeper.reports.findings.severity import SARIF_LEVEL, score_text
from gatekeeper.reports.notes import Notes


class Levels:
    """The level of results that do not state one, by SARIF 3.27.10.

    An override of the invocation that a result names counts before the rule's default. A run with one
    invocation needs no naming: its results cannot come from another.
    """

    def __init__(self, rules: Rules, invocations: list[sarif.Invocation]) -> None:
        self._overrides = [_overrides(rules, invocation) for invocation in invocations]

    def stated(self, result: sarif.Result, rule: RuleFacts | None) -> str | None:
        """The level from the result, an override or the rule; None when nobody states one."""
        if result.level is not None:
            return result.level
        if rule is None:
            return None
        return self._overridden(result, rule) or rule.level

    def _overridden(self, result: sarif.Result, rule: RuleFacts) -> str | None:
        if not self._overrides:
            return None
        index = result.provenance.invocation_index if result.provenance else None
        if index is None or index < 0:
            index = 0 if len(self._overrides) == 1 else -1
        return self._overrides[index].get(id(rule)) if 0 <= index < len(self._overrides) else None


def severity_of(
    stated: str | None, own: object, rule: RuleFacts | None, notes: Notes
) -> tuple[Severity, str | None]:
    """The severity, and the score behind it when there is one.

    `security-severity` of the result, then of the rule, decides when it is a score above 0; else the level,
    and "warning" when nobody states one. A value that is no score is counted and never lowers anything:
    where no level is stated either, the severity is unknown.
    """
    is_bad = False
    for value in (own, rule.security_severity if rule else UNSET):
        if value is UNSET:
            continue
        if score := score_text(value):
            return severity_of_score(Decimal(score)), score
        is_bad = True
        notes.count("bad-severity", str(value))
    if stated is None:
        return (Severity.UNKNOWN if is_bad else Severity.MEDIUM), None
    severity = SARIF_LEVEL.get(stated)
    if severity is None:
        notes.count("unknown-severity", stated)
        return Severity.UNKNOWN, None
    return severity, None


def _overrides(rules: Rules, invocation: sarif.Invocation) -> dict[int, str]:
    levels = {}
    for override in invocation.rule_configuration_overrides or ():
        level = override.configuration.level if override.configuration else None
        meant = override.descriptor
        rule = rules.meant_by(meant.id, meant.index, meant) if meant else None
        if level and rule:
            levels[id(rule)] = level
    return levels
