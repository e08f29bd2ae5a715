"""What is never a pass: evidence that is missing, old, of something else, damaged or less than before."""

from datetime import timedelta

import pytest
from inline_snapshot import snapshot

from gatekeeper.decision import Outcome
from gatekeeper.evidence import Database, Problem, State, Use
from gatekeeper.subject import Source, Subject

RULES = '- {id: t, metric: tests.failed, pass: "== 0"}'
SCA = '- {id: s, metric: sca.total, pass: "== 0"}'
OTHER = Source(tree="2" * 40)


def why(make, decision, rule_id):
    """Outcome, status and words of one rule."""
    rule = make.rule(decision, rule_id)
    return str(decision.outcome), str(rule.status), rule.message.text


def green(make, **how):
    """Tests without a failure."""
    return make.evidence("tests", {"tests.failed": 0, "tests.total": 9}, **how)


def test_a_demanded_name_that_is_absent(make):
    """Each name in the file must be there; one good report does not stand for the other."""
    policy = make.policy(RULES, "evidence: {tests: {names: [unit, e2e]}}\nstages: [develop]")
    decision = make.decide(policy, green(make))
    assert {r.id: str(r.status) for r in decision.rules} == snapshot(
        {"evidence.tests/e2e": "missing", "evidence.tests/unit": "pass", "t": "missing"}
    )
    assert why(make, decision, "t") == snapshot(("fail", "missing", "there is no tests evidence named e2e"))
    assert make.decide(policy, green(make), green(make, name="e2e")).allowed


def test_a_name_of_the_baseline_that_is_gone(make):
    """Dropping the red report of two does not make the build green."""
    policy = make.policy(RULES)
    decision = make.decide(policy, green(make), baseline=[green(make), green(make, name="e2e")])
    assert why(make, decision, "t") == snapshot(
        ("fail", "missing", "tests evidence named e2e is gone: the baseline had it")
    )
    assert ("tests", "e2e") in [(str(m.kind), m.name) for m in decision.missing]


def test_a_rename_can_be_allowed(make):
    """`allow: {name-gone: 1}` lets one name of the baseline go, and the decision lists it."""
    policy = make.policy(RULES, "evidence: {tests: {allow: {name-gone: 1}}}\nstages: [develop]")
    gone = [green(make, name="old")]
    decision = make.decide(policy, green(make), baseline=gone)
    assert (decision.outcome, str(make.rule(decision, "evidence.tests/old").status)) == ("pass", "skipped")
    assert not make.decide(policy, green(make), baseline=[*gone, green(make, name="older")]).allowed


def test_evidence_of_another_source(make):
    """It is listed as mismatched and not used, also when it is newer."""
    decision = make.decide(make.policy(RULES), green(make, source=OTHER))
    assert why(make, decision, "t") == snapshot(
        ("fail", "missing", "tests evidence named unit is about another source or artifact")
    )
    assert [e.use for e in decision.evidence] == [Use.MISMATCHED]
    red = make.evidence("tests", {"tests.failed": 1})
    decision = make.decide(make.policy(RULES), red, green(make, source=OTHER, order=2))
    assert (decision.outcome, [str(e.use) for e in decision.evidence]) == ("fail", ["used", "mismatched"])


def test_an_artifact_without_a_source(make):
    """An artifact that nothing links to the source says nothing about it."""
    decision = make.decide(make.policy(RULES), green(make, source=None))
    assert (decision.outcome, [e.use for e in decision.evidence]) == ("fail", [Use.UNLINKED])
    container = make.policy('- {id: c, metric: container.total, pass: "== 0"}')
    for artifact, use in ((None, "unlinked"), ("sha256:" + "b" * 64, "mismatched")):
        decision = make.decide(container, make.evidence("container", artifact=artifact, source=make.source))
        assert (str(decision.outcome), str(decision.evidence[0].use)) == ("fail", use)
    assert make.decide(container, make.evidence("container", source=OTHER)).allowed
    unnamed = Subject(project="pay/api", source=make.source)
    assert not make.decide(container, make.evidence("container", artifact=None), subject=unnamed).allowed


