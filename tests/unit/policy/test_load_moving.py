# ruff: noqa: E501  # one fault of the table per line
"""How a policy file says who signs, when, on which path, and with which waivers; and how it is refused."""

from datetime import UTC, date, datetime, time

import jsonschema
import pytest
from full_policy import FULL
from inline_snapshot import snapshot
from ruamel.yaml import YAML

from gatekeeper.evidence import Kind, Trust
from gatekeeper.finding import Severity
from gatekeeper.policy.example import GivenApproval, GivenFinding, GivenWaiver, Met
from gatekeeper.policy.load import PolicyRefused, load_policy
from gatekeeper.policy.promotion import (
    ApprovalDemand,
    Freeze,
    Inline,
    Opening,
    Owed,
    Party,
    Path,
    Separation,
    Signing,
    WaiverLimits,
)
from gatekeeper.policy.schema import policy_json_schema
from gatekeeper.signoff import Verdict
from gatekeeper.waiver import WaiverScope

RULES = """\
- {id: t, metric: tests.failed, pass: "== 0"}
- {id: dast, metric: dast.critical, pass: "== 0", from: production}
"""
STAGES = "stages: [develop, test, production]\n"


@pytest.fixture(scope="module")
def full():
    """The policy with every key."""
    return load_policy(FULL.encode(), file="full.yaml")


def faults(make, top: str, rules: str = RULES) -> list[str]:
    """Every fault of a file with these keys at the top."""
    try:
        make.policy(rules, STAGES + top)
    except PolicyRefused as refused:
        return [str(error) for error in refused.errors]
    return []


def test_paths_are_read_with_their_defaults(full):
    """A path has the policy's stages unless it names its own; what it does without has a reason."""
    assert full.path("standard") == Path(name="standard", stages=full.stages, in_order=True)
    assert full.path("hotfix") == Path(
        name="hotfix",
        refs=("hotfix/*",),
        stages=("test", "production"),
        in_order=True,
        without_rules=("cov-line",),
        without_evidence=(Kind.DAST,),
        loosen_reason="a fix must not wait for a long scan",
        approvals=(
            Signing(
                stage="production", demands=(ApprovalDemand(role="ops"), ApprovalDemand(role="tech-lead"))
            ),
        ),
        obligations=(
            Owed(
                id="hotfix-tests",
                title="Run the tests that were left out",
                owner_role="qa-lead",
                within_s=3 * 86400,
            ),
        ),
    )


def test_the_standard_path_is_there_beside_others(make):
    """Naming one path does not take away the one of everything else."""
    policy = make.policy(RULES, STAGES + 'paths: {fix: {refs: ["fix/*"]}}')
    assert [path.name for path in policy.paths] == ["fix", "standard"]
    assert make.policy(RULES, STAGES).paths == ()


def test_signatures_limits_and_separation_are_read(full):
    """Roles with counts and conditions, who may not sign, and how far waivers go."""
    (signing,) = full.approvals
    assert [(one.role, one.count) for one in signing.demands] == [("ops", 2), ("product", 1), ("security", 1)]
    security = signing.demands[2]
    assert (str(security.score), str(security.when[0].metric)) == ("< 95", "sast.high")
    assert (full.revoke_on, full.is_by_mail) == (Severity.HIGH, True)
    assert full.separation == Separation(approver_is_not=tuple(sorted(Party)), distinct_people=True)
    assert full.waiver_limits == WaiverLimits(
        max_days=90,
        days_by_severity={Severity.CRITICAL: 14, Severity.HIGH: 30},
        approved_by_role="security",
        inline=Inline.REFUSE,
    )
    assert full.applies_to == ("cards/**", "pay/*")


def test_windows_are_read_in_the_time_zone_of_the_policy(full):
    """Times of day stay local; a freeze is two instants, and a bare `to` ends at 24:00."""
    (window,) = full.windows
    assert window.openings == (
        Opening(days=(0, 1, 2, 3), opens=time(9), closes=time(16)),
        Opening(days=(5,), opens=time(22), closes=time(2)),
    )
    assert window.holidays == (date(2026, 12, 25),)
    assert window.freezes == (
        Freeze(
            begins_at=datetime(2026, 12, 19, 23, tzinfo=UTC),
            ends_at=datetime(2027, 1, 3, 23, tzinfo=UTC),
            reason="year end",
        ),
    )


