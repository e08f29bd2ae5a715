"""Who signs, who may not, and how far waivers go: `approvals`, `separation`, `waiver_limits`."""

from gatekeeper.finding import Severity
from gatekeeper.policy import spelling
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.load_conditions import SCORE, read_guards
from gatekeeper.policy.promotion import ApprovalDemand, Inline, Party, Separation, Signing, WaiverLimits
from gatekeeper.policy.section import Section

MAX_PEOPLE = 20
MAX_DAYS = 366


def read_approvals(section: Section, stages: tuple[str, ...]) -> tuple[Signing, ...]:
    """The signatures at `approvals` of the file or of a path, in stage order."""
    entries = section.section("approvals", None)
    if entries is None:
        return ()
    found = {}
    for stage in section.entries("approvals"):
        if stage not in stages:
            entries.fault(stage, f"unknown stage {stage!r}", hint=nearest(stage, stages))
        else:
            found[stage] = _demands(entries, stage)
        if found.get(stage) == () and "policy" in section and "extends" not in section:
            entries.fault(stage, "names nobody", hint="take it out")
    return tuple(Signing(stage=stage, demands=found[stage]) for stage in stages if found.get(stage))


def _demands(entries: Section, stage: str) -> tuple[ApprovalDemand, ...]:
    found: dict[str, ApprovalDemand] = {}
    for section in entries.sections(stage, "approval"):
        demand = _demand(section)
        if demand.role in found:
            section.fault("role", f"{demand.role!r} is named twice", hint="write `count` for more people")
        found[demand.role] = demand
    return tuple(found[role] for role in sorted(found))


def _demand(section: Section) -> ApprovalDemand:
    guards = read_guards(section, "if")
    conditions = section.section("if", None)
    return ApprovalDemand(
        role=section.name("role", "nobody"),
        count=section.integer("count", 1, least=1, most=MAX_PEOPLE),
        when=guards,
        score=None if conditions is None else conditions.spelled(SCORE, spelling.condition, None),
    )


def read_separation(root: Section) -> Separation:
    """Who may not approve."""
    section = root.section("separation", "separation")
    if section is None:
        return Separation()
    parties = section.choices("approver_is_not", tuple(Party))
    distinct = section.truth("distinct_people")
    return Separation(
        approver_is_not=tuple(sorted(parties)), distinct_people=True if distinct is None else distinct
    )


def read_limits(root: Section) -> WaiverLimits:
    """How far waivers go."""
    section = root.section("waiver_limits", "waiver_limits")
    default = WaiverLimits()
    if section is None:
        return default
    value = section.at("max_days")
    if value is not None and value.content == 0 and value.content is not False:
        section.fault("max_days", "allows nothing: no waiver could ever hold", hint="1 to 366 days")
    return WaiverLimits(
        max_days=section.integer("max_days", default.max_days, least=1, most=MAX_DAYS),
        days_by_severity=_days(section),
        approved_by_role=section.name("approved_by_role", "") or None,
        inline=section.choice("inline", tuple(Inline), default.inline),
    )


def _days(section: Section) -> dict[Severity, int]:
    inner = section.section("max_days_by_severity", None)
    if inner is None:
        return {}
    found = {}
    for name in section.entries("max_days_by_severity"):
        if name in tuple(Severity):
            found[Severity(name)] = inner.integer(name, 1, least=1, most=MAX_DAYS)
        else:
            inner.fault(name, f"unknown severity {name!r}", hint=nearest(name, Severity))
    if not section.entries("max_days_by_severity"):
        section.fault("max_days_by_severity", "is empty", hint="leave the key out")
    return {severity: found[severity] for severity in Severity if severity in found}
