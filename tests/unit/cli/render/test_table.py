"""The view for a person: what it says, in every terminal."""

import msgspec
import pytest
from inline_snapshot import snapshot

from gatekeeper.cli.render.screen import Screen
from gatekeeper.cli.render.table import render
from gatekeeper.decision import Decision, Outcome, Reason, Status

PLAIN = Screen(width=96)


def test_a_failed_decision_says_what_to_do(failing: Decision) -> None:
    """Verdict, what stops it, what to do, then all that backs it."""
    shown = render(failing, screen=PLAIN, reproduce="gatekeeper evaluate reports --stage uat")
    assert shown == snapshot("""\
✗ FAIL  pay/api may not enter uat  ·  score 50.00 (1.5 of 3 points)
policy base  ·  commit a1b2c3d4e5f6  ·  ref main  ·  rules: 2 failing, 1 warning, 1 passed
not a gate

Why
  ✗  the score is 50.00, uat needs 90
  ?  uat demands coverage, none was given

Stops it
  ✗  fail     sast-high  No high finding in our code
              sast.high is 2, must be == 0
              2 open findings of severity high
              → to do: fix app/pay.py:21 and app/refund.py:13

Costs points
  ?  missing, -2  cov-line  Line coverage of the whole project
                  coverage.line is unknown, must be >= 80
                  no coverage report was given
                  → to do: run the tests with coverage and give coverage.xml

Warnings
  !  warn     tests-skipped
              tests.skipped is 4, must be == 0

Will change
  -  tests-flaky counts (block) from 2026-12-23 02:50 UTC; today it would say fail

Other rules
  ✓  1 passed    tests-pass
  -  1 observed  tests-flaky
  -  1 skipped   cov-new

Evidence
  !  sast     reports/bandit.json  incomplete, used  bandit, claimed  sha256:abababababab
              the file is empty (tolerated by the policy)

Proof
  as of    2026-11-23T02:50:00Z, valid until 2026-11-24 02:50:00 UTC
  digests  inputs sha256:0c0c0c0c0c0c, outputs sha256:0d0d0d0d0d0d
  note     This shows what a gate would say. It is not a gate: nothing was stored or signed, and
           whoever ran it chose the files and the policy.

To see it again
  gatekeeper evaluate reports --stage uat
""")


def test_a_pass_is_calm(failing: Decision) -> None:
    """Nothing to do: the verdict, and everything else folded."""
    passed = tuple(rule for rule in failing.rules if rule.status is Status.PASS)
    decision = msgspec.structs.replace(
        failing,
        outcome=Outcome.PASS,
        allowed=True,
        gate=True,
        rules=passed,
        reasons=(),
        missing=(),
        would_change=(),
        score=None,
        score_arithmetic=None,
    )
    shown = render(decision, screen=PLAIN)
    assert shown == snapshot("""\
✓ PASS  pay/api may enter uat  ·  no score (no rule of the stage is scored)
policy base  ·  commit a1b2c3d4e5f6  ·  ref main  ·  rules: 1 passed

Other rules
  ✓  1 passed  tests-pass

Evidence
  !  sast     reports/bandit.json  incomplete, used  bandit, claimed  sha256:abababababab
              the file is empty (tolerated by the policy)

Proof
  as of    2026-11-23T02:50:00Z, valid until 2026-11-24 02:50:00 UTC
  digests  inputs sha256:0c0c0c0c0c0c, outputs sha256:0d0d0d0d0d0d
""")


def test_details_show_whole_digests_and_points(failing: Decision) -> None:
    """`explain` leaves nothing to guess."""
    shown = render(failing, screen=PLAIN, details=True)
    assert failing.digests.outputs in shown
    assert failing.policy.digest in shown
    assert failing.evidence[0].digest in shown
    assert "Points" in shown


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_lines_fit_the_terminal(failing: Decision, width: int) -> None:
    """No line is wider than the window, and no word of the reasons is lost."""
    shown = render(failing, screen=Screen(width=width))
    assert max(map(len, shown.splitlines())) <= width
    assert "sast-high" in shown


def test_colour_adds_nothing_but_colour(failing: Decision) -> None:
    """Without its ANSI sequences the coloured view is the plain one."""
    import re

    colored = render(failing, screen=Screen(width=96, color=True))
    assert "\x1b[" in colored
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    squeezed = "".join(line.rstrip() + "\n" for line in stripped.splitlines())
    assert squeezed == render(failing, screen=PLAIN)


def test_an_ascii_terminal_gets_ascii(failing: Decision) -> None:
    """Signs have a plain form."""
    shown = render(failing, screen=Screen(width=96, unicode=False))
    assert shown.isascii()
    assert shown.startswith("x FAIL  pay/api may not enter uat")


def test_hostile_text_cannot_steer_the_terminal(failing: Decision, hostile: str) -> None:
    """Escapes in anything that came from a report or a policy are taken out."""
    rules = tuple(
        msgspec.structs.replace(
            rule, title=hostile, message=Reason(code="x", text=hostile), actual=hostile, metric=hostile
        )
        for rule in failing.rules
    )
    uses = tuple(msgspec.structs.replace(item, job=hostile, name=hostile) for item in failing.evidence)
    decision = msgspec.structs.replace(failing, rules=rules, evidence=uses)
    shown = render(decision, screen=PLAIN, reproduce=hostile)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
