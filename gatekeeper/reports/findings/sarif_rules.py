"""Rules of a SARIF run: which one a result means, and what that rule says about severity."""

from dataclasses import dataclass

from gatekeeper.reports.findings import sarif_model as sarif
from gatekeeper.reports.findings.cwe import cwe_numbers
from gatekeeper.reports.findings.items import read_item
from gatekeeper.reports.notes import Notes


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RuleFacts:
    """What results need to know of one rule."""

    id: str
    level: str | None
    """Of `defaultConfiguration`; None when the rule says nothing."""
    security_severity: object
    """As written; UNSET when absent."""
    cwe: tuple[int, ...]
    messages: dict[str, sarif.Text]
    """Its own message strings over those of its component."""


class Rules:
    """The rules of one tool: its driver and its extensions."""

    def __init__(self, tool: sarif.Tool, notes: Notes) -> None:
        self._components = [tool.driver, *(tool.extensions or ())]
        self._rules = [_facts_of(component, notes) for component in self._components]
        self._by_id = [_first_by_id(rules) for rules in self._rules]
        self._by_guid = {guid: facts for rules in self._rules for guid, facts in rules if guid and facts}

    def meant_by(
        self, rule_id: str | None, index: int | None, reference: sarif.Reference | None
    ) -> RuleFacts | None:
        """The rule of a result with `ruleId`, `ruleIndex` and `rule` (SARIF 3.27.5 to 3.27.7, 3.52.3).

        Looked for by guid, then by index in the named component (the driver when none is named), then by id
        there and elsewhere, a hierarchical id level by level (`r1/sub`, `r1`). Where index and id name two
        rules, the id wins: it is the stable one.
        """
        named = reference or sarif.Reference()
        identifier = rule_id or named.id
        if named.guid and (found := self._by_guid.get(named.guid)):
            return found
        component = self._component(named.tool_component)
        position = named.index if named.index is not None else index
        at_index = self._at(component, position)
        if at_index and (identifier is None or _is_within(identifier, at_index.id)):
            return at_index
        by_id = self._by_identifier(component, identifier) if identifier else None
        return by_id or at_index

    def _component(self, reference: sarif.ComponentReference | None) -> int:
        if reference is None:
            return 0
        if reference.index is not None and 0 <= reference.index < len(self._components) - 1:
            return reference.index + 1
        for number, component in enumerate(self._components):
            if reference.guid and component.guid == reference.guid:
                return number
            if reference.name and component.name == reference.name:
                return number
        return 0

    def _at(self, component: int, index: int | None) -> RuleFacts | None:
        rules = self._rules[component]
        return rules[index][1] if index is not None and 0 <= index < len(rules) else None

    def _by_identifier(self, component: int, identifier: str) -> RuleFacts | None:
        tables = [self._by_id[component], *self._by_id]
        while True:
            for table in tables:
                if found := table.get(identifier):
                    return found
            identifier, slash, _ = identifier.rpartition("/")
            if not slash:
                return None


def _facts_of(component: sarif.Component, notes: Notes) -> list[tuple[str | None, RuleFacts | None]]:
    shared = component.global_message_strings or {}
    facts: list[tuple[str | None, RuleFacts | None]] = []
    for raw in component.rules or ():
        rule = read_item(raw, sarif.RULE, notes=notes, code="rules-unparsed")
        facts.append((rule.guid, _facts(rule, shared)) if rule else (None, None))
    return facts


def _facts(rule: sarif.Rule, shared: dict[str, sarif.Text]) -> RuleFacts:
    bag = rule.properties or sarif.Bag()
    targets = [relation.target for relation in rule.relationships or () if relation.target]
    return RuleFacts(
        id=rule.id,
        level=rule.default_configuration.level if rule.default_configuration else None,
        security_severity=bag.security_severity,
        cwe=tuple(sorted({*cwe_numbers(bag.tags), *cwe_numbers(bag.cwe), *cwe_of_taxa(targets)})),
        messages=shared | (rule.message_strings or {}),
    )


def cwe_of_taxa(references: list[sarif.Reference]) -> set[int]:
    """CWE numbers among taxa: by an id such as "CWE-79", or a bare number of the component "CWE"."""
    numbers: set[int] = set()
    for reference in references:
        component, identifier = reference.tool_component, reference.id or ""
        if component and component.name == "CWE" and identifier.isascii() and identifier.isdecimal():
            numbers.update(cwe_numbers(int(identifier[:6])))
        numbers.update(cwe_numbers(identifier))
    return numbers


def _first_by_id(rules: list[tuple[str | None, RuleFacts | None]]) -> dict[str, RuleFacts]:
    by_id: dict[str, RuleFacts] = {}
    for _, facts in rules:
        if facts and facts.id:
            by_id.setdefault(facts.id, facts)
    return by_id


def _is_within(identifier: str, rule_id: str) -> bool:
    return not rule_id or identifier == rule_id or identifier.startswith(rule_id + "/")
