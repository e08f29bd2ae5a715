"""`evidence:` of a policy file as `Requirement`s."""

from itertools import pairwise

from gatekeeper.evidence import Kind, Trust
from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.policy import spelling
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.model import NAME_GONE, NEVER_TOLERATED, Binding, Requirement, default_requirement
from gatekeeper.policy.section import Section
from gatekeeper.policy.tree import Value

LEVELS = tuple(Trust)
"""From the least trust to the most."""


def read_evidence(root: Section, stages: tuple[str, ...]) -> tuple[Requirement, ...]:
    """What the file says about each kind of evidence, in file order."""
    found = []
    for name, section in root.named_sections("evidence", "evidence"):
        if name in tuple(Kind):
            found.append(_requirement(Kind(name), section, stages))
        else:
            section.fault("", "unknown kind of evidence", hint=nearest(name, Kind))
    return tuple(found)


def _requirement(kind: Kind, section: Section, stages: tuple[str, ...]) -> Requirement:
    default = default_requirement(kind)
    stage = _stage(section, "from", section.text("from", stages[0]), stages)
    return Requirement(
        kind=kind,
        from_stage=stage,
        names=_words(section, "names"),
        max_age_s=section.spelled("max_age", spelling.duration_s, default.max_age_s),
        db_max_age_s=section.spelled("db_max_age", spelling.duration_s, None),
        tools=_words(section, "tools"),
        bind=section.choice("bind", tuple(Binding), default.bind),
        allow=_allow(section),
        trust=_trust(section, stage, stages),
        protected_from=_protected_from(section, stage, stages),
    )


def _stage(section: Section, key: str, stage: str, stages: tuple[str, ...]) -> str:
    if stage in stages:
        return stage
    section.fault(key, f"unknown stage {stage!r}", hint=nearest(stage, stages))
    return stages[0]


def _trust(section: Section, start: str, stages: tuple[str, ...]) -> dict[str, Trust]:
    value = section.at("trust")
    if value is None:
        return {}
    if not isinstance(value.content, dict):
        return {start: section.choice("trust", LEVELS, Trust.CLAIMED)}
    by_stage = section.section("trust", None)
    found: dict[str, Trust] = {}
    for stage in section.entries("trust"):
        if by_stage is not None and _begins(section, "trust", stage, start, stages):
            found[stage] = by_stage.choice(stage, LEVELS, Trust.CLAIMED)
    if not section.entries("trust"):
        section.fault("trust", "is empty", hint="leave the key out")
    ordered = [stage for stage in stages if stage in found]
    for before, after in pairwise(ordered):
        if LEVELS.index(found[after]) < LEVELS.index(found[before]):
            section.fault("trust", f"{found[after]} at {after} is less than {found[before]} before")
    return {stage: found[stage] for stage in ordered}


def _protected_from(section: Section, start: str, stages: tuple[str, ...]) -> str | None:
    value = section.at("protected_ref")
    if value is None or value.content is False:
        return None
    if value.content is True:
        return start
    stage = section.text("protected_ref", start)
    return stage if _begins(section, "protected_ref", stage, start, stages) else start


def _begins(section: Section, key: str, stage: str, start: str, stages: tuple[str, ...]) -> bool:
    """True when `stage` is one at which this evidence is demanded; else the fault is noted."""
    if stage not in stages:
        section.fault(key, f"unknown stage {stage!r}", hint=nearest(stage, stages))
    elif stages.index(stage) < stages.index(start):
        section.fault(key, f"{stage} is never reached: this evidence is demanded from {start} on")
    else:
        return True
    return False


def _words(section: Section, key: str) -> tuple[str, ...]:
    words = section.texts(key)
    if words == ():
        section.fault(key, "the list is empty", hint="leave the key out to demand none by name")
    return tuple(sorted(words or ()))


def _allow(section: Section) -> dict[str, int | None]:
    allowed: dict[str, int | None] = {}
    for code, value in section.entries("allow").items():
        if code in NEVER_TOLERATED:
            section.fault(
                "allow", f"{code!r} means that nothing was read or counted, which is never tolerated"
            )
        elif code not in PROBLEMS and code != NAME_GONE:
            section.fault("allow", f"unknown problem {code!r}", hint=nearest(code, [*PROBLEMS, NAME_GONE]))
        allowed[code] = _allowed_count(section, value)
    if "allow" in section and not allowed:
        section.fault("allow", "allows nothing", hint="leave the key out")
    return dict(sorted(allowed.items()))


def _allowed_count(section: Section, value: Value) -> int | None:
    content = value.content
    if content == "any":
        return None
    if isinstance(content, int) and not isinstance(content, bool) and content >= 1:
        return content
    section.fault("allow", "write the largest tolerated count, at least 1, or `any`")
    return 1
