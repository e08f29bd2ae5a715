"""The fact book of one question: each metric's value, or the reason why there is none."""

from collections.abc import Mapping, Sequence

from gatekeeper.decision import Reason
from gatekeeper.evidence import Kind, Use, Value
from gatekeeper.finding import Finding
from gatekeeper.metrics import FINDING_KINDS, METRICS
from gatekeeper.policy.condition import MetricRef
from gatekeeper.policy.current import Looked, Material
from gatekeeper.policy.facts import ABSENT, Facts
from gatekeeper.policy.model import NAME_GONE, Policy, Requirement
from gatekeeper.policy.promotion import Inline, Path
from gatekeeper.policy.said import reason
from gatekeeper.policy.uniting import facts_of, found_in
from gatekeeper.policy.uniting_findings import Lens
from gatekeeper.policy.waivers import Resolved, RuleWaiver

Given = Mapping[str, Value]
"""Metrics by written name (`tests.failed@e2e`), in the examples of a policy file."""


class FactBook:
    """Reads facts from the usable current evidence, less what waivers set aside.

    With `given`, the values that stand there come from there instead.
    """

    def __init__(
        self,
        material: Material,
        policy: Policy,
        stage: str,
        *,
        path: Path | None = None,
        waivers: Resolved = Resolved(),  # noqa: B008  # frozen
        given: Given | None = None,
        given_baseline: Given | None = None,
    ) -> None:
        self.material = material
        self.path = path
        self._policy, self._stage, self._waivers = policy, stage, waivers
        self._refuses_inline = policy.waiver_limits.inline is Inline.REFUSE
        self._given, self._given_baseline = given, given_baseline
        self._facts: dict[tuple[Kind, str | None], Facts] = {}
        self._before: dict[tuple[Kind, str | None], Facts] = {}
        self._faults: dict[tuple[Kind, str | None], Reason | None] = {}
        self._digests: dict[tuple[Kind, str | None], tuple[str, ...]] = {}
        self._open: dict[Kind, list[Finding]] = {}

    def demanded(self, kind: Kind) -> Requirement | None:
        """What the file demands of `kind` at this stage; None when that begins later or never.

        None also when the path does without it: then only what rules read is demanded.
        """
        return None if self.does_without(kind) else self._demanded(kind)

    def does_without(self, kind: Kind) -> bool:
        """True when the file demands `kind` at this stage and the path leaves it out."""
        is_left_out = self.path is not None and kind in self.path.without_evidence
        return is_left_out and self._demanded(kind) is not None

    def fault(self, kind: Kind, name: str | None = None) -> Reason | None:
        """Why the facts of `kind` (of one `name`) cannot be read; None when they can."""
        key = (kind, name)
        if key not in self._faults:
            self._faults[key] = self._fault(kind, name)
        return self._faults[key]

    def gone_names(self, kind: Kind) -> tuple[str, ...]:
        """Names that the baseline had and that no current evidence has, sorted."""
        before = {item.name for item in self.material.baseline_of(kind) or ()}
        now = {one.evidence.name for one in self.material.current(kind)}
        return tuple(sorted(before - now))

    def tolerates_gone(self, kind: Kind) -> bool:
        """True when the policy's `allow` covers all names that are gone."""
        allow = self._policy.requirement(kind).allow
        if NAME_GONE not in allow:
            return False
        most = allow[NAME_GONE]
        return most is None or len(self.gone_names(kind)) <= most

    def facts(self, kind: Kind, name: str | None = None) -> Facts:
        """The facts of the usable evidence; only meaningful while `fault` is None."""
        key = (kind, name)
        if key not in self._facts:
            usable = [one.evidence for one in self.material.current(kind, name) if one.fault is None]
            baseline = self.material.baseline_of(kind, name)
            self._facts[key] = facts_of(kind, usable, baseline, self._lens(kind))
        return self._facts[key]

    def rule_waivers(self, rule: str) -> tuple[RuleWaiver, ...]:
        """The waivers that hold for the rule of this id."""
        return self._waivers.rules.get(rule, ())

    def findings_waived_by(self) -> frozenset[str]:
        """Ids of the waivers that set aside a finding of the usable current evidence."""
        return frozenset(
            waiver
            for kind, covered in self._waivers.findings.items()
            for finding in self._found(kind)
            if finding.fingerprint in covered
            for waiver in self._waivers.sets_aside(kind, finding)
        )

    def open_findings(self) -> tuple[tuple[Kind, Finding], ...]:
        """All findings of the usable current evidence that no waiver sets aside, by kind, the worst first."""
        return tuple(
            (kind, finding)
            for kind in FINDING_KINDS
            for finding in self._found(kind)
            if not self._waivers.sets_aside(kind, finding)
        )

    def read(self, ref: MetricRef) -> Value | Reason:
        """The value of a metric, or why there is none."""
        kind = METRICS[ref.metric].kind
        if (fault := self.fault(kind, ref.name)) is not None:
            return fault
        if self._given is not None and (value := self._given.get(str(ref))) is not None:
            return value
        facts = self.facts(kind, ref.name)
        if ref.metric in facts.values:
            return facts.values[ref.metric]
        return reason(facts.absent.get(ref.metric, ABSENT), kind=str(kind), metric=ref.metric)

    def read_baseline(self, ref: MetricRef) -> Value | None:
        """The value of the metric in the baseline; None without a baseline, or when it does not give it."""
        if self._given_baseline is not None and (value := self._given_baseline.get(str(ref))) is not None:
            return value
        kind = METRICS[ref.metric].kind
        before = self.material.baseline_of(kind, ref.name)
        if not before:
            return None
        key = (kind, ref.name)
        if key not in self._before:
            self._before[key] = facts_of(kind, before, None, Lens(refuses_inline=self._refuses_inline))
        return self._before[key].values.get(ref.metric)

    def digests(self, kind: Kind, name: str | None = None) -> tuple[str, ...]:
        """Digests of the documents that the facts come from, sorted."""
        key = (kind, name)
        if key not in self._digests:
            found = {one.evidence.digest for one in self.material.current(kind, name)}
            self._digests[key] = tuple(sorted(found))
        return self._digests[key]

    def _demanded(self, kind: Kind) -> Requirement | None:
        requirement = self._policy.requirement(kind)
        if requirement.from_stage is None or not self._policy.reaches(self._stage, requirement.from_stage):
            return None
        return requirement

    def _lens(self, kind: Kind) -> Lens:
        covered = self._waivers.findings.get(kind)
        if covered is None:
            return Lens(refuses_inline=self._refuses_inline)

        def is_waived(finding: Finding) -> bool:
            return finding.fingerprint in covered and bool(self._waivers.sets_aside(kind, finding))

        return Lens(refuses_inline=self._refuses_inline, is_waived=is_waived)

    def _found(self, kind: Kind) -> list[Finding]:
        """What the usable evidence has open before any waiver."""
        if kind not in self._open:
            usable = [one.evidence for one in self.material.current(kind) if one.fault is None]
            self._open[kind] = found_in(usable, refuses_inline=self._refuses_inline)
        return self._open[kind]

    def _fault(self, kind: Kind, name: str | None) -> Reason | None:
        current = self.material.current(kind, name)
        if name is not None:
            return _first_fault(current) if current else self._no_evidence(kind, name)
        demanded = self.demanded(kind)
        for wanted in demanded.names if demanded else ():
            if not self.material.current(kind, wanted):
                return self._no_evidence(kind, wanted)
        if not current:
            return self._no_evidence(kind, None)
        if (gone := self.gone_names(kind)) and not self.tolerates_gone(kind):
            return self._no_evidence(kind, gone[0])
        return _first_fault(current) or (_absent_tool(demanded, current) if demanded else None)

    def _no_evidence(self, kind: Kind, name: str | None) -> Reason:
        others = self.material.others(kind, name)
        faults = [
            (one.evidence.order, one.evidence.digest, one.use, one.fault) for one in others if one.fault
        ]
        if faults:
            return max(faults, key=lambda fault: fault[:3])[3]
        if name is None:
            return reason("not-received", kind=str(kind))
        if name in self.gone_names(kind):
            return reason(NAME_GONE, kind=str(kind), name=name)
        return reason("not-received-name", kind=str(kind), name=name)


def _first_fault(current: Sequence[Looked]) -> Reason | None:
    """The fault of the first by slot; unreadable and failed before stale, so that the gravest is named."""
    faults = [one for one in current if one.fault is not None]
    return min(faults, key=lambda one: one.use is Use.STALE).fault if faults else None


def _absent_tool(requirement: Requirement, current: Sequence[Looked]) -> Reason | None:
    reported = {
        one.evidence.document.producer.name.lower() for one in current if one.evidence.document.producer
    }
    for tool in requirement.tools:
        if tool.lower() not in reported:
            return reason("tool-absent", kind=str(requirement.kind), tool=tool)
    return None
