"""Policy file to `Policy`: read, checked for shape, then for sense. A policy that loads can decide."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from gatekeeper.finding import Severity
from gatekeeper.policy import lint, spelling
from gatekeeper.policy.diagnostic import Diagnostic, PolicyRefused
from gatekeeper.policy.load_evidence import read_evidence
from gatekeeper.policy.load_extends import (
    MAX_ANCESTORS,
    PIN_DIGITS,
    Pin,
    Resolve,
    Resolved,
    Unresolved,
    laid_over,
    read_pin,
    unresolved,
)
from gatekeeper.policy.load_loosening import check_loosening
from gatekeeper.policy.load_paths import read_globs, read_paths
from gatekeeper.policy.load_rules import read_rule
from gatekeeper.policy.load_signing import read_approvals, read_limits, read_separation
from gatekeeper.policy.load_tests import read_test
from gatekeeper.policy.load_windows import read_windows
from gatekeeper.policy.model import (
    DEFAULT_STAGES,
    DEFAULT_VALID_FOR_S,
    SCHEMA,
    Act,
    Ancestor,
    ExpressionRule,
    Policy,
    Rule,
    ScoreBounds,
)
from gatekeeper.policy.section import Faults, Section
from gatekeeper.policy.tree import Value, read_tree

__all__ = ["Diagnostic", "Pin", "PolicyRefused", "Resolve", "Resolved", "Unresolved", "load_policy"]

MAX_RULES = 2_000
"""In a policy, those that it takes over included."""


@dataclass(frozen=True, kw_only=True)
class _Loaded:
    """A policy, and the tree of its file laid over all that it extends."""

    policy: Policy
    tree: Value


def load_policy(data: bytes, *, file: str, resolve: Resolve = unresolved) -> Policy:
    """The policy in `data`, with every default filled in; `file` is its name in messages.

    What it extends is looked up by `resolve`, checked against its pin and laid below it: the result is
    whole, and its digest speaks for everything.

    Raises:
        PolicyRefused: with every fault found, each with line, key, and the nearest valid name. Faults of
            sense (an operator from the wrong side, a rule that can never fail) are looked for once the
            shape is right.
    """
    return _load(data, file, resolve, ()).policy


def _load(data: bytes, file: str, resolve: Resolve, chain: tuple[str, ...]) -> _Loaded:
    faults = Faults()
    own = read_tree(data, file=file)
    root = Section(own, faults, "policy")
    parent = _parent(root, resolve, chain, faults)
    tree = own if parent is None else laid_over(own, parent.policy_tree, faults)
    policy, places = _policy(tree, faults, () if parent is None else parent.ancestors)
    if parent is not None and policy.stages != parent.policy.stages:
        hint = "leave `stages` out: they are " + ", ".join(parent.policy.stages)
        root.fault("stages", f"differ from those of {parent.policy.name}", hint=hint)
    if not faults.all():
        lint.check(policy, places)
        if parent is not None:
            check_loosening(parent.policy, policy, root, faults)
    if errors := faults.all():
        raise PolicyRefused(errors)
    return _Loaded(policy=policy, tree=tree)


@dataclass(frozen=True, kw_only=True)
class _Parent:
    """The policy that a file extends, checked against its pin."""

    policy: Policy
    policy_tree: Value
    ancestors: tuple[Ancestor, ...]


def _parent(root: Section, resolve: Resolve, chain: tuple[str, ...], faults: Faults) -> _Parent | None:
    """What `root` extends; None when it extends nothing.

    Raises:
        PolicyRefused: there is no such policy, it is refused itself, or it is not what the pin says.
    """
    wanted = read_pin(root)
    if wanted is None:
        if "extends" in root:
            raise PolicyRefused(faults.all())
        return None
    name, pin = wanted
    chain = (*chain, root.text("policy", "unnamed"))
    if name in chain:
        root.fault("extends", "goes in a circle: " + " extends ".join((*chain, name)))
    elif len(chain) > MAX_ANCESTORS:
        root.fault(
            "extends", f"is more than {MAX_ANCESTORS} policies deep", hint="build on one nearer the end"
        )
    else:
        try:
            found = resolve(name, pin)
            loaded = _load(found.data, found.file, resolve, chain)
        except Unresolved as exc:
            root.fault("extends", str(exc), hint=exc.hint)
        except PolicyRefused as refused:
            root.fault("extends", f"{name}@{pin} is refused itself")
            raise PolicyRefused((*faults.all(), *refused.errors)) from refused
        else:
            if _is_pinned(root, name, pin, found, loaded.policy):
                digest = loaded.policy.digest
                nearest = Ancestor(name=name, version=pin.version, digest=digest)
                ancestors = (nearest, *loaded.policy.extends)
                return _Parent(policy=loaded.policy, policy_tree=loaded.tree, ancestors=ancestors)
    raise PolicyRefused(faults.all())


def _is_pinned(root: Section, name: str, pin: Pin, found: Resolved, policy: Policy) -> bool:
    """True when the policy that was found is the one that the pin means; else the fault is noted."""
    instead = f"{name}@{policy.digest[: len('sha256:') + PIN_DIGITS]}"
    if policy.name != name:
        root.fault("extends", f"{found.file} is the policy {policy.name}, not {name}")
    elif pin.version is not None and found.version is None:
        message = f"{found.file} is a file, and a file has no version that could be checked"
        root.fault("extends", message, hint=f"write extends: {instead}")
    elif pin.version is not None and found.version != pin.version:
        root.fault("extends", f"found version {found.version} of {name}, not {pin.version}")
    elif pin.digest is not None and not policy.digest.startswith(pin.digest):
        message = f"{found.file} is not {pin.digest}: its digest is {policy.digest}"
        root.fault("extends", message, hint=f"when it is the one that is meant, write extends: {instead}")
    else:
        return True
    return False


def _policy(tree: Value, faults: Faults, ancestors: tuple[Ancestor, ...]) -> tuple[Policy, lint.Places]:
    root = Section(tree, faults, "policy")
    if "schema" in root and root.text("schema", SCHEMA) != SCHEMA:
        root.fault("schema", f"{root.text('schema', '')!r} is not a version that can be read", hint=SCHEMA)
    stages = _stages(root)
    zone = root.spelled("time_zone", spelling.zone, spelling.zone("UTC"))
    on_missing = root.choice("on_missing", (Act.BLOCK, Act.WARN), Act.BLOCK)
    on_error = root.choice("on_error", (Act.BLOCK, Act.WARN), Act.BLOCK)
    rules: list[Rule] = []
    expressions: list[ExpressionRule] = []
    places: dict[str, Section] = {}
    if len(root.items("rules")) > MAX_RULES:
        root.fault("rules", f"there are {len(root.items('rules')):,} rules; the limit is {MAX_RULES:,}")
        raise PolicyRefused(faults.all())
    for section in root.sections("rules", "rule"):
        rule = read_rule(section, stages=stages, zone=zone, on_missing=on_missing, on_error=on_error)
        if rule is None:
            continue
        if rule.id in places:
            section.fault("id", f"{rule.id!r} is used twice; first on line {places[rule.id].line}")
        places.setdefault(rule.id, section)
        if isinstance(rule, Rule):
            rules.append(rule)
        else:
            expressions.append(rule)
    if "rules" in root and not root.items("rules"):
        root.fault("rules", "there are no rules", hint="a policy without rules would let everything pass")
    policy = Policy(
        name=root.name("policy", "unnamed"),
        owner=root.text("owner", "nobody"),
        time_zone=zone.key or "UTC",
        stages=stages,
        evidence=read_evidence(root, stages),
        rules=tuple(rules),
        expressions=tuple(expressions),
        score=_score(root),
        valid_for_s=root.spelled("valid_for", spelling.duration_s, DEFAULT_VALID_FOR_S),
        on_missing=on_missing,
        on_error=on_error,
        paths=read_paths(root, stages),
        windows=read_windows(root, stages, zone),
        approvals=read_approvals(root, stages),
        revoke_on=root.choice("revoke_on", tuple(Severity), Severity.INFO) if "revoke_on" in root else None,
        is_by_mail=root.truth("by_mail") is True,
        separation=read_separation(root),
        waiver_limits=read_limits(root),
        applies_to=read_globs(root, "applies_to"),
        extends=ancestors,
    )
    return _with_tests(policy, root, zone), lint.Places(root=root, rules=places)


def _with_tests(policy: Policy, root: Section, zone: ZoneInfo) -> Policy:
    tests = []
    names: set[str] = set()
    for section in root.sections("tests", "test"):
        test = read_test(section, policy, zone)
        if test.name in names:
            section.fault("", f"two tests are called {test.name!r}")
        names.add(test.name)
        tests.append(test)
    return msgspec.structs.replace(policy, tests=tuple(tests))


def _stages(root: Section) -> tuple[str, ...]:
    if "stages" not in root:
        return DEFAULT_STAGES
    stages = root.names("stages") or ()
    if not stages:
        root.fault("stages", "there are no stages")
    return stages or DEFAULT_STAGES


def _score(root: Section) -> ScoreBounds | None:
    section = root.section("score", "score")
    if section is None:
        return None
    wanted = section.spelled("pass", spelling.decimal, "100")
    return ScoreBounds(pass_=wanted, warn=section.spelled("warn", spelling.decimal, wanted))
