"""The order of remedies: the least work first."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from gatekeeper.decision import Remedy
from gatekeeper.evidence import Ratio
from gatekeeper.finding import Package
from gatekeeper.messages.remedies import REMEDIES
from gatekeeper.policy.effort import EFFORTS, effort_of


def test_every_remedy_has_one_place():
    """A new code is put into the order by whoever adds it."""
    assert Counter(code for effort in EFFORTS for code in effort.codes) == Counter(list(REMEDIES))


def test_the_order():
    """A word costs less than waiting, that less than a report, and writing tests costs much."""
    assert [effort.name for effort in EFFORTS] == snapshot(
        ["say", "wait", "supply", "upgrade", "ask-for-policy", "fix", "mend-tests", "cover", "reach"]
    )
    assert all(effort.why for effort in EFFORTS)


def test_of_the_same_work_the_smaller_comes_first():
    """Three lines before thirty, one package before two, and what nobody can do comes last."""
    few, many = (Remedy(code="cover-lines", params={"lines": n, "files": (("a", n),)}) for n in (3, 30))
    one = Remedy(code="upgrade-packages", params={"packages": (("a 1 -> 2", 9),)})
    two = Remedy(code="upgrade-packages", params={"packages": (("a 1 -> 2", 1), ("b 1 -> 2", 1))})
    sign = Remedy(code="sign", params={"role": "ops", "count": 2})
    given_order = [None, many, Remedy(code="of-tomorrow"), two, few, sign, one]
    assert sorted(given_order, key=effort_of) == [sign, one, two, few, many, None, Remedy(code="of-tomorrow")]


@given(st.permutations(sorted(REMEDIES)))
def test_the_order_does_not_depend_on_the_order(codes):
    """Whatever order rules stand in, the steps come out in theirs."""
    steps = [
        effort_of(Remedy(code=code))[0] for code in sorted(codes, key=lambda c: effort_of(Remedy(code=c)))
    ]
    assert steps == sorted(steps)


def test_the_score_asks_for_the_least_work(make):
    """Two rules gain the same: an upgrade is named before lines to cover."""
    policy = make.policy(
        """
        - {id: a-lines, metric: coverage.line, pass: ">= 80", mode: score}
        - {id: b-upgrade, metric: sca.total, pass: "== 0", mode: score}
        """,
        "stages: [develop]\nscore: {pass: 50, warn: 50}",
    )
    package = Package(ecosystem="PyPI", name="lxml", version="5.0", fixed_versions=("5.1",))
    decision = make.decide(
        policy,
        make.evidence("coverage", {"coverage.line": Ratio(1, 2)}),
        make.evidence("sca", findings=[make.finding("1", package=package, advisory="CVE-1")]),
    )
    (why,) = decision.reasons
    assert (why.code, why.params["rules"]) == ("score-too-low", ("b-upgrade",))
