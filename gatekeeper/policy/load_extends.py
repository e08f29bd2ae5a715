"""`extends:`: a pinned policy, and how a file is laid over it.

base@7                          version 7 that a server gave to `base`
base@sha256:0123456789ab        the content whose digest begins so
"""

import re
from collections.abc import Callable, Mapping

import msgspec

from gatekeeper.decision import Mode
from gatekeeper.errors import GatekeeperError
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.keys import PIN_PATTERN
from gatekeeper.policy.section import Faults, Section
from gatekeeper.policy.tree import Value, join

MAX_ANCESTORS = 8
PIN_DIGITS = 12
"""Hex digits of a digest that are enough, and that are proposed."""

_OWN = frozenset({"policy", "owner", "extends", "applies_to", "loosen_reason", "tests"})
"""Keys that a policy never takes over from the one that it extends."""
_WHOLE = frozenset({"only_if", "needs"})
"""Keys of a rule whose mapping is replaced as a whole: a part of it would change the meaning of the rest."""
_BESIDE = frozenset({"id", "override", "loosen_reason"})


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """Which content of a policy is meant; exactly one of the two is set."""

    version: int | None = None
    digest: str | None = None
    """`sha256:` and at least 12 hex digits with which the digest begins."""

    def __str__(self) -> str:
        return self.digest or str(self.version)


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that was found for a name and a pin."""

    data: bytes
    file: str
    """Its name in messages."""
    version: int | None = None
    """The number that a server gave it; None for a file, which has none."""


Resolve = Callable[[str, Pin], Resolved]
"""Finds a policy by name and pin, or raises `Unresolved`. What it finds is checked against the pin."""


class Unresolved(GatekeeperError):
    """No policy is there for a name and a pin."""

    code = "policy-unresolved"


def unresolved(name: str, pin: Pin) -> Resolved:
    """The resolver of those who have no other policies.

    Raises:
        Unresolved: always.
    """
    raise Unresolved(f"{name}@{pin} cannot be looked up here")


def read_pin(root: Section) -> tuple[str, Pin] | None:
    """Name and pin at `extends`; None when the key is absent or malformed (noted)."""
    if "extends" not in root:
        return None
    text = root.text("extends", "")
    if not re.fullmatch(PIN_PATTERN, text):
        if text:
            hint = "write name@version, or name@sha256: and at least 12 hex digits of its digest"
            root.fault("extends", f"{text!r} is not a pinned policy", hint=hint)
        return None
    name, _, pin = text.partition("@")
    return name, Pin(digest=pin) if pin.startswith("sha256:") else Pin(version=int(pin))


def laid_over(child: Value, parent: Value, faults: Faults) -> Value:
    """The file `child` with everything that it takes over from `parent`, each part with its own place.

    Mappings are merged, lists and single values replaced, rules added; `override` changes a rule. The keys
    in it that are wrong are noted in `faults`.
    """
    if not isinstance(child.content, dict) or not isinstance(parent.content, dict):
        return child
    below = {key: value for key, value in parent.content.items() if key not in _OWN}
    merged = overlay(msgspec.structs.replace(parent, content=below), child)
    content = dict(merged.content) if isinstance(merged.content, dict) else {}
    content["rules"] = _rules(child, content.get("rules"), parent.content.get("rules"), faults)
    return msgspec.structs.replace(child, content=content)


def overlay(below: Value, above: Value, *, whole: frozenset[str] = frozenset()) -> Value:
    """`above` where it says something, else `below`; mappings under the keys in `whole` are not merged."""
    if not isinstance(below.content, dict) or not isinstance(above.content, dict):
        return above
    content = dict(below.content)
    for key, value in above.content.items():
        old = content.get(key)
        content[key] = value if old is None or key in whole else overlay(old, value)
    return msgspec.structs.replace(above, content=content)


def rules_by_id(rules: Value | None) -> Mapping[str, Value]:
    """The entries of a list of rules that have an id; the first one of each."""
    found: dict[str, Value] = {}
    for item in rules.content if rules is not None and isinstance(rules.content, tuple) else ():
        rule_id = item.content.get("id") if isinstance(item.content, dict) else None
        if rule_id is not None and isinstance(rule_id.content, str):
            found.setdefault(rule_id.content, item)
    return found


def _rules(child: Value, rules: Value | None, below: Value | None, faults: Faults) -> Value:
    """The list of rules: those below, changed where an override says so, then the new ones."""
    if rules is None or below is None or not isinstance(below.content, tuple):
        return rules or below or msgspec.structs.replace(child, path=join(child.path, "rules"), content=())
    if rules is below:
        return below
    if not isinstance(rules.content, tuple):
        return rules
    known = dict(rules_by_id(below))
    changed: set[str] = set()
    added = []
    for item in rules.content:
        rule_id = _id(item)
        if isinstance(item.content, dict) and "override" in item.content:
            changed |= _override(item, rule_id, known, changed, faults)
        elif rule_id in known:
            hint = "write what changes into `override: {...}`, or take another id"
            faults.add(item, f"the extended policy has a rule {rule_id!r} already", hint=hint)
        else:
            added.append(item)
    return msgspec.structs.replace(rules, content=(*known.values(), *added))


def _override(
    item: Value, rule_id: str, known: dict[str, Value], changed: set[str], faults: Faults
) -> set[str]:
    """Change the rule of this id in `known`; comes back with its id, or with nothing when it is refused."""
    section = Section(item, faults, "rule")
    if rule_id not in known:
        section.fault("id", f"the extended policy has no rule {rule_id!r}", hint=nearest(rule_id, known))
        return set()
    if rule_id in changed:
        section.fault("id", f"{rule_id!r} is overridden twice")
    content = item.content if isinstance(item.content, dict) else {}
    for key in sorted(set(content) - _BESIDE):
        section.fault(key, "stands beside `override`", hint="put it into `override`")
    section.section("override", "override")
    above = content["override"]
    if above.content == {}:
        section.fault("override", "changes nothing")
    if isinstance(above.content, dict):
        entries = above.content | {key: content[key] for key in ("loosen_reason",) if key in content}
        below = _without_weight(known[rule_id], entries)
        known[rule_id] = overlay(below, msgspec.structs.replace(item, content=entries), whole=_WHOLE)
    return {rule_id}


def _without_weight(below: Value, above: Mapping[str, Value]) -> Value:
    """The rule below, without the weight that it loses when it is no longer a rule of `mode: score`."""
    mode = above.get("mode")
    if mode is None or mode.content == Mode.SCORE or not isinstance(below.content, dict):
        return below
    content = {key: value for key, value in below.content.items() if key != "weight"}
    return msgspec.structs.replace(below, content=content)


def _id(item: Value) -> str:
    found = item.content.get("id") if isinstance(item.content, dict) else None
    return found.content if found is not None and isinstance(found.content, str) else ""
