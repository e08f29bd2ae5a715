"""Codes become words before a person sees them."""

import msgspec

from gatekeeper.cli.render.words import in_words, problem_words
from gatekeeper.decision import Decision, Mode, Reason, Remedy, RuleResult, Status
from gatekeeper.evidence import Problem

LISTED = (("unaudited", 1),)
RULE = RuleResult(
    id="evidence.sast",
    title="",
    status=Status.MISSING,
    mode=Mode.BLOCK,
    severity=None,
    metric=None,
    actual=None,
    threshold=None,
    warn=None,
    points=None,
    weight=None,
    evidence=(),
    message=Reason(
        code="incomplete",
        params={"problems": LISTED, "kind": "sast", "name": "default"},
        text="sast evidence named default does not prove what it claims: unaudited (1)",
    ),
    remedy=Remedy(
        code="complete-report",
        params={"problems": LISTED},
        text="remove the cause of unaudited (1) and run it again: gatekeeper scan .",
    ),
)


def _with_problem(decision: Decision, problem: Problem) -> Decision:
    evidence = tuple(
        msgspec.structs.replace(item, problems=(problem,), tolerated=()) for item in decision.evidence
    )
    return msgspec.structs.replace(decision, rules=(RULE,), evidence=evidence)


def test_a_reason_tells_problems_in_the_words_of_the_evidence(failing: Decision) -> None:
    """Not `unaudited (1)`: which dependency, where, and why; the remedy does not say it all again."""
    problem = Problem(code="unaudited", params={"count": 1, "what": ("a.txt:3 pytest",)})
    (rule,) = in_words(_with_problem(failing, problem)).rules
    assert rule.message.text == (
        "sast evidence does not prove what it claims: 1 dependency could not be audited: a.txt:3 pytest"
    )
    assert rule.remedy is not None
    assert rule.remedy.text == "remove the cause and run it again: gatekeeper scan ."


def test_a_reason_without_its_evidence_keeps_its_codes(failing: Decision) -> None:
    """A decision file may be of another version; nothing is left out for want of words."""
    (rule,) = in_words(_with_problem(failing, Problem(code="empty"))).rules
    assert rule.message.text.endswith("unaudited (1)")


def test_an_ending_is_told_in_words() -> None:
    """`not-started` is for programs."""
    problem = Problem(code="run-failed", params={"tool": "pip-audit", "ending": "not-started"})
    assert problem_words(problem) == "pip-audit did not finish: not started"


def test_a_time_and_the_name_of_the_nameless_are_told_as_people_say_them(failing: Decision) -> None:
    """Neither `T` nor `+00:00`, nor a name that nobody gave."""
    time = "2024-10-10T17:22:00+00:00"
    message = Reason(
        code="database-stale",
        params={"kind": "sca", "name": "default", "time": time},
        text=f"the vulnerability database of sca evidence default is of {time}, older than 7d",
    )
    decision = msgspec.structs.replace(failing, rules=(msgspec.structs.replace(RULE, message=message),))
    assert in_words(decision).rules[0].message.text == (
        "the vulnerability database of sca evidence is of 2024-10-10 17:22 UTC, older than 7d"
    )