def test_binding_can_be_chosen(make):
    """`bind: artifact` demands the tests of the built thing."""
    policy = make.policy(RULES, "evidence: {tests: {bind: artifact}}\nstages: [develop]")
    assert make.decide(policy, green(make, source=None)).allowed
    assert not make.decide(policy, green(make, artifact=None)).allowed


def test_without_git_only_evidence_without_source_fits(make):
    """Where no source is known, neither side may claim one."""
    local = Subject(project="local")
    policy = make.policy(RULES)
    assert make.decide(policy, green(make, source=None, artifact=None), subject=local).allowed
    assert not make.decide(policy, green(make), subject=local).allowed
    assert not make.decide(policy, green(make, source=None, artifact=None)).allowed


@pytest.mark.parametrize(
    ("age", "allowed"), [(timedelta(hours=24), True), (timedelta(hours=24, microseconds=1), False)]
)
def test_perishable_evidence_ages(make, age, allowed):
    """A dependency scan is good for exactly 24 hours unless the file says otherwise."""
    decision = make.decide(make.policy(SCA), make.evidence("sca", age=age))
    assert decision.allowed is allowed
    assert decision.evidence[0].use is (Use.USED if allowed else Use.STALE)


def test_the_words_for_old_evidence(make):
    """They say when it was made, how old it may be, and what to run."""
    decision = make.decide(make.policy(SCA), make.evidence("sca", age=timedelta(days=3)))
    assert why(make, decision, "s") == snapshot(
        ("fail", "missing", "sca evidence named unit is of 2026-11-20T12:00:00+00:00, older than 24h")
    )
    assert make.rule(decision, "s").remedy.text == snapshot("run it again: gatekeeper scan .")


def test_the_time_in_the_report_counts_when_it_is_older(make):
    """Sending an old report again does not make it young."""
    evidence = make.evidence("sca", produced_at=make.as_of - timedelta(days=2))
    assert not make.decide(make.policy(SCA), evidence).allowed


def test_other_evidence_ages_only_when_the_file_says_so(make):
    """Tests are bound to their source; their age matters where it is written."""
    old = green(make, age=timedelta(days=300))
    assert make.decide(make.policy(RULES), old).allowed
    assert not make.decide(
        make.policy(RULES, "evidence: {tests: {max_age: 7d}}\nstages: [develop]"), old
    ).allowed


@pytest.mark.parametrize(("ahead", "allowed"), [(300, True), (301, False)])
def test_a_time_in_the_future(make, ahead, allowed):
    """More than five minutes ahead is a wrong clock, so the age is unknown and nothing is fresh."""
    evidence = make.evidence("sca", produced_at=make.as_of + timedelta(seconds=ahead))
    decision = make.decide(make.policy(SCA), evidence)
    assert decision.allowed is allowed
    assert [p.code for p in decision.evidence[0].problems] == ([] if allowed else ["clock-skew"])


def test_the_age_of_the_vulnerability_database(make):
    """Too old is stale, unknown is missing, partial is incomplete; only a fresh whole one is proof."""
    policy = make.policy(SCA, "evidence: {sca: {db_max_age: 48h}}\nstages: [develop]")

    def reason(age=None, **how):
        newest = None if age is None else make.as_of - age
        database = Database(
            **{"digest": "sha256:" + "d" * 64, "records": 9, "newest_at": newest, "is_complete": True} | how
        )
        decision = make.decide(policy, make.evidence("sca", database=database))
        return make.rule(decision, "s").message.code

    assert reason(timedelta(hours=48)) == "holds"
    assert reason(timedelta(hours=48, microseconds=1)) == "database-stale"
    assert reason(timedelta(minutes=-6)) == "clock-skew"
    assert reason() == "database-unknown"
    assert reason(timedelta(), is_complete=False) == "incomplete"
    assert reason(timedelta(), records=0) == "incomplete"
    assert make.rule(make.decide(policy, make.evidence("sca")), "s").message.code == "database-unknown"


