"""What a policy may not do to the one that it extends without saying why.

Tightening is free. A looser part needs `loosen_reason` at its place in the file: in the entry of the rule, of
the kind of evidence, of the path, of the window, in `waiver_limits`, and for all else at the top.
"""

from fractions import Fraction

from gatekeeper.decision import Mode
from gatekeeper.evidence import Kind, Trust
from gatekeeper.finding import Severity
from gatekeeper.policy.load_extends import rules_by_id
from gatekeeper.policy.loosened_rules import expression_loosened, rule_loosened
from gatekeeper.policy.loosened_signing import path_loosened, signing_loosened
from gatekeeper.policy.loosened_windows import window_loosened
from gatekeeper.policy.model import Policy, Requirement
from gatekeeper.policy.promotion import STANDARD, Inline, WaiverLimits
from gatekeeper.policy.section import Faults, Section
from gatekeeper.policy.spelling import shown_duration

LEVELS = tuple(Trust)
WEAKER_ACT = ("block", "warn", "skip")


def check_loosening(parent: Policy, child: Policy, root: Section, faults: Faults) -> None:
    """Note, in the child's own file `root`, every place at which it is looser without `loosen_reason`."""
    places = _Places(root, faults)
    for rule in parent.rules:
        now = next((one for one in child.rules if one.id == rule.id), None)
        if now is not None:
            for words in rule_loosened(rule, now, parent, child):
                places.note(places.rule(rule.id), words)
    for expression in parent.expressions:
        changed = next((one for one in child.expressions if one.id == expression.id), None)
        if changed is not None:
            for words in expression_loosened(expression, changed, parent, child):
                places.note(places.rule(expression.id), words)
    for rule_id, words in _diluted(parent, child):
        places.note(places.rule(rule_id), words)
    for kind in Kind:
        for words in _evidence(parent.requirement(kind), child.requirement(kind), child):
            places.note(places.entry("evidence", kind), words)
    for window in parent.windows:
        for words in window_loosened(window, child.window(window.stage)):
            places.note(places.entry("windows", window.stage), words)
    for words in _limits(parent.waiver_limits, child.waiver_limits):
        places.note(places.section("waiver_limits"), words)
    _check_paths(parent, child, places)
    for key, words in _top(parent, child):
        places.note(None, words, key=key)


class _Places:
    """The parts of the child's file, and which of them say why they are looser."""

    def __init__(self, root: Section, faults: Faults) -> None:
        self._root, self._faults = root, faults
        self._rules = rules_by_id(root.at("rules"))

    def rule(self, rule_id: str) -> Section | None:
        """The entry of the rule."""
        value = self._rules.get(rule_id)
        return None if value is None else Section(value, self._faults, None)

    def section(self, key: str) -> Section | None:
        """A mapping at the top."""
        return self._root.section(key, None)

    def entry(self, key: str, name: str) -> Section | None:
        """A mapping within a mapping at the top."""
        outer = self._root.section(key, None)
        return None if outer is None else outer.section(name, None)

    def note(self, place: Section | None, words: str, *, key: str = "") -> None:
        """A fault at the place, or at the top when the file has no such place, unless it says why."""
        where = self._root if place is None else place
        if not where.text("loosen_reason", ""):
            side = "beside it" if place is not None else "at the top of the file"
            hint = f"tighten it, or write `loosen_reason` {side} when this is meant"
            where.fault(key, f"looser than the extended policy: {words}", hint=hint)


def _diluted(parent: Policy, child: Policy) -> list[tuple[str, str]]:
    """Rules that now share in the score, so that a failure of the others lowers it less."""
    before = {rule.id for rule in parent.all_rules if rule.mode is Mode.SCORE}
    return [
        (rule.id, "one more rule of `mode: score`, so the others count for less")
        for rule in child.all_rules
        if before and rule.mode is Mode.SCORE and rule.id not in before
    ]