def test_an_opening_without_days_and_times_is_always(make):
    """Every day from 00:00 to the end of the day, which may be written as 24:00."""
    always = Opening(days=(0, 1, 2, 3, 4, 5, 6), opens=time(), closes=time())
    for text in ("{}", '{from: "00:00", to: "24:00"}'):
        policy = make.policy(RULES, STAGES + f"windows: {{production: {{open: [{text}]}}}}")
        assert policy.windows[0].openings == (always,)


def test_trust_and_protected_refs_are_read(full, make):
    """One word holds from `from` on; a mapping gives it by stage."""
    assert full.requirement(Kind.SAST).trust == {"staging": Trust.BOUND, "production": Trust.OBSERVED}
    assert full.requirement(Kind.SCA).trust == {"test": Trust.BOUND}
    assert (full.requirement(Kind.SAST).protected_from, full.requirement(Kind.SCA).protected_from) == (
        "staging",
        "test",
    )
    policy = make.policy(RULES, STAGES + "evidence: {tests: {protected_ref: false}}")
    assert policy.requirement(Kind.TESTS).protected_from is None


def test_expressions_are_read_beside_the_metric_rules(full):
    """`needs` gives each fact its name; findings of a kind are a list."""
    fixable, e2e = full.expressions
    assert [(need.variable, need.findings) for need in fixable.expression.needs] == [
        ("sca.findings", Kind.SCA)
    ]
    (need,) = e2e.expression.needs
    assert (need.variable, str(need.metric), e2e.from_stage) == ("e2e_failed", "tests.failed@e2e", "uat")
    assert {rule.id for rule in full.rules} == {"tests-pass", "cov-line", "cov-not-worse"}


def test_what_a_test_assumes_is_read(full):
    """Findings, signatures, waivers, and whether all else is met."""
    (test,) = full.tests
    assert test.path == "hotfix"
    assert test.given.findings == (
        GivenFinding(kind=Kind.SCA, id="CVE-2026-1", severity=Severity.CRITICAL, package="pypi/lxml", version="5.2.1", is_fixable=True),
        GivenFinding(kind=Kind.SAST, id="B608", severity=Severity.LOW, path="a.py", line=3, is_new=False, is_suppressed=True),
    )  # fmt: skip
    assert test.given.approvals == (
        GivenApproval(role="ops", person="ann"),
        GivenApproval(role="tech-lead", person="bob", verdict=Verdict.DECLINE),
    )
    assert test.given.waivers == (
        # A bare date ends at 24:00 in Berlin.
        GivenWaiver(id="W-1", scope=WaiverScope.ADVISORY, match="CVE-2026-1", expires_at=datetime(2026, 12, 5, 23, tzinfo=UTC)),
        GivenWaiver(id="W-2", scope=WaiverScope.RULE, match="cov-line", accept=">= 70", expires_at=datetime(2026, 12, 5, 12, tzinfo=UTC)),
    )  # fmt: skip
    assert (test.given.order, test.given.windows, test.given.everything_else) == (Met.SATISFIED,) * 3
    assert (test.expect.used_waivers, test.expect.approvals) == (("W-1",), ("tech-lead",))


def test_the_order_of_paths_windows_and_roles_does_not_move_the_digest(make):
    """The same demands in another order are the same policy."""
    texts = (
        'paths: {b: {refs: ["b", "c"]}, a: {refs: [a]}}\napprovals: {production: [{role: x}, {role: y}], test: [{role: z}]}',
        'paths: {a: {refs: [a]}, b: {refs: ["c", "b"]}}\napprovals: {test: [{role: z}], production: [{role: y}, {role: x}]}',
    )
    one, other = (make.policy(RULES, STAGES + text) for text in texts)
    assert one.digest == other.digest


