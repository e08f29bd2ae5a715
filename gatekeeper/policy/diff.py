"""What two policies differ in: what is new, gone or changed, whether it is tighter, and where."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from gatekeeper.messages import render
from gatekeeper.messages.policy_changes import FORMS, SUBJECTS
from gatekeeper.policy.model import Policy
from gatekeeper.policy.statement import Effect, Key, Statement, effect_between, opposite
from gatekeeper.policy.statements import evidence_statements, rule_statements
from gatekeeper.policy.statements_moving import (
    approval_statements,
    limit_statements,
    path_statements,
    top_statements,
    window_statements,
)


class Form(StrEnum):
    """How a statement differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the two policies say differently."""

    effect: Effect
    form: Form
    code: str
    """Its words stand in `messages/policy_changes.py`."""
    params: dict[str, str]
    stages: tuple[str, ...]
    """Where it differs, in their order; empty: everywhere."""
    was: str | None
    now: str | None
    text: str
    """English."""


@dataclass(frozen=True, kw_only=True)
class _Said:
    """A difference without the stages at which it is made."""

    about: Statement
    form: Form
    effect: Effect
    was: str | None
    now: str | None


SECTIONS: tuple[Callable[[Policy], Iterator[Statement]], ...] = (
    top_statements,
    rule_statements,
    evidence_statements,
    approval_statements,
    window_statements,
    path_statements,
    limit_statements,
)


_PLACES = {code: place for place, code in enumerate(SUBJECTS)}


def differences(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """Everything that differs, section by section; empty when the two say the same.

    `tighter` and `looser` stand only where that follows from the change alone; all else is `changed`. What
    cannot change a decision (name, owner, title, number of tests) is told too, as `changed`.
    """
    stages = (*new.stages, *(stage for stage in old.stages if stage not in new.stages))
    found: list[Difference] = []
    for section in SECTIONS:
        before = {one.key: one for one in section(old)}
        after = {one.key: one for one in section(new)}
        found += _in_section(before, after, stages)
    if not found and old.digest != new.digest:
        # Every field has words; this stands here so that one without them can never read as "no difference".
        rest = Statement(code="rest")
        said = _Said(about=rest, form=Form.CHANGED, effect=Effect.OTHER, was=old.digest, now=new.digest)
        found.append(_difference(said, (), stages))
    return tuple(found)


def _in_section(
    before: Mapping[Key, Statement], after: Mapping[Key, Statement], stages: tuple[str, ...]
) -> list[Difference]:
    """The differences of one section; those that are equal but for the stage are one."""
    merged: dict[_Said, list[str]] = {}
    for key in {**after, **before}:
        said = _said(before.get(key), after.get(key), before, after)
        if said is not None:
            merged.setdefault(said, []).append(key[-1])
    found = []
    for said, holds in merged.items():
        at = tuple(stage for stage in stages if stage in holds)
        one = _difference(said, at, stages)
        found.append((_order(said.about, stages, at), one))
    return [one for _, one in sorted(found, key=lambda pair: (pair[0], pair[1].text))]


def _order(about: Statement, stages: tuple[str, ...], at: tuple[str, ...]) -> tuple[str, int, int]:
    """By what it is about, as rule and role, then as the table of words has it, then by stage."""
    subject = about.names[0][1] if about.names else ""
    return (subject, _PLACES[about.code], stages.index(at[0]) if at else -1)


def _said(
    was: Statement | None,
    now: Statement | None,
    before: Mapping[Key, Statement],
    after: Mapping[Key, Statement],
) -> _Said | None:
    """How a statement differs; None when it does not, or when that goes without saying."""
    one = now or was
    if one is None or not one.is_told:
        return None
    if one.parent is not None and not (one.parent in before and one.parent in after):
        return None
    if was is None:
        form, effect = Form.ADDED, one.adds
    elif now is None:
        form, effect = Form.REMOVED, opposite(one.adds)
    elif was.value == now.value or one.is_whole:
        return None
    else:
        form, effect = Form.CHANGED, effect_between(was.strict, now.strict)
    return _Said(
        about=Statement(code=one.code, names=one.names),
        form=form,
        effect=effect,
        was=was.value if was else None,
        now=now.value if now else None,
    )


def _difference(said: _Said, at: tuple[str, ...], stages: tuple[str, ...]) -> Difference:
    params = dict(said.about.names)
    where = " at every stage" if at == stages else f" at {', '.join(at)}" if at else ""
    words = {
        "what": render(said.about.code, params, SUBJECTS) + where,
        "now": said.now or "",
        "was": said.was or "",
        "now_said": f": {said.now}" if said.now else "",
        "was_said": f": {said.was}" if said.was else "",
    }
    return Difference(
        effect=said.effect,
        form=said.form,
        code=said.about.code,
        params=params,
        stages=at,
        was=said.was,
        now=said.now,
        text=render(said.form, words, FORMS),
    )