def _evidence(old: Requirement, new: Requirement, policy: Policy) -> list[str]:
    """How less is demanded of one kind of evidence."""
    found = []
    if old.from_stage and (new.from_stage is None or not policy.reaches(old.from_stage, new.from_stage)):
        found.append(f"demanded from {new.from_stage}, not from {old.from_stage}")
    for words, before, after in (("names", old.names, new.names), ("tools", old.tools, new.tools)):
        if gone := sorted(set(before) - set(after)):
            found.append(f"{words} without {', '.join(gone)}")
    for key, age, longer in (
        ("max_age", old.max_age_s, new.max_age_s),
        ("db_max_age", old.db_max_age_s, new.db_max_age_s),
    ):
        if age is not None and (longer is None or longer > age):
            limit = "no limit" if longer is None else shown_duration(longer)
            found.append(f"{key} {limit}, not {shown_duration(age)}")
    if old.bind is not new.bind:
        found.append(f"bound to the {new.bind}, not to the {old.bind}")
    for code, count in new.allow.items():
        most = old.allow.get(code, 0)
        if most is not None and (count is None or count > most):
            found.append(f"allows {code}: {'any' if count is None else count}, not {most}")
    for stage in policy.stages:
        if _trust(new, stage, policy) < _trust(old, stage, policy):
            found.append(f"trusts {LEVELS[_trust(new, stage, policy)]} senders at {stage}")
            break
    if old.protected_from and (
        new.protected_from is None or not policy.reaches(old.protected_from, new.protected_from)
    ):
        found.append(f"a protected ref is demanded from {new.protected_from or 'no stage'} on")
    return found


def _trust(requirement: Requirement, stage: str, policy: Policy) -> int:
    levels = [
        LEVELS.index(level) for start, level in requirement.trust.items() if policy.reaches(stage, start)
    ]
    return max(levels, default=0)


def _limits(old: WaiverLimits, new: WaiverLimits) -> list[str]:
    found = []
    if new.max_days > old.max_days:
        found.append(f"max_days {new.max_days}, not {old.max_days}")
    for severity in Severity:
        days, before = _days(new, severity), _days(old, severity)
        if days > before and not (new.max_days > old.max_days and days == new.max_days):
            found.append(f"{days} days for {severity}, not {before}")
    if old.approved_by_role not in (None, new.approved_by_role):
        found.append(f"granted by {new.approved_by_role or 'anybody'}, not by {old.approved_by_role}")
    if old.inline is Inline.REFUSE and new.inline is not Inline.REFUSE:
        found.append("suppressions in the source count")
    return found


def _days(limits: WaiverLimits, severity: Severity) -> int:
    shorter = [days for floor, days in limits.days_by_severity.items() if severity.at_least(floor)]
    return min([limits.max_days, *shorter])


def _check_paths(parent: Policy, child: Policy, places: _Places) -> None:
    for words in signing_loosened(parent.approvals, child.approvals):
        places.note(None, words, key="approvals")
    standard = parent.path(STANDARD)
    for path in child.paths:
        before = parent.path(path.name)
        # A new path takes releases from the standard one, so it may not be looser than that.
        against = before or standard
        if against is not None:
            for words in path_loosened(against, path, parent, child, is_new=before is None):
                places.note(places.entry("paths", path.name), words)


def _top(parent: Policy, child: Policy) -> list[tuple[str, str]]:
    found = []
    if child.valid_for_s > parent.valid_for_s:
        longest = shown_duration(parent.valid_for_s)
        found.append(("valid_for", f"{shown_duration(child.valid_for_s)}, not {longest}"))
    for key, act, before in (
        ("on_missing", child.on_missing, parent.on_missing),
        ("on_error", child.on_error, parent.on_error),
    ):
        if WEAKER_ACT.index(act) > WEAKER_ACT.index(before):
            found.append((key, f"{act}, not {before}"))
    if parent.score is not None and child.score is not None:
        for bound, new, old in (
            ("pass", child.score.pass_, parent.score.pass_),
            ("warn", child.score.warn, parent.score.warn),
        ):
            if Fraction(new) < Fraction(old):
                found.append(("score", f"{bound} {new}, not {old}"))
    if child.time_zone != parent.time_zone and any(w.openings or w.holidays for w in parent.windows):
        found.append(("time_zone", f"its windows were meant for {parent.time_zone}"))
    was, floor = parent.revoke_on, child.revoke_on
    if was is not None and floor is not None and not was.at_least(floor):
        found.append(("revoke_on", f"{floor}, not {was}"))
    is_signed = bool(parent.approvals) or any(path.approvals for path in parent.paths)
    if child.is_by_mail and not parent.is_by_mail and is_signed:
        found.append(("by_mail", "people may sign by mail"))
    gone = set(parent.separation.approver_is_not) - set(child.separation.approver_is_not)
    if gone:
        found.append(("separation", f"{', '.join(sorted(gone))} may approve"))
    if parent.separation.distinct_people and not child.separation.distinct_people:
        found.append(("separation", "one person may sign in several roles"))
    return found
