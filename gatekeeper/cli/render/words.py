"""Words in place of codes, for views: problems, and the reasons that name problems."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gatekeeper.cli.output import one_line
from gatekeeper.decision import Decision, Reason, Remedy
from gatekeeper.evidence import Problem
from gatekeeper.messages import render, render_message
from gatekeeper.messages.problems import PROBLEMS


def problem_words(problem: Problem) -> str:
    """One clean line; the code and the parameters for a problem that another version wrote."""
    try:
        words = render_message(_spelled(problem), PROBLEMS)
    except (KeyError, IndexError, ValueError, TypeError):
        words = f"{problem.code} {dict(problem.params)}"
    return one_line(words, 400)


def in_words(decision: Decision) -> Decision:
    """The decision whose reasons tell problems in the words of the evidence, not by code and count.

    For eyes only: the texts of a stored decision stay those that the engine wrote.
    """
    rules = [
        msgspec.structs.replace(
            rule,
            message=_reason(rule.message, decision),
            remedy=_remedy(rule.remedy) if rule.remedy else None,
        )
        for rule in decision.rules
    ]
    missing = [
        msgspec.structs.replace(item, reason=_reason(item.reason, decision)) for item in decision.missing
    ]
    return msgspec.structs.replace(decision, rules=tuple(rules), missing=tuple(missing))


def _spelled(problem: Problem) -> Problem:
    """An ending such as `not-started` as words."""
    ending = problem.params.get("ending")
    if not isinstance(ending, str):
        return problem
    return Problem(code=problem.code, params={**problem.params, "ending": ending.replace("-", " ")})


def _reason(reason: Reason, decision: Decision) -> Reason:
    text = reason.text
    if reason.params.get("name") == "default":  # the name of what was given no name tells nothing
        text = re.sub(r"(\w evidence)(?: named)? default\b", r"\1", text)
    time = reason.params.get("time")
    if isinstance(time, str):
        text = text.replace(time, _spelled_time(time))
    words = "; ".join(_problems(reason.params, decision))
    listed = _listed(reason.params)
    if words and listed:
        text = text.replace(listed, words)
    return msgspec.structs.replace(reason, text=text)


def _spelled_time(text: str) -> str:
    """An ISO time as people write it; anything else as it is."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except (ValueError, OverflowError):
        return text


def _remedy(remedy: Remedy) -> Remedy:
    """The problems stand in the reason just above, so the remedy need not list them again."""
    listed = _listed(remedy.params)
    if not listed:
        return remedy
    return msgspec.structs.replace(remedy, text=remedy.text.replace(f"the cause of {listed}", "the cause"))


def _problems(params: Mapping[str, Any], decision: Decision) -> Iterable[str]:
    """The problems that a reason names, as the evidence of its kind and name tells them."""
    listed = params.get("problems")
    items = listed if isinstance(listed, list | tuple) else ()
    codes = {item if isinstance(item, str) else item[0] for item in items}
    told = [
        problem_words(problem)
        for item in decision.evidence
        if item.kind == params.get("kind") and item.name == params.get("name")
        for problem in item.problems
        if problem.code in codes and problem.code not in item.tolerated
    ]
    return dict.fromkeys(told)


def _listed(params: Mapping[str, Any]) -> str:
    """The problems of `params` as the engine's text has them."""
    listed = params.get("problems")
    return render("list", {"list": listed}, {"list": "{list}"}) if listed else ""