def test_which_projects_it_applies_to_does_not_move_the_digest(make):
    """Assigning a policy is no change of it; a window is."""
    plain = make.policy(RULES, STAGES).digest
    assert make.policy(RULES, STAGES + 'applies_to: ["pay/*"]').digest == plain
    assert make.policy(RULES, STAGES + "windows: {test: {holidays: [2026-12-25]}}").digest != plain


def test_the_published_schema_accepts_the_full_policy():
    """Editors do not complain about what the loader reads."""
    reader = YAML(typ="safe", pure=True)
    reader.constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
    jsonschema.validate(reader.load(FULL), policy_json_schema())


@pytest.mark.parametrize(
    ("top", "words"),
    [
        # paths
        ("paths: {}", "paths: is empty"),
        ("paths: {Fix: {refs: [a]}}", "paths.Fix: 'Fix' is not a name"),
        ("paths: {fix: {}}", "needs `refs`: nothing else chooses a path"),
        ("paths: {fix: {refs: []}}", "paths.fix.refs: the list is empty"),
        ('paths: {fix: {refs: ["a b"]}}', "is not a glob: no blanks"),
        ("paths: {standard: {refs: [main]}}", "the standard path takes all that no other path claims"),
        ("paths: {fix: {refs: [a], stages: []}}", "there are no stages"),
        ("paths: {fix: {refs: [a], stages: [tset]}}", "paths.fix.stages: unknown stage 'tset' (did you mean test?)"),
        ("paths: {fix: {refs: [a], stages: [production, test]}}", "not in the order of the policy (the policy's order: test, production)"),
        ("paths: {fix: {refs: [a], order: 1}}", "must be true or false, not a number"),
        ("paths: {fix: {refs: [a], without: {rules: [dast]}}}", "needs `loosen_reason`"),
        ("paths: {fix: {refs: [a], without: {rules: [dats]}, loosen_reason: x}}", "no rule is called 'dats' (did you mean dast?)"),
        ("paths: {fix: {refs: [a], without: {evidence: [sast]}, loosen_reason: x}}", "nothing demands evidence of kind sast"),
        ("paths: {fix: {refs: [a], without: {evidence: [sats]}, loosen_reason: x}}", "'sats' is not valid here (did you mean sast?)"),
        ("paths: {fix: {refs: [a], without: {rules: [t, dast]}, loosen_reason: x}}", "nothing-checked: no rule of mode block or score holds for stage develop on the path fix"),
        ("paths: {fix: {refs: [a], stages: [test], without: {evidence: [tests]}, loosen_reason: x}}", "nothing-checked"),
        ("paths: {a: {refs: [x]}, b: {refs: [y, x]}}", "a and b both claim 'x'"),
        ("paths: {standard: {stages: [test, production]}}", "the stage develop is on no path"),
        ("paths: {fix: {refs: [a], stages: [test], approvals: {production: [{role: x}]}}}", "the path fix has approvals of production, which is not on it"),
        ("approvals: {production: [{role: x}]}\npaths: {fix: {refs: [a], approvals: {}}}", "approvals: nobody signs for production on the path fix (say in that path who signs"),
        ("paths: {fix: {refs: [a], obligations: [{id: a, role: b}]}}", "the key `within` is missing"),
        ("paths: {fix: {refs: [a], obligations: [{id: a, role: b, within: 1d}, {id: a, role: c, within: 1d}]}}", "'a' is used twice"),
        # approvals
        ("approvals: {prod: [{role: x}]}", "approvals.prod: unknown stage 'prod' (did you mean production?)"),
        ("approvals: {production: []}", "approvals.production: names nobody"),
        ("approvals: {production: {role: x}}", "must be a list, not a mapping"),
        ("approvals: {production: [x]}", "must be a mapping, not text"),
        ("approvals: {production: [{rôle: x}]}", "unknown key"),
        ("approvals: {production: [{role: X}]}", "'X' is not a name"),
        ("approvals: {production: [{role: x, count: 0}]}", "must be a whole number from 1 to 20"),
        ("approvals: {production: [{role: x}, {role: x}]}", "'x' is named twice (write `count`"),
        ("approvals: {production: [{role: x, if: {}}]}", "has no condition"),
        ("approvals: {production: [{role: x, if: {sast.hihg: '> 0'}}]}", "unknown metric 'sast.hihg' (did you mean sast.high?)"),
        ("approvals: {production: [{role: x, if: {sast.high: '>= 0'}}]}", "sast.high >= 0 is always or never true"),
        ("approvals: {production: [{role: x, if: {score: '< 95'}}]}", "there is no `score` that could be asked for"),
        ("revoke_on: hgih", "'hgih' is not valid here (did you mean high?)"),
        ("by_mail: true", "by_mail: there are no approvals"),
        ("by_mail: yes", "must be true or false, not text"),
        ("separation: {approver_is_not: [autor]}", "'autor' is not valid here (did you mean author?)"),
        ("separation: {distinct: true}", "unknown key"),
        # waivers
        ("waiver_limits: {max_days: 0}", "allows nothing: no waiver could ever hold"),
        ("waiver_limits: {max_days: 30, max_days_by_severity: {high: 30}}", "30 days for high are not fewer than max_days"),
        ("waiver_limits: {max_days_by_severity: {critical: 20, high: 10}}", "20 days for critical are never reached: high allows 10"),
        ("waiver_limits: {max_days_by_severity: {blocker: 20}}", "unknown severity 'blocker'"),
        ("waiver_limits: {max_days_by_severity: {}}", "is empty"),
        ("waiver_limits: {inline: ignore}", "'ignore' is not valid here"),
        # windows
        ("windows: {}", "windows: is empty"),
        ("windows: {prod: {}}", "unknown stage 'prod'"),
        ("windows: {production: {open: []}}", "production never opens"),
        ("windows: {production: {open: [{days: []}]}}", "names no day, so it never opens"),
        ("windows: {production: {open: [{days: [friday]}]}}", "'friday' is not a day (did you mean fri?)"),
        ('windows: {production: {open: [{from: "9:00"}]}}', "'9:00' is not a time of day"),
        ('windows: {production: {open: [{from: "25:00"}]}}', "'25:00' is not a time of day"),
        ('windows: {production: {open: [{from: "09:00", to: "09:00"}]}}', "closes when it opens"),
        ("windows: {production: {holidays: [2026-02-30]}}", "'2026-02-30' is not a date of the calendar"),
        ("windows: {production: {holidays: [christmas]}}", "'christmas' is not a date such as"),
        ("windows: {production: {freezes: [{from: 2026-12-20, to: 2026-12-19, reason: x}]}}", "ends before it begins"),
        ("windows: {production: {freezes: [{from: 2026-12-20, to: 2026-12-21}]}}", "the key `reason` is missing"),
        ("windows: {production: {freezes: [{from: 2026-12-20T09:00:00, to: 2026-12-21, reason: x}]}}", "has no time zone"),
        ("paths: {standard: {stages: [develop, test]}}\nwindows: {production: {holidays: [2026-12-25]}}", "windows: no path enters production"),
        ("paths: {standard: {stages: [develop, test]}}\napprovals: {production: [{role: x}]}", "approvals: no path enters production"),
        # where it applies, and evidence
        ("applies_to: pay/*", "applies_to: must be a list, not text"),
        ("applies_to: []", "applies_to: the list is empty"),
        ("evidence: {tests: {trust: bond}}", "'bond' is not valid here (did you mean bound?)"),
        ("evidence: {tests: {trust: {}}}", "trust: is empty"),
        ("evidence: {tests: {trust: {tset: bound}}}", "unknown stage 'tset'"),
        ("evidence: {tests: {from: test, trust: {develop: bound}}}", "develop is never reached"),
        ("evidence: {tests: {trust: {test: observed, production: bound}}}", "bound at production is less than observed before"),
        ("evidence: {tests: {protected_ref: tset}}", "unknown stage 'tset'"),
        ("evidence: {tests: {protected_ref: 1}}", "must be text, not a number"),
    ],
)  # fmt: skip
def test_a_fault_is_refused_with_these_words(make, top, words):
    """Each fault is told with its key, the nearest valid name and what to do."""
    assert any(words in fault for fault in faults(make, top)), faults(make, top)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("expr: 'true', metric: tests.failed", "a rule has `metric` or `expr`, not both"),
        ("title: x", "one of these keys is missing: `metric`, `expr`, `override`"),
        ("expr: tests.failed == 0, message: m", "needs `needs`"),
        ("expr: tests.failed == 0, needs: [tests.failed]", "needs `message`"),
        ("expr: tests.failed == 0, message: m, needs: []", "needs: is empty"),
        ("expr: tests.failed == 0, message: m, needs: {}", "needs: is empty"),
        ("expr: tests.failed == 0, message: m, needs: tests.failed", "must be a list, not text"),
        ("expr: tests.failed == 0, message: m, needs: [tests.faild]", "unknown metric 'tests.faild' (did you mean tests.failed?)"),
        ("expr: tests.failed == 0, message: m, needs: [tests.failed@e2e]", "needs a name of its own (write needs: {e2e: tests.failed@e2e}"),
        ("expr: a == 0, message: m, needs: {a-b: tests.failed}", "'a-b' is not a name in CEL"),
        ("expr: a == 0, message: m, needs: {in: tests.failed}", "'in' is a word of CEL itself"),
        ("expr: a == 0, message: m, needs: {a: tests.findings}", "there are no findings of kind 'tests'"),
        ("expr: a == 0, message: m, needs: {a: sca.finding}", "unknown metric 'sca.finding'"),
        ('expr: a == 0, message: m, needs: {a: tests.failed}, pass: "== 0"', "pass: belongs to a rule with `metric` (write the bound into `expr`)"),
        ("expr: a == 0, message: m, needs: {a: tests.failed}, no_worse_than: {by: 1}", "no_worse_than: belongs to a rule with `metric`"),
        ("expr: a == 0, message: m, needs: {a: tests.failed}, stages: {test: {pass: '== 1'}}", "stages: belongs to a rule with `metric`"),
        ("expr: a == 0, message: m, needs: {a: tests.failed}, from: tset", "unknown stage 'tset'"),
        ("expr: a ==, message: m, needs: {a: tests.failed}, loosen_reason: x", "rules[2].expr: "),
        ("expr: b == 0, message: m, needs: {a: tests.failed}, loosen_reason: x", "rules[2].expr: "),
        ("expr: a + 1, message: m, needs: {a: tests.failed}, loosen_reason: x", "rules[2].expr: "),
        ("expr: a == 0, message: m, needs: {a: tests.failed}", "not monotone: it is an expression"),
        ('metric: tests.errors, pass: "== 0", only_if: {tests.total: ">= 3"}', "not monotone: it is judged only while tests.total >= 3"),
        ('metric: tests.errors, pass: "== 0", message: m', "message: belongs to a rule with `expr`"),
        ('metric: tests.errors, pass: "== 0", needs: [tests.failed]', "needs: belongs to a rule with `expr`"),
    ],
)  # fmt: skip
def test_a_senseless_expression_is_refused(make, rule, words):
    """What an expression reads is declared, and what it says is compiled, before it can decide anything."""
    found = faults(make, "", RULES + f"- {{id: x, {rule}}}")
    assert any(words in fault for fault in found), found


