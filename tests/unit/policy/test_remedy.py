"""The way to green: what a remedy says, and that following it works."""

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from gatekeeper.evidence import Failure, Lines, Ratio
from gatekeeper.finding import Package, Severity
from gatekeeper.line_ranges import as_text, numbers_in
from gatekeeper.messages.remedies import REMEDIES
from gatekeeper.policy.upgrades import version_key


def covered(make, files, **how):
    """A coverage report from {path: (covered, missed)} counts."""
    lines = {
        path: Lines(hit=as_text(range(1, hit + 1)), miss=as_text(range(hit + 1, hit + miss + 1)))
        for path, (hit, miss) in files.items()
    }
    hit, total = sum(h for h, _ in files.values()), sum(h + m for h, m in files.values())
    metrics = {"coverage.lines_covered": hit, "coverage.lines_total": total}
    if total:
        metrics["coverage.line"] = Ratio(hit, total)
    return make.evidence("coverage", metrics, lines=lines, **how)


def remedy(make, rules, *evidence, rule_id="r", **how):
    """The remedy of one rule."""
    return make.rule(make.decide(make.policy(rules), *evidence, **how), rule_id).remedy


def test_coverage_names_lines_and_files(make):
    """How many more lines, and where the most are missed."""
    evidence = covered(make, {"app/pay.py": (30, 21), "app/refund.py": (30, 19), "app/ok.py": (40, 0)})
    found = remedy(make, '- {id: r, metric: coverage.line, pass: ">= 80"}', evidence)
    assert found.params == {"lines": 12, "files": (("app/pay.py", 12),)}
    found = remedy(make, '- {id: r, metric: coverage.line, pass: ">= 90"}', evidence)
    assert found.text == snapshot(
        "cover 26 more lines; the most are uncovered in app/pay.py (21), app/refund.py (5)"
    )


def test_a_passing_rule_has_no_remedy(make):
    """There is nothing to do."""
    assert (
        remedy(make, '- {id: r, metric: coverage.line, pass: ">= 30"}', covered(make, {"a": (3, 1)})) is None
    )


def test_branches_have_no_places(make):
    """Where only counts are known, only the count is said."""
    found = remedy(
        make,
        '- {id: r, metric: coverage.branch, pass: "> 50"}',
        make.evidence("coverage", {"coverage.branch": Ratio(5, 11)}),
    )
    assert found.text == snapshot("cover 1 more of the branches")


def test_tests_are_named(make):
    """The first ten failing tests, and how many in all."""
    failures = tuple(Failure(name=f"test_{i:02}", suite="shop", message="") for i in range(12))
    evidence = make.evidence("tests", {"tests.failed": 12, "tests.errors": 0}, failures=failures)
    found = remedy(make, '- {id: r, metric: tests.failed, pass: "== 0"}', evidence)
    assert (found.params["count"], len(found.params["tests"])) == (12, 10)
    assert found.text.startswith("mend 12 tests: shop: test_00, shop: test_01, ")


def test_failed_tests_and_broken_ones_are_told_apart(make):
    """The rule about errors names the tests that broke, the one about failures those that failed."""
    failures = (
        Failure(name="test_pay", suite="shop", message=""),
        Failure(name="test_load", suite="shop", message="", is_error=True),
    )
    evidence = make.evidence("tests", {"tests.failed": 1, "tests.errors": 1}, failures=failures)
    found = remedy(make, '- {id: r, metric: tests.failed, pass: "== 0"}', evidence)
    assert found.text == snapshot("mend 1 test: shop: test_pay")
    found = remedy(make, '- {id: r, metric: tests.errors, pass: "== 0"}', evidence)
    assert found.text == snapshot("mend 1 test: shop: test_load")


def test_a_pass_rate_says_how_many_tests(make):
    """70 percent of ten tests are seven."""
    metrics = {"tests.total": 12, "tests.passed": 4, "tests.skipped": 2, "tests.failed": 6}
    found = remedy(make, '- {id: r, metric: tests.pass_rate, pass: ">= 70"}', make.evidence("tests", metrics))
    assert found.params == {"count": 3, "metric": "tests.pass_rate"}


def test_findings_are_named_worst_first(make):
    """Rule and place; only as many as must go."""
    findings = [
        make.finding("a", "low", rule="L1"),
        make.finding("b", "critical", rule="C1", path="app/x.py", line=7),
    ]
    found = remedy(
        make, '- {id: r, metric: sast.total, pass: "<= 1"}', make.evidence("sast", findings=findings)
    )
    assert found.text == snapshot("fix 1 finding, the worst first: C1 app/x.py:7")


