"""Policy file to `Policy`: read, checked for shape, then for sense. A policy that loads can decide."""

import re

import msgspec

from gatekeeper.evidence import Kind
from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.policy import lint, spelling
from gatekeeper.policy.diagnostic import Diagnostic, PolicyRefused, nearest
from gatekeeper.policy.keys import NAME
from gatekeeper.policy.load_rules import read_rule
from gatekeeper.policy.load_tests import read_test
from gatekeeper.policy.model import (
    DEFAULT_STAGES,
    DEFAULT_VALID_FOR_S,
    NAME_GONE,
    NEVER_TOLERATED,
    SCHEMA,
    Act,
    Binding,
    Policy,
    Requirement,
    Rule,
    ScoreBounds,
    default_requirement,
)
from gatekeeper.policy.section import Faults, Section
from gatekeeper.policy.tree import Value, read_tree

__all__ = ["Diagnostic", "PolicyRefused", "load_policy"]


def load_policy(data: bytes, *, file: str) -> Policy:
    """The policy in `data`, with every default filled in; `file` is its name in messages.

    Raises:
        PolicyRefused: with every fault found, each with line, key, and the nearest valid name. Faults of
            sense (an operator from the wrong side, a rule that can never fail) are looked for once the
            shape is right.
    """
    faults = Faults(file)
    root = read_tree(data, file=file)
    policy, places = _policy(Section(root, faults, "policy"), faults)
    if not faults.all():
        lint.check(policy, places, faults)
    if errors := faults.all():
        raise PolicyRefused(errors)
    return policy


def _policy(root: Section, faults: Faults) -> tuple[Policy, lint.Places]:
    if "schema" in root and root.text("schema", SCHEMA) != SCHEMA:
        root.fault("schema", f"{root.text('schema', '')!r} is not a version that can be read", hint=SCHEMA)
    stages = _stages(root)
    on_missing = root.choice("on_missing", (Act.BLOCK, Act.WARN), Act.BLOCK)
    on_error = root.choice("on_error", (Act.BLOCK, Act.WARN), Act.BLOCK)
    zone_name = root.text("time_zone", "UTC")
    zone = root.spelled("time_zone", spelling.zone, spelling.zone("UTC"))
    rules: list[Rule] = []
    places: dict[str, Section] = {}
    for item in root.items("rules"):
        section = Section(item, faults, "rule")
        rule = read_rule(section, stages=stages, zone=zone, on_missing=on_missing, on_error=on_error)
        if rule is None:
            continue
        if rule.id in places:
            section.fault("id", f"{rule.id!r} is used twice; first on line {places[rule.id].line}")
        places.setdefault(rule.id, section)
        rules.append(rule)
    if "rules" in root and not root.items("rules"):
        root.fault("rules", "there are no rules", hint="a policy without rules would let everything pass")
    evidence = _evidence(root, stages, faults)
    policy = Policy(
        name=_name(root),
        owner=root.text("owner", "nobody"),
        time_zone=zone_name,
        stages=stages,
        evidence=evidence,
        rules=tuple(rules),
        score=_score(root),
        valid_for_s=root.spelled("valid_for", spelling.duration_s, DEFAULT_VALID_FOR_S),
        on_missing=on_missing,
        on_error=on_error,
    )
    tests = tuple(read_test(Section(item, faults, "test"), policy) for item in root.items("tests"))
    names = [test.name for test in tests]
    for item, name in zip(root.items("tests"), names, strict=True):
        if names.count(name) > 1:
            faults.add(item.line, item.path, f"two tests are called {name!r}")
    return msgspec.structs.replace(policy, tests=tests), lint.Places(root=root, rules=places)


def _name(root: Section) -> str:
    name = root.text("policy", "unnamed")
    if not re.fullmatch(NAME, name):
        root.fault("policy", f"{name!r} is not a name: lowercase letters, digits, `.`, `_` and `-`")
    return name


def _stages(root: Section) -> tuple[str, ...]:
    if "stages" not in root:
        return DEFAULT_STAGES
    stages = root.texts("stages") or ()
    for stage in stages:
        if not re.fullmatch(NAME, stage):
            root.fault("stages", f"{stage!r} is not a name: lowercase letters, digits, `.`, `_` and `-`")
    if not stages:
        root.fault("stages", "there are no stages")
    return stages or DEFAULT_STAGES


def _score(root: Section) -> ScoreBounds | None:
    section = root.section("score", "score")
    if section is None:
        return None
    wanted = section.spelled("pass", spelling.decimal, "100")
    return ScoreBounds(pass_=wanted, warn=section.spelled("warn", spelling.decimal, wanted))


def _evidence(root: Section, stages: tuple[str, ...], faults: Faults) -> tuple[Requirement, ...]:
    found = []
    for name, value in root.entries("evidence").items():
        if name not in tuple(Kind):
            faults.add(value.line, value.path, "unknown kind of evidence", hint=nearest(name, Kind))
            continue
        found.append(_requirement(Kind(name), Section(value, faults, "evidence"), stages))
    return tuple(found)


def _requirement(kind: Kind, section: Section, stages: tuple[str, ...]) -> Requirement:
    default = default_requirement(kind)
    stage = section.text("from", stages[0])
    if stage not in stages:
        section.fault("from", f"unknown stage {stage!r}", hint=nearest(stage, stages))
    return Requirement(
        kind=kind,
        from_stage=stage,
        names=_words(section, "names"),
        max_age_s=section.spelled("max_age", spelling.duration_s, default.max_age_s),
        db_max_age_s=section.spelled("db_max_age", spelling.duration_s, None),
        tools=_words(section, "tools"),
        bind=section.choice("bind", tuple(Binding), default.bind),
        allow=_allow(section),
    )


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