@pytest.mark.parametrize(
    "name", ["order", "window", "separation", "approval.ops", "obligation.x", "evidence.tests"]
)
def test_a_rule_cannot_take_the_name_of_another_result(make, name):
    """Who reads a decision must know whether a rule or a person was meant."""
    found = faults(make, "", RULES + f'- {{id: {name}, metric: tests.errors, pass: "== 0"}}')
    assert any("take another name" in fault for fault in found)


@pytest.mark.parametrize(
    ("test", "words"),
    [
        ("path: hotfx, expect: {outcome: fail}", "unknown path 'hotfx' (did you mean hotfix?)"),
        ("given: {order: done}, expect: {outcome: fail}", "'done' is not valid here"),
        ("given: {everything_else: true}, expect: {outcome: fail}", "must be text, not a truth value"),
        ("given: {findings: [{kind: sca, id: a, severity: high}]}, expect: {outcome: fail}", "needs `package` or `path`"),
        ("given: {findings: [{kind: sca, id: a, severity: high, package: lxml}]}, expect: {outcome: fail}", "write it as pypi/lxml"),
        ("given: {findings: [{kind: sca, id: a, severity: hgih, package: pypi/a}]}, expect: {outcome: fail}", "did you mean high?"),
        ("given: {findings: [{kind: sast, id: a, severity: low, path: a, version: 1}]}, expect: {outcome: fail}", "version: needs `package`"),
        ("given: {findings: [{kind: sast, id: a, severity: low, package: pypi/a, line: 1}]}, expect: {outcome: fail}", "line: needs `path`"),
        ("given: {approvals: [{role: ops, verdict: maybe}]}, expect: {outcome: fail}", "'maybe' is not valid here"),
        ("given: {waivers: [{id: a, expires: 2027-01-01}]}, expect: {outcome: fail}", "needs exactly one of `finding`, `advisory`"),
        ("given: {waivers: [{id: a, advisory: b, path: c, expires: 2027-01-01}]}, expect: {outcome: fail}", "needs exactly one of"),
        ("given: {waivers: [{id: a, advisory: b}]}, expect: {outcome: fail}", "the key `expires` is missing"),
        ("given: {waivers: [{id: a, rule: t, expires: 2027-01-01}]}, expect: {outcome: fail}", "needs `accept`"),
        ("given: {waivers: [{id: a, rule: tt, accept: '<= 1', expires: 2027-01-01}]}, expect: {outcome: fail}", "no rule is called 'tt'"),
        ("given: {waivers: [{id: a, path: t, accept: '<= 1', expires: 2027-01-01}]}, expect: {outcome: fail}", "belongs to a waiver of a rule"),
        ("expect: {used_waivers: [W-1]}", "no waiver in `given` is called 'W-1'"),
        ("expect: {approvals: [opps]}", "no role is called 'opps' (did you mean ops?)"),
        ("expect: {failed: [approval.opps]}", "no rule is called 'approval.opps' (did you mean approval.ops?)"),
        ("expect: {failed: [order, window, approval.ops, obligation.later, tt]}", "no rule is called 'tt'"),
    ],
)  # fmt: skip
def test_a_senseless_example_is_refused(make, test, words):
    """An example names only what the policy and the example have."""
    top = (
        'paths: {hotfix: {refs: ["h/*"], obligations: [{id: later, role: qa, within: 1d}]}}\n'
        "approvals: {production: [{role: ops}]}\n"
        f"tests:\n  - {{name: a, stage: test, {test}}}\n"
    )
    found = faults(make, top)
    assert any(words in fault for fault in found), found
    assert not any("'order'" in fault or "'window'" in fault for fault in found)


def test_every_fault_of_a_moving_policy_is_told_at_once(make):
    """A person mends the file in one go."""
    top = """\
paths:
  hotfix: {refs: [a], stages: [tset]}
approvals: {production: [{rol: ops}]}
windows: {production: {open: [{days: [mo], from: 9}]}}
waiver_limits: {max_days: 1000}
"""
    assert faults(make, top) == snapshot(
        [
            "example.yaml:6: paths.hotfix.stages: unknown stage 'tset' (did you mean test?)",
            "example.yaml:7: approvals.production[0]: the key `role` is missing (The role that signs.)",
            "example.yaml:7: approvals.production[0].rol: unknown key (did you mean role?)",
            "example.yaml:8: windows.production.open[0].days: 'mo' is not a day (did you mean mon?)",
            "example.yaml:8: windows.production.open[0].from: '9' is not a time of day such as \"09:00\"",
            "example.yaml:9: waiver_limits.max_days: must be a whole number from 1 to 366",
        ]
    )