def test_an_unknown_database_is_let_through_only_by_name(make):
    """`allow: {database-unknown: any}` is shown in the decision, and a known date is judged all the same."""
    policy = make.policy(
        SCA, "evidence: {sca: {db_max_age: 48h, allow: {database-unknown: any}}}\nstages: [develop]"
    )
    unknown = make.decide(policy, make.evidence("sca"))
    assert unknown.allowed
    assert unknown.evidence[0].tolerated == ("database-unknown",)
    old = Database(
        digest="sha256:" + "d" * 64, records=9, newest_at=make.as_of - timedelta(days=3), is_complete=True
    )
    decision = make.decide(policy, make.evidence("sca", database=old))
    assert not decision.allowed
    assert make.rule(decision, "s").message.code == "database-stale"


@pytest.mark.parametrize("state", [State.UNREADABLE, State.FAILED, State.INCOMPLETE])
def test_a_newer_bad_report_hides_the_older_good_one(make, state):
    """The newest receipt of a slot is current, whatever its state."""
    bad = make.evidence(
        "tests", order=2, state=state, problems=(Problem(code="unparsed", params={"count": 2}),)
    )
    decision = make.decide(make.policy(RULES), green(make), bad)
    assert decision.outcome is Outcome.FAIL
    assert [str(e.use) for e in decision.evidence] == ["superseded", "used"]


def test_the_words_for_a_report_that_proves_nothing(make):
    """They give the problems with their counts."""
    texts = []
    for state, problems in (
        (State.INCOMPLETE, (Problem(code="files-not-scanned", params={"files": 12}),)),
        (State.FAILED, (Problem(code="cannot-run", params={"detail": "no python"}),)),
        (State.UNREADABLE, (Problem(code="empty"),)),
        (State.INCOMPLETE, ()),
    ):
        decision = make.decide(make.policy(SCA), make.evidence("sca", state=state, problems=problems))
        assert decision.outcome is Outcome.FAIL
        texts.append(make.rule(decision, "s").message.text)
    assert texts == snapshot(
        [
            "sca evidence named unit does not prove what it claims: files-not-scanned (12)",
            "the tool behind sca evidence named unit did not finish: cannot-run",
            "sca evidence named unit cannot be read: empty",
            "sca evidence named unit does not prove what it claims: no reason given",
        ]
    )


@pytest.mark.parametrize(
    ("allow", "state", "problems", "allowed"),
    [
        ("unparsed: 3", "incomplete", [("unparsed", 3)], True),
        ("unparsed: 3", "incomplete", [("unparsed", 4)], False),
        ("unparsed: 3", "incomplete", [("unparsed", 2), ("unparsed", 2)], False),
        ("unparsed: 3", "incomplete", [("unparsed", None)], False),
        ("unparsed: any", "incomplete", [("unparsed", None)], True),
        ("unparsed: any", "incomplete", [("unparsed", 1), ("files-not-scanned", 1)], False),
        ("unparsed: any", "incomplete", [], False),
        ("unparsed: 3", "incomplete", [("unparsed", 3), ("no-time-zone", None)], True),
        ("unparsed: 3", "incomplete", [("no-time-zone", None)], False),
        ("unparsed: any", "failed", [("unparsed", 1)], False),
        ("unparsed: any", "unreadable", [("unparsed", 1)], False),
    ],
)
def test_tolerance(make, allow, state, problems, allowed):
    """Only what `allow` names, only so many, only in reports that were read to the end."""
    policy = make.policy(SCA, f"evidence: {{sca: {{allow: {{{allow}}}}}}}\nstages: [develop]")
    found = tuple(Problem(code=code, params={} if n is None else {"count": n}) for code, n in problems)
    assert make.decide(policy, make.evidence("sca", state=State(state), problems=found)).allowed is allowed


def test_two_jobs_are_united(make):
    """The green report of one job does not hide the red one of another."""
    red = make.evidence("tests", {"tests.failed": 1}, job="b")
    assert not make.decide(make.policy(RULES), green(make, job="a"), red).allowed
    assert not make.decide(make.policy(RULES), red, green(make, job="c")).allowed


def test_two_reports_of_one_slot_with_the_same_order_both_count(make):
    """Where neither is newer, neither may hide the other."""
    red = make.evidence("tests", {"tests.failed": 1})
    assert not make.decide(make.policy(RULES), green(make), red).allowed