def flaw(make, fingerprint, name, version, *fixed, severity="high"):
    """A finding in a dependency."""
    package = Package(ecosystem="PyPI", name=name, version=version, fixed_versions=fixed)
    return make.finding(
        fingerprint, severity, rule=f"CVE-{fingerprint}", advisory=f"CVE-{fingerprint}", package=package
    )


def test_packages_are_upgraded_to_the_lowest_version_that_clears_the_most(make):
    """One upgrade per package; what has no fix is named."""
    findings = [
        flaw(make, "1", "flask", "0.12", "0.12.3", "1.0"),
        flaw(make, "2", "flask", "0.12", "2.2.5", "2.3.2"),
        flaw(make, "3", "flask", "0.12", "1.0"),
        flaw(make, "4", "jinja2", "2.9", "2.10.1"),
        flaw(make, "5", "left-pad", "1.0"),
    ]
    found = remedy(
        make, '- {id: r, metric: sca.total, pass: "== 0"}', make.evidence("sca", findings=findings)
    )
    assert found.text == snapshot(
        "upgrade flask 0.12 -> 2.2.5 (3), jinja2 2.9 -> 2.10.1 (1); "
        "no fixed version is known for 1 finding, which must go too: CVE-5 in left-pad 1.0"
    )
    found = remedy(
        make, '- {id: r, metric: sca.total, pass: "<= 2"}', make.evidence("sca", findings=findings)
    )
    assert found.text == snapshot("upgrade flask 0.12 -> 2.2.5 (3)")
    found = remedy(
        make, '- {id: r, metric: sca.total, pass: "== 0"}', make.evidence("sca", findings=findings[4:])
    )
    assert found.text == snapshot(
        "no fixed version is known for 1 finding: replace or patch CVE-5 in left-pad 1.0"
    )


def test_the_smallest_upgrade_stays_in_its_series(make):
    """1.26.19 has what 1.26.17 mended, so nobody is sent to 2.2.2; 1.27 might have the flaw again."""
    findings = [
        flaw(make, "1", "urllib3", "1.26.15", "1.26.17", "2.0.6"),
        flaw(make, "2", "urllib3", "1.26.15", "1.26.19", "2.2.2"),
    ]
    rules = '- {id: r, metric: sca.total, pass: "== 0"}'
    found = remedy(make, rules, make.evidence("sca", findings=findings))
    assert found.text == snapshot("upgrade urllib3 1.26.15 -> 1.26.19 (2)")
    findings[1] = flaw(make, "2", "urllib3", "1.26.15", "1.27", "2.2.2")
    found = remedy(make, rules, make.evidence("sca", findings=findings))
    assert found.text == snapshot("upgrade urllib3 1.26.15 -> 2.2.2 (2)")


def test_versions_are_ordered_as_versions():
    """Ten comes after nine, a release after its candidates, and odd versions do not stop the order."""
    assert sorted(["1.10", "1.9", "1.0rc1", "1.0", "r5-x", "r40"], key=version_key)[-4:] == [
        "1.0rc1",
        "1.0",
        "1.9",
        "1.10",
    ]


def test_every_rule_that_does_not_pass_has_a_remedy(make):
    """Whatever the reason, a person is told what to do."""
    policy = make.policy(
        """
        - {id: a, metric: tests.failed, pass: "== 0"}
        - {id: b, metric: tests.total, no_worse_than: {by: 0}}
        - {id: c, metric: coverage.line, pass: ">= 80", warn: ">= 10"}
        - {id: d, metric: sast.fixed, pass: ">= 3"}
        - {id: e, metric: sast.total, pass: "== 0", only_if: {sast.files_scanned: ">= 5"}, on_too_few: block}
        - {id: f, metric: sca.dependencies, pass: ">= 5"}
        - {id: g, metric: secrets.unparsed, pass: "== 0"}
        """,
        "stages: [develop]",
    )
    evidence = [
        make.evidence("tests", {"tests.failed": 2, "tests.total": 3}),
        make.evidence("coverage", {"coverage.line": Ratio(1, 2)}),
        make.evidence("sast", {"sast.files_scanned": 1}, findings=[make.finding("x")]),
        make.evidence("sca", {"sca.dependencies": 2}),
        make.evidence("secrets", {"secrets.unparsed": 2}),
    ]
    for given_evidence in (evidence, evidence[1:], evidence[:1], []):
        for rule in make.decide(policy, *given_evidence).rules:
            assert rule.status == "pass" or rule.remedy.code in REMEDIES


