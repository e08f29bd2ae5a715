"""How several reports of one kind become one set of facts."""

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.evidence import Failure, Kind, Lines, Ratio
from gatekeeper.finding import Severity
from gatekeeper.line_ranges import as_text
from gatekeeper.policy.uniting import facts_of


def coverage(make, files, *, job, **metrics):
    """A coverage report from {path: (hit lines, missed lines)}."""
    lines = {path: Lines(hit=as_text(sorted(h)), miss=as_text(sorted(m))) for path, (h, m) in files.items()}
    covered = sum(len(h) for h, _ in files.values())
    total = covered + sum(len(m) for _, m in files.values())
    values = {"coverage.lines_covered": covered, "coverage.lines_total": total}
    if total:
        values["coverage.line"] = Ratio(covered, total)
    return make.evidence("coverage", values | metrics, lines=lines, job=job)


def test_tests_add_up(make):
    """Counts are summed and the rate is computed from the sums."""
    one = make.evidence(
        "tests", {"tests.total": 4, "tests.passed": 3, "tests.failed": 1, "tests.skipped": 0}, job="a"
    )
    two = make.evidence(
        "tests", {"tests.total": 8, "tests.passed": 4, "tests.failed": 0, "tests.skipped": 4}, job="b"
    )
    values = facts_of(Kind.TESTS, [one, two], None).values
    assert (values["tests.total"], values["tests.failed"]) == (12, 1)
    assert values["tests.pass_rate"] == Ratio(7, 8)


def test_the_same_bytes_twice_count_once(make):
    """A report that arrives in two slots is one report."""
    items = [make.evidence("tests", {"tests.total": 4}, job=job, sha="sha256:" + "5" * 64) for job in "ab"]
    assert facts_of(Kind.TESTS, items, None).values["tests.total"] == 4


def test_no_test_at_all_is_not_no_failure(make):
    """Where nothing ran, only that is known."""
    facts = facts_of(Kind.TESTS, [make.evidence("tests", {"tests.total": 0, "tests.failed": 0})], None)
    assert dict(facts.values) == {"tests.total": 0}
    assert facts.absent["tests.failed"] == "nothing-counted"


def test_a_count_that_one_report_does_not_give_is_absent(make):
    """The sum of what is known is not the sum."""
    items = [
        make.evidence("tests", {"tests.total": 4, "tests.flaky": 1}, job="a"),
        make.evidence("tests", {"tests.total": 4}, job="b"),
    ]
    facts = facts_of(Kind.TESTS, items, None)
    assert "tests.flaky" not in facts.values
    assert facts.absent["tests.flaky"] == "cannot-unite"


def test_coverage_unites_line_sets(make):
    """A line is covered when one of the reports ran it; it is not counted twice."""
    one = coverage(make, {"a.py": ({1, 2}, {3, 4})}, job="a")
    two = coverage(make, {"a.py": ({3}, {1, 2, 4}), "b.py": ({1}, set())}, job="b")
    facts = facts_of(Kind.COVERAGE, [one, two], None)
    assert facts.values["coverage.line"] == Ratio(4, 5)
    assert facts.files["a.py"].miss == ((4, 4),)


def test_branches_of_reports_with_a_common_file_cannot_be_united(make):
    """Two percentages of the same branches do not add up to one."""
    branch = {"coverage.branches_covered": 1, "coverage.branches_total": 2, "coverage.branch": Ratio(1, 2)}
    one = coverage(make, {"a.py": ({1}, set())}, job="a", **branch)
    same, other = (coverage(make, {path: ({2}, set())}, job="b", **branch) for path in ("a.py", "b.py"))
    together = facts_of(Kind.COVERAGE, [one, same], None)
    assert together.absent["coverage.branch"] == "cannot-unite"
    assert together.values["coverage.line"] == Ratio(2, 2)
    assert facts_of(Kind.COVERAGE, [one, other], None).values["coverage.branch"] == Ratio(2, 4)


def test_a_summary_without_lines_cannot_be_united(make):
    """A total whose lines are unknown may overlap with anything."""
    one = coverage(make, {"a.py": ({1}, set())}, job="a")
    summary = {"coverage.lines_covered": 9, "coverage.lines_total": 9, "coverage.line": Ratio(9, 9)}
    two = make.evidence("coverage", summary, job="b")
    facts = facts_of(Kind.COVERAGE, [one, two], None)
    assert "coverage.line" not in facts.values
    assert facts.absent["coverage.line"] == "cannot-unite"