def test_one_bad_report_of_a_kind_spoils_the_union(make):
    """A rule over all tests cannot be answered while one of the reports proves nothing."""
    bad = make.evidence("tests", job="b", state=State.INCOMPLETE, problems=(Problem(code="no-data"),))
    decision = make.decide(make.policy(RULES), green(make, job="a"), bad)
    assert (decision.outcome, str(make.rule(decision, "t").status)) == ("fail", "missing")


def test_demanded_tools(make):
    """Each tool that the file names must have reported."""
    policy = make.policy(
        '- {id: s, metric: sast.total, pass: "== 0"}',
        "evidence: {sast: {tools: [bandit, semgrep]}}\nstages: [develop]",
    )
    bandit = make.evidence("sast", tool="Bandit", name="bandit")
    semgrep = make.evidence("sast", tool="semgrep", name="semgrep")
    assert make.decide(policy, bandit, semgrep).allowed
    decision = make.decide(policy, bandit)
    assert why(make, decision, "s") == snapshot(
        ("fail", "missing", "semgrep did not report: the policy demands it for sast")
    )
    assert make.rule(decision, "s").remedy.text == snapshot(
        "run semgrep and supply its report: gatekeeper scan ."
    )


def test_demanded_tools_beside_demanded_names(make):
    """Names do not stand for tools, also when no rule reads the kind."""
    policy = make.policy(
        RULES, "evidence: {sast: {names: [nightly], tools: [bandit, semgrep]}}\nstages: [develop]"
    )
    one = make.evidence("sast", tool="bandit", name="nightly", job="a")
    two = make.evidence("sast", tool="semgrep", name="nightly", job="b")
    assert make.decide(policy, green(make), one, two).allowed
    assert not make.decide(policy, green(make), one).allowed


def test_evidence_demanded_by_the_file_alone(make):
    """What `evidence` names is demanded from its stage on, also when no rule reads it."""
    policy = make.policy(RULES, "evidence: {secrets: {from: test}}\nstages: [develop, test]")
    assert make.decide(policy, green(make)).allowed
    decision = make.decide(policy, green(make), stage="test")
    assert (decision.outcome, str(make.rule(decision, "evidence.secrets").status)) == ("fail", "missing")


def test_rules_that_may_be_missing_demand_nothing(make):
    """Observed rules, rules not enforced yet and rules that may be skipped do not make evidence necessary."""
    rules = (
        RULES
        + """
- {id: a, metric: sast.total, pass: "== 0", mode: observe}
- {id: b, metric: sca.total, pass: "== 0", enforce_from: 2030-01-01}
- {id: c, metric: secrets.total, pass: "== 0", on_missing: skip, loosen_reason: not everywhere yet}"""
    )
    decision = make.decide(make.policy(rules), green(make))
    assert (decision.outcome, decision.missing) == ("pass", ())


def test_valid_until_is_the_first_change(make):
    """The answer ends when the first piece of evidence turns stale, at most after `valid_for`."""
    policy = make.policy(
        SCA, "evidence: {sca: {max_age: 24h, db_max_age: 30h}}\nstages: [develop]\nvalid_for: 12h"
    )

    def ends(age, db_age):
        database = Database(
            digest="sha256:" + "d" * 64,
            records=9,
            newest_at=make.as_of - timedelta(hours=db_age),
            is_complete=True,
        )
        evidence = make.evidence("sca", age=timedelta(hours=age), database=database)
        return make.decide(policy, evidence).valid_until - make.as_of

    tick = timedelta(microseconds=1)
    assert ends(0, 0) == timedelta(hours=12)
    assert ends(20, 0) == timedelta(hours=4) + tick
    assert ends(20, 29) == timedelta(hours=1) + tick
    assert ends(30, 29) == timedelta(hours=12)


def test_the_answer_really_changes_at_valid_until_and_not_before(make):
    """One microsecond earlier the same answer still holds."""
    policy = make.policy(SCA)
    evidence = make.evidence("sca", age=timedelta(hours=20))
    first = make.decide(policy, evidence)
    before = make.decide(policy, evidence, as_of=first.valid_until - timedelta(microseconds=1))
    after = make.decide(policy, evidence, as_of=first.valid_until)
    assert (first.outcome, before.outcome, after.outcome) == ("pass", "pass", "fail")
