"""Examples with findings, people, waivers, order and windows."""

from textwrap import dedent, indent

import pytest

from gatekeeper.policy.load import load_policy
from gatekeeper.policy.testing import run_tests

POLICY = """
schema: gatekeeper/v1
policy: example
owner: security
time_zone: Europe/Berlin
stages: [develop, production]
paths:
  standard: {order: true}
  hotfix:
    refs: ["hotfix/*"]
    stages: [production]
    without: {rules: [c]}
    loosen_reason: the tests follow
    approvals: {production: [{role: tech-lead}]}
evidence:
  sast: {from: develop, trust: {production: observed}, protected_ref: production, names: [code, infra]}
rules:
  - {id: c, metric: coverage.line, pass: ">= 80"}
  - {id: s, metric: sast.critical, pass: "== 0"}
  - {id: n, metric: sca.new.total, pass: "== 0"}
  - id: fix
    expr: sca.findings.all(f, !f.fixable)
    needs: [sca.findings]
    message: A dependency vulnerability has a fix
    loosen_reason: shown in tests
approvals:
  production: [{role: product}, {role: ops, count: 2}]
separation: {approver_is_not: [author, waiver_owner], distinct_people: true}
waiver_limits: {max_days: 90, approved_by_role: security}
revoke_on: high
windows:
  production: {open: [{days: [mon, tue], from: "09:00", to: "16:00"}]}
tests:
"""
CLEAN = "metrics: {coverage.line: 85}, findings: []"
MONDAY, FRIDAY = "2026-11-23T10:00:00Z", "2026-11-27T10:00:00Z"
ALL = "everything_else: satisfied"


def one(given: str, expect: str, stage: str = "develop", path: str = "standard", now: str = MONDAY):
    """The differences of a single example."""
    example = (
        f"- {{name: a, stage: {stage}, path: {path}, now: {now}, given: {{{given}}}, expect: {{{expect}}}}}"
    )
    data = POLICY.lstrip() + indent(dedent(example), "  ") + "\n"
    (outcome,) = run_tests(load_policy(data.encode(), file="example.yaml"))
    return [(d.key, d.expected, d.actual) for d in outcome.differences]


def test_an_empty_list_says_that_every_scan_found_nothing():
    """Every kind of finding that the policy reads has its evidence, under all its names."""
    assert one(CLEAN, "outcome: pass, missing: [], failed: []") == []


def test_without_findings_the_scans_are_missing():
    """What is not given is not there."""
    expect = "outcome: fail, missing: [s, n, fix, evidence.sast/code, evidence.sast/infra, evidence.sca]"
    assert one("metrics: {coverage.line: 85}", expect) == []


@pytest.mark.parametrize(
    ("finding", "expect"),
    [
        ("{kind: sast, id: B1, path: a.py, severity: critical}", "failed: [s]"),
        ("{kind: sast, id: B1, path: a.py, severity: critical, suppressed: true}", "failed: []"),
        ("{kind: sast, id: B1, path: a.py, severity: medium}", "failed: []"),
        ("{kind: sca, id: CVE-1, package: pypi/a, severity: low}", "failed: [n]"),
        ("{kind: sca, id: CVE-1, package: pypi/a, severity: low, new: false}", "failed: []"),
        ("{kind: sca, id: CVE-1, package: pypi/a, severity: low, fixable: true}", "failed: [n, fix]"),
        (
            "{kind: sca, id: CVE-1, package: pypi/a, severity: low, fixable: true, new: false}",
            "failed: [fix]",
        ),
    ],
)
def test_findings_are_counted_like_real_ones(finding, expect):
    """Severity, suppression, fix and novelty mean what they mean in a report."""
    quiet = "metrics: {coverage.line: 85, sast.total: 0, sca.total: 0}"
    other = "sast" if "kind: sca" in finding else "sca"
    given = f"{quiet}, findings: [{finding}, {{kind: {other}, id: X, path: x, severity: info, new: false}}]"
    assert one(given, expect) == []


def test_waivers_cover_what_they_match_among_the_findings():
    """Used, expired and unused are told; an expired one covers nothing."""
    found = (
        "findings: [{kind: sast, id: B1, path: a/b.py, severity: critical},"
        " {kind: sca, id: CVE-1, package: pypi/lxml, severity: low}]"
    )
    waivers = ", ".join(
        f"{{id: {name}, {what}, expires: {end}}}"
        for name, what, end in (
            ("W1", "finding: B1", "2026-12-01"),
            ("W2", "advisory: CVE-1", "2026-12-01"),
            ("W3", "path: 'a/*'", "2026-11-01"),
            ("W4", "package: pypi/other", "2026-12-01"),
        )
    )
    given = f"metrics: {{coverage.line: 85}}, {found}, waivers: [{waivers}]"
    expect = "outcome: pass, used_waivers: [W1, W2], expired_waivers: [W3], unused_waivers: [W4]"
    assert one(given, expect) == []
    assert one(given.replace("{id: W1, finding: B1", "{id: W1, finding: B2"), "failed: [s]") == []