@given(
    st.dictionaries(
        st.sampled_from("abcdefghijklm"), st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1
    ),
    st.fractions(min_value=Fraction(1, 1000), max_value=100, max_denominator=1000),
)
def test_covering_what_the_remedy_says_is_enough_and_no_less_is(make, files, threshold):
    """With so many lines more the rule passes; with one less it does not."""
    assume(any(h + m for h, m in files.values()))
    bound = f"{threshold.numerator * 1000 // threshold.denominator / 1000:.3f}"
    rules = f'- {{id: r, metric: coverage.line, pass: ">= {bound}"}}'
    assume(Fraction(bound) > 0)
    found = remedy(make, rules, covered(make, files))
    if found is None:
        return
    assert (
        sum(n for _, n in found.params["files"]) == found.params["lines"] or len(found.params["files"]) == 10
    )

    def decide(steps):
        after = dict(files)
        for path, _ in [*found.params["files"], *((path, 0) for path in files)]:
            hit, miss = after[path]
            now = min(miss, steps)
            after[path] = (hit + now, miss - now)
            steps -= now
        return make.decide(make.policy(rules), covered(make, after)).allowed

    assert decide(found.params["lines"])
    assert not decide(found.params["lines"] - 1)


@given(st.lists(st.sampled_from(list(Severity)), min_size=1, max_size=15), st.integers(0, 12))
def test_fixing_so_many_findings_is_enough_and_no_less_is(make, severities, most):
    """The count of the remedy is exact."""
    findings = [make.finding(str(i), severity, rule=f"R{i}") for i, severity in enumerate(severities)]
    rules = f'- {{id: r, metric: sast.total, pass: "<= {most}"}}'
    found = remedy(make, rules, make.evidence("sast", findings=findings))
    if found is None:
        assert len(findings) <= most
        return
    worst = sorted(findings, key=lambda f: list(Severity).index(f.severity))
    left = worst[found.params["count"] :]
    assert (
        found.params["findings"][0] == f"{worst[0].rule} app/db.py:1"
        or worst[0].severity == worst[1].severity
    )
    assert make.decide(make.policy(rules), make.evidence("sast", findings=left)).allowed
    more = worst[found.params["count"] - 1 :]
    assert not make.decide(make.policy(rules), make.evidence("sast", findings=more)).allowed


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 9), st.integers(1, 100))
def test_mending_so_many_tests_is_enough_and_no_less_is(make, passed, failed, skipped, threshold):
    """The count of the remedy is exact, for a rate too."""
    assume(passed + failed)
    rules = f'- {{id: r, metric: tests.pass_rate, pass: ">= {threshold}"}}'

    def evidence(mended):
        counts = {
            "tests.total": passed + failed + skipped,
            "tests.passed": passed + mended,
            "tests.skipped": skipped,
        }
        return make.evidence("tests", counts)

    found = remedy(make, rules, evidence(0))
    if found is not None:
        assert make.decide(make.policy(rules), evidence(found.params["count"])).allowed
        assert not make.decide(make.policy(rules), evidence(found.params["count"] - 1)).allowed


versions = st.integers(1, 9).map(lambda n: f"{n}.0")


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.lists(versions, max_size=3, unique=True)),
        min_size=1,
        max_size=8,
    )
)
def test_upgrading_clears_what_the_remedy_says(make, flaws):
    """Each named upgrade really clears so many findings, and all others are named."""
    findings = [flaw(make, str(i), name, "0.5", *sorted(fixed)) for i, (name, fixed) in enumerate(flaws)]
    rules = '- {id: r, metric: sca.total, pass: "== 0"}'
    found = remedy(make, rules, make.evidence("sca", findings=findings))
    left = {f.fingerprint: f for f in findings}
    for label, clears in found.params.get("packages", ()):
        name, _, _, target = label.split()
        mine = [(f, f.package.fixed_versions) for f in left.values() if f.package.name == name]
        gone = [f for f, fixed in mine if fixed and (target in fixed or target >= max(fixed))]
        assert len(gone) == clears
        for finding in gone:
            del left[finding.fingerprint]
    assert len(found.params.get("findings", ())) == len(left)


def test_line_numbers_of_the_helper_are_what_they_say(make):
    """The reports of this file have the lines that their counts promise."""
    document = covered(make, {"a": (2, 3)}).document
    assert numbers_in(document.lines["a"].hit) == [1, 2]
    assert numbers_in(document.lines["a"].miss) == [3, 4, 5]


def test_very_many_fixed_versions_cost_little(make):
    """A report may list as many as it likes; the highest of them is still found."""
    many = [f"1.{n}" for n in range(30_000)]
    findings = [flaw(make, "1", "big", "0.1", *many), flaw(make, "2", "big", "0.1", "2.0", "9" * 5_000)]
    found = remedy(
        make, '- {id: r, metric: sca.total, pass: "== 0"}', make.evidence("sca", findings=findings)
    )
    assert found.text == snapshot("upgrade big 0.1 -> 2.0 (2)")