def test_one_report_keeps_its_own_metrics(make):
    """Nothing is recomputed where nothing must be united."""
    one = coverage(make, {"a.py": ({1}, {2})}, job="a", **{"coverage.branch": Ratio(1, 4)})
    assert facts_of(Kind.COVERAGE, [one], None).values["coverage.branch"] == Ratio(1, 4)


def test_findings_unite_by_fingerprint(make):
    """The worst severity wins, and open wins over suppressed."""
    one = make.evidence(
        "sast", findings=[make.finding("f1", "medium"), make.finding("f2", "low", suppressed=True)], job="a"
    )
    two = make.evidence("sast", findings=[make.finding("f1", "critical"), make.finding("f2", "low")], job="b")
    values = facts_of(Kind.SAST, [one, two], None).values
    assert {k.removeprefix("sast."): v for k, v in values.items() if v} == {
        "total": 2, "critical": 1, "low": 1, "new.total": 2, "new.critical": 1, "new.low": 1,
    }  # fmt: skip


def test_new_and_fixed_against_the_baseline(make):
    """A finding is new when the baseline did not have it open; severity and place are not identity."""
    before = make.evidence(
        "sast",
        findings=[make.finding("old", "low"), make.finding("gone"), make.finding("quiet", suppressed=True)],
    )
    now = make.evidence(
        "sast",
        findings=[make.finding("old", "critical", line=99), make.finding("quiet"), make.finding("fresh")],
    )
    values = facts_of(Kind.SAST, [now], [before]).values
    assert (values["sast.new.total"], values["sast.new.critical"], values["sast.fixed"]) == (2, 0, 1)
    alone = facts_of(Kind.SAST, [now], None).values
    assert (alone["sast.new.total"], "sast.fixed" in alone) == (3, False)
    assert facts_of(Kind.SAST, [now], []).values["sast.new.total"] == 3


def test_more_counted_than_listed_is_unknown(make):
    """A report that counts five findings and lists none does not say which severities they have."""
    facts = facts_of(Kind.SAST, [make.evidence("sast", {"sast.total": 5, "sast.high": 0})], None)
    assert "sast.high" not in facts.values
    assert facts.absent["sast.high"] == "cannot-count"


def test_a_report_without_a_total_gives_no_counts(make):
    """Where the reader could not count, the length of the list is no count."""
    item = make.evidence("sast", {"sast.total": None})
    assert "sast.high" not in facts_of(Kind.SAST, [item], None).values


files = st.dictionaries(
    st.sampled_from(["a.py", "b.py"]),
    st.tuples(st.sets(st.integers(1, 12)), st.sets(st.integers(1, 12))).map(lambda p: (p[0], p[1] - p[0])),
)


@given(st.lists(files, min_size=2, max_size=4))
def test_united_coverage_is_the_union_of_sets(make, reports):
    """Lines of several reports behave as sets of (path, line)."""
    items = [coverage(make, report, job=str(i)) for i, report in enumerate(reports)]
    values = facts_of(Kind.COVERAGE, items, None).values
    hit = {(path, n) for report in reports for path, (h, _) in report.items() for n in h}
    known = hit | {(path, n) for report in reports for path, (_, m) in report.items() for n in m}
    assert (values["coverage.lines_covered"], values["coverage.lines_total"]) == (len(hit), len(known))


reports = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(list(Severity)), st.booleans()), max_size=5),
    min_size=1,
    max_size=4,
)


@given(reports, st.randoms())
def test_uniting_does_not_depend_on_order(make, found, random):
    """Any order of reports gives the same facts, and no fingerprint is counted twice."""
    items = [
        make.evidence("sast", findings=[make.finding(*f[:2], suppressed=f[2]) for f in report], job=str(i))
        for i, report in enumerate(found)
    ]
    facts = facts_of(Kind.SAST, items, None)
    random.shuffle(items)
    assert facts_of(Kind.SAST, items, None) == facts
    opened = {f for report in found for f, _, suppressed in report if not suppressed}
    assert facts.values["sast.total"] == len(opened)


def test_failures_of_all_reports_are_known(make):
    """The names of failing tests come from every report, each once."""
    failure = Failure(name="test_pay", suite="pay", message="boom")
    items = [make.evidence("tests", {"tests.failed": 1}, failures=(failure,), job=job) for job in "ab"]
    assert facts_of(Kind.TESTS, items, None).failures == (failure,)