def test_a_rule_can_be_waived_down_to_its_floor():
    """Above the floor it is waived, below it fails."""
    waiver = "{id: W, rule: c, accept: '>= 70', expires: 2026-12-01}"
    given = f"metrics: {{coverage.line: 75}}, findings: [], waivers: [{waiver}]"
    assert one(given, "outcome: pass, failed: [], used_waivers: [W]") == []
    assert one(given.replace("line: 75", "line: 69"), "failed: [c], unused_waivers: [W]") == []


def test_a_bare_date_ends_at_midnight_in_the_zone_of_the_policy():
    """On its last day a waiver still holds until 24:00 in Berlin."""
    waiver = "{id: W, rule: c, accept: '>= 70', expires: 2026-11-23}"
    given = f"metrics: {{coverage.line: 75}}, findings: [], waivers: [{waiver}]"
    assert one(given, "outcome: pass", now="2026-11-23T22:59:59Z") == []
    assert one(given, "expired_waivers: [W], failed: [c]", now="2026-11-23T23:00:00Z") == []


def test_people_order_and_windows_are_unmet_unless_given():
    """Silence opens nothing: an example that speaks of nothing else fails on all of them."""
    expect = (
        "outcome: fail, failed: [order, window, approval.product, approval.ops], approvals: [product, ops]"
    )
    assert one(CLEAN, expect, stage="production", now=FRIDAY) == []


def test_everything_else_can_be_satisfied():
    """Then approvals, order and window that are not given are met."""
    assert one(f"{CLEAN}, {ALL}", "outcome: pass, approvals: []", stage="production", now=FRIDAY) == []


@pytest.mark.parametrize(
    ("given", "failed"),
    [
        ("order: unmet", "[order]"),
        ("windows: unmet", "[window]"),
        ("approvals: []", "[approval.ops, approval.product]"),
        ("approvals: [{role: product, person: ann}, {role: ops}]", "[approval.ops]"),
        ("approvals: [{role: product}, {role: ops}, {role: ops}]", "[]"),
        (
            "approvals: [{role: product, person: ann}, {role: ops, person: ann}, {role: ops}]",
            "[approval.ops]",
        ),
        ("approvals: [{role: product, person: author}, {role: ops}, {role: ops}]", "[approval.product]"),
        (
            "approvals: [{role: product}, {role: ops}, {role: ops}, {role: ops, verdict: decline}]",
            "[approval.ops]",
        ),
    ],
)
def test_what_is_given_wins(given, failed):
    """Of all that is satisfied, only what is given otherwise fails."""
    expect = f"failed: {failed}, outcome: {'pass' if failed == '[]' else 'fail'}"
    assert one(f"{CLEAN}, {ALL}, {given}", expect, stage="production", now=FRIDAY) == []


def test_windows_are_judged_by_the_time_of_the_example():
    """Without a word about windows the clock of the example decides."""
    given = f"{CLEAN}, order: satisfied, approvals: [{{role: product}}, {{role: ops}}, {{role: ops}}]"
    assert one(given, "outcome: pass", stage="production", now=MONDAY) == []
    assert one(given, "failed: [window]", stage="production", now=FRIDAY) == []


def test_an_example_is_on_its_path():
    """The path decides who signs, what is left out, and which stages there are."""
    given = f"findings: [], {ALL}"
    expect = "outcome: pass, skipped: [c], approvals: []"
    assert one(given, expect, stage="production", path="hotfix") == []
    unsigned = "findings: [], windows: satisfied"
    assert one(unsigned, "approvals: [tech-lead]", stage="production", path="hotfix") == []
    assert one(given, "outcome: fail, failed: []", path="hotfix") == []


def test_lists_leave_out_results_that_are_no_rules():
    """Unless one of their group is named: then the group is compared whole."""
    given = f"{CLEAN}, order: unmet, windows: satisfied"
    assert one(given, "failed: []", stage="production") == []
    assert one(given, "failed: [approval.ops]", stage="production") == [
        ("failed", "approval.ops", "approval.ops, approval.product")
    ]
