"""Whoever does what a remedy says gets that rule green: each remedy carried out on generated facts."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from packaging.version import Version

from gatekeeper.decision import Remedy
from gatekeeper.evidence import Database, Evidence, Failure, Lines, Problem, Ratio, State
from gatekeeper.finding import Finding, Package, Severity
from gatekeeper.line_ranges import as_text
from gatekeeper.messages.remedies import REMEDIES
from gatekeeper.policy.condition import Condition, Op
from gatekeeper.policy.effort import EFFORTS
from gatekeeper.subject import Source


@dataclass(frozen=True)
class Facts:
    """What the reports of a build say: the things that a developer can change."""

    passed: int = 5
    failed: int = 0
    errors: int = 0
    skipped: int = 0
    is_named: bool = True
    files: dict[str, tuple[int, int]] = field(default_factory=lambda: {"a.py": (5, 5)})
    branches: tuple[int, int] = (3, 9)
    code: tuple[Finding, ...] = ()
    packages: tuple[Finding, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    """Counts that reports state beside those that are counted here."""

    def reports(self, make) -> list[Evidence]:
        """The reports."""
        metrics = {
            "tests.total": self.passed + self.failed + self.errors + self.skipped,
            "tests.passed": self.passed,
            "tests.failed": self.failed,
            "tests.errors": self.errors,
            "tests.skipped": self.skipped,
        }
        names = [(f"test_f{i}", False) for i in range(self.failed)]
        names += [(f"test_e{i}", True) for i in range(self.errors)]
        failures = [Failure(name=n, suite="s", message="", is_error=broke) for n, broke in names]
        hit, total = sum(h for h, _ in self.files.values()), sum(h + m for h, m in self.files.values())
        covered, all_branches = self.branches
        coverage = {
            "coverage.lines_covered": hit,
            "coverage.lines_total": total,
            "coverage.branches_covered": covered,
            "coverage.branches_total": all_branches,
        }
        coverage |= {"coverage.line": Ratio(hit, total)} if total else {}
        coverage |= {"coverage.branch": Ratio(covered, all_branches)} if all_branches else {}
        lines = {
            path: Lines(hit=as_text(range(1, h + 1)), miss=as_text(range(h + 1, h + m + 1)))
            for path, (h, m) in self.files.items()
        }

        def stated(kind: str) -> dict[str, int]:
            return {name: n for name, n in self.counts.items() if name.startswith(f"{kind}.")}

        return [
            make.evidence(
                "tests", metrics | stated("tests"), failures=tuple(failures) if self.is_named else ()
            ),
            make.evidence("coverage", coverage | stated("coverage"), lines=lines),
            make.evidence("sast", stated("sast"), findings=self.code),
            make.evidence("sca", stated("sca"), findings=self.packages),
        ]


def covered(facts: Facts, remedy: Remedy) -> Facts:
    """Cover that many lines: first in the files that are named."""
    files, left = dict(facts.files), remedy.params["lines"]
    named = [path for path, _ in remedy.params["files"]]
    for path in [*named, *(path for path in files if path not in named)]:
        hit, miss = files[path]
        now = min(miss, left)
        files[path], left = (hit + now, miss - now), left - now
    assert not left, "there are not that many lines"
    return replace(facts, files=files)


def covered_more(facts: Facts, remedy: Remedy) -> Facts:
    """Cover that many more of what is only counted."""
    assert remedy.params["what"] == "branches"
    hit, total = facts.branches
    assert hit + remedy.params["count"] <= total
    return replace(facts, branches=(hit + remedy.params["count"], total))


def mended(facts: Facts, remedy: Remedy) -> Facts:
    """Mend that many of the named tests, or of those that did not pass."""
    count = remedy.params["count"]
    named = [name.removeprefix("s: ") for name in remedy.params.get("tests", ())]
    broken = sum(name.startswith("test_e") for name in named) if named else facts.errors
    failed = sum(name.startswith("test_f") for name in named) if named else facts.failed
    # Only ten are named; the rest are of the same sort.
    failed = facts.failed if len(named) == 10 and failed else failed
    broken = facts.errors if len(named) == 10 and broken else broken
    metric = remedy.params.get("metric")
    f = 0 if metric == "tests.errors" else min(count, failed)
    e = 0 if metric == "tests.failed" else min(count - f, broken)
    assert f + e == count
    return replace(facts, passed=facts.passed + count, failed=facts.failed - f, errors=facts.errors - e)


def fixed(facts: Facts, remedy: Remedy) -> Facts:
    """Fix the named findings, and as many of the next worst as the count says."""
    places = list(remedy.params["findings"])
    assert len(places) == min(10, remedy.params["count"])
    worst = sorted(facts.code, key=lambda f: list(Severity).index(f.severity))
    gone = [f for f in worst if f"{f.rule} {f.location.path}:{f.location.line}" in places]
    severities = {f.severity for f in gone}
    # A rule on one severity counts no other; one on all of them goes on with the next worst.
    gone += [f for f in worst if f not in gone and f.severity in severities]
    gone += [f for f in worst if f not in gone]
    gone = gone[: remedy.params["count"]] if len(places) == 10 else gone[: len(places)]
    return replace(facts, code=tuple(f for f in facts.code if f not in gone))


def is_cleared(finding: Finding, target: str) -> bool:
    """True when the advisory itself says that `target` is not affected."""
    versions = [Version(v) for v in finding.package.fixed_versions]
    series = [v for v in versions if v.release[:2] == Version(target).release[:2]]
    return bool(versions) and (
        Version(target) in versions
        or Version(target) >= max(versions)
        or any(Version(target) >= v for v in series)
    )


def upgraded(facts: Facts, remedy: Remedy) -> Facts:
    """Upgrade the named packages: every advisory that the target clears is gone."""
    left = list(facts.packages)
    for label, clears in remedy.params["packages"]:
        name, current, _, target = label.split()
        assert Version(target) > Version(current)
        gone = [f for f in left if f.package.name == name and is_cleared(f, target)]
        assert len(gone) >= clears
        left = [f for f in left if f not in gone]
    return replace(facts, packages=tuple(left))


def replaced(facts: Facts, remedy: Remedy) -> Facts:
    """Replace what is named, and others without a fix up to the count."""
    named = [
        f for f in facts.packages if f"{f.advisories[0]} in {f.package.name} 0.5" in remedy.params["findings"]
    ]
    assert len(named) == min(10, remedy.params["count"])
    worst = sorted(facts.packages, key=lambda f: list(Severity).index(f.severity))
    gone = (named + [f for f in worst if f not in named])[: remedy.params["count"]]
    return replace(facts, packages=tuple(f for f in facts.packages if f not in gone))


def brought(facts: Facts, remedy: Remedy) -> Facts:
    """Bring a number to the one that is named."""
    name, to = remedy.params["metric"], int(remedy.params["to"])
    if name == "tests.total":
        return replace(facts, passed=facts.passed + to - int(remedy.params["actual"]))
    if name == "tests.skipped":
        return replace(facts, skipped=to)
    return replace(facts, counts=facts.counts | {name: to})


def guarded(facts: Facts, remedy: Remedy) -> Facts:
    """Bring the guard to its condition."""
    op, _, number = remedy.params["condition"].partition(" ")
    assert Condition(Op(op), number).holds(Fraction(number))
    return replace(facts, counts=facts.counts | {remedy.params["guard"]: int(number)})


APPLY: dict[str, Callable[[Facts, Remedy], Facts]] = {
    "cover-lines": covered,
    "cover-more": covered_more,
    "mend-tests": mended,
    "mend-tests-unnamed": mended,
    "fix-findings": fixed,
    "upgrade-packages": upgraded,
    "upgrade-many": upgraded,
    "upgrade-and-fix": lambda facts, remedy: replaced(upgraded(facts, remedy), remedy),
    "replace-packages": replaced,
    "raise-metric": brought,
    "lower-metric": brought,
    "restore-amount": brought,
    "reach-guard": guarded,
}

versions = st.builds(lambda a, b: f"{a}.{b}", st.integers(0, 3), st.integers(0, 3))
severity = st.sampled_from(list(Severity))


def flaw(make, i, name, fixes, worst) -> Finding:
    """A finding in a dependency of version 0.5."""
    package = Package(ecosystem="PyPI", name=name, version="0.5", fixed_versions=tuple(fixes))
    return make.finding(f"p{i}", worst, rule=f"CVE-{i}", advisory=f"CVE-{i}", package=package)


@st.composite
def facts(draw, make) -> Facts:
    """Builds of all sorts, most of them with something wrong."""
    files = draw(
        st.dictionaries(
            st.sampled_from([f"{c}.py" for c in "abcdefghijklm"]),
            st.tuples(st.integers(0, 9), st.integers(0, 9)),
            min_size=1,
        )
    )
    hit = draw(st.integers(0, 9))
    flaws = draw(
        st.lists(
            st.tuples(
                st.sampled_from([f"p{i}" for i in range(13)]),
                st.lists(versions, max_size=3, unique=True),
                severity,
            ),
            max_size=25,
        )
    )
    found = draw(st.lists(severity, max_size=14))
    small = st.integers(0, 13)
    return Facts(
        passed=draw(small),
        failed=draw(small),
        errors=draw(small),
        skipped=draw(small),
        is_named=draw(st.booleans()),
        files=files,
        branches=(hit, hit + draw(small)),
        code=tuple(make.finding(f"c{i}", s, rule=f"R{i}", line=i + 1) for i, s in enumerate(found)),
        packages=tuple(
            flaw(make, i, name, sorted(fixes, key=Version), s) for i, (name, fixes, s) in enumerate(flaws)
        ),
        counts={
            "sast.files_scanned": draw(small),
            "sca.dependencies": draw(small),
            "sca.unaudited": draw(small),
        },
    )


AT_LEAST = ("tests.pass_rate", "coverage.line", "coverage.branch")
COUNTS_UP = ("tests.total", "coverage.lines_covered", "sast.files_scanned", "sca.dependencies")
COUNTS_DOWN = (
    "tests.failed", "tests.errors", "tests.skipped", "sast.total", "sast.critical", "sast.new.total",
    "sca.total", "sca.critical", "sca.fixable", "sca.unaudited", "sca.new.critical",
)  # fmt: skip


@st.composite
def rules(draw) -> str:
    """One rule with a demand that its metric can meet."""
    name = draw(st.sampled_from(AT_LEAST + COUNTS_UP + COUNTS_DOWN))
    if name in AT_LEAST:
        op, bound = draw(st.sampled_from([">=", ">"])), draw(st.integers(1, 99))
    elif name in COUNTS_UP:
        op, bound = draw(st.sampled_from([">=", ">"])), draw(st.integers(1, 30))
    else:
        op, bound = draw(st.sampled_from(["<=", "<"])), draw(st.integers(1, 8))
    guard = draw(st.sampled_from(["", ', only_if: {sast.files_scanned: ">= 7"}, on_too_few: block']))
    return f'- {{id: r, metric: {name}, pass: "{op} {bound}"{guard}}}'


@given(st.data())
def test_following_a_remedy_makes_its_rule_pass(make, data):
    """One is enough; of very many packages ten are named at a time, and a guard comes before its rule."""
    build, policy = data.draw(facts(make)), make.policy(data.draw(rules()))
    for _ in range(4):
        result = make.rule(make.decide(policy, *build.reports(make)), "r")
        if result.status == "pass":
            return
        assume(result.status == "fail")  # a ratio of nothing is missing
        before, build = build, APPLY[result.remedy.code](build, result.remedy)
        assert build != before
        after = make.rule(make.decide(policy, *build.reports(make)), "r")
        if result.remedy.code not in ("upgrade-many", "reach-guard"):
            assert after.status == "pass", (result.remedy, build)
    assert after.status == "pass"


@given(st.data(), st.sampled_from(["tests.total", "coverage.line", "sca.critical", "sast.files_scanned"]))
def test_following_a_remedy_reaches_the_baseline(make, data, metric):
    """The same for rules that compare with what was there before."""
    build, before = data.draw(facts(make)), data.draw(facts(make))
    by = data.draw(st.sampled_from(["0", "1", "10%"]))
    policy = make.policy(f"- {{id: r, metric: {metric}, no_worse_than: {{by: {by}}}}}")
    baseline = before.reports(make)
    result = make.rule(make.decide(policy, *build.reports(make), baseline=baseline), "r")
    for _ in range(3):
        if result.status != "fail":
            return
        assume(result.remedy.code != "make-baseline")  # before, there was a ratio of nothing
        build = APPLY[result.remedy.code](build, result.remedy)
        result = make.rule(make.decide(policy, *build.reports(make), baseline=baseline), "r")
    assert result.status == "pass"


@given(st.lists(st.lists(versions, max_size=4, unique=True), min_size=1, max_size=6))
def test_no_lower_version_clears_as_many(make, fixes):
    """The target is the lowest of those that clear the most of one package's advisories."""
    findings = [flaw(make, i, "lxml", sorted(each, key=Version), "high") for i, each in enumerate(fixes)]
    policy = make.policy('- {id: r, metric: sca.total, pass: "== 0"}')
    remedy = make.rule(make.decide(policy, make.evidence("sca", findings=findings)), "r").remedy

    def cleared(version):
        return sum(is_cleared(f, version) for f in findings)

    options = {v for each in fixes for v in each if Version(v) > Version("0.5")}
    most = max(map(cleared, options), default=0)
    if not most:
        assert remedy.code == "replace-packages"
        return
    ((label, clears),) = remedy.params["packages"]
    target = label.split()[-1]
    assert clears == most == cleared(target)
    assert Version(target) == min(Version(v) for v in options if cleared(v) == most)


def test_a_change_without_direction_names_its_condition(make):
    """Nobody can say how findings of before get fixed, only how many must be."""
    policy = make.policy('- {id: r, metric: sast.fixed, pass: ">= 2"}', "stages: [develop]")
    before = [make.evidence("sast", findings=[make.finding(str(i)) for i in range(3)])]
    now = make.evidence("sast", findings=[make.finding(str(i)) for i in range(3)])
    remedy = make.rule(make.decide(policy, now, baseline=before), "r").remedy
    assert (remedy.code, remedy.params["to"]) == ("change-metric", ">= 2")
    left = make.evidence("sast", findings=[make.finding("0")])
    assert make.rule(make.decide(policy, left, baseline=before), "r").status == "pass"


RULE = '- {id: r, metric: sca.total, pass: "== 0"}'
OLD = timedelta(days=9)
FAULTS = {
    "supply": lambda make: [make.evidence("tests")],
    "supply-name": lambda make: [make.evidence("sca", name="app")],
    "supply-tool": lambda make: [make.evidence("sca", name="lock", tool="other")],
    "supply-for-subject": lambda make: [make.evidence("sca", name="lock", source=Source(tree="2" * 40))],
    "run-again": lambda make: [make.evidence("sca", name="lock", tool="pip-audit", age=OLD)],
    "set-clock": lambda make: [
        make.evidence("sca", name="lock", tool="pip-audit", age=-OLD, produced_at=make.as_of + OLD)
    ],
    "update-database": lambda make: [scan(make, database_age=OLD)],
    "complete-report": lambda make: [
        make.evidence("sca", name="lock", state=State.INCOMPLETE, problems=(Problem(code="unaudited"),))
    ],
    "readable-report": lambda make: [make.evidence("sca", name="lock", state=State.UNREADABLE)],
    "report-with-metric": lambda make: [scan(make)],
    "check-report": lambda make: [scan(make, {"sca.total": 4})],
}
"""What is wrong with the scan, by the remedy that it takes; the good scan mends each."""


def scan(make, metrics=None, *, database_age=timedelta(hours=1), **how) -> Evidence:
    """A good scan of the lock file."""
    newest = make.as_of - database_age
    database = Database(digest="sha256:" + "d" * 64, records=9, newest_at=newest, is_complete=True)
    return make.evidence("sca", metrics, name="lock", tool="pip-audit", database=database, order=2, **how)


@pytest.mark.parametrize("code", FAULTS)
def test_supplying_what_is_missing_makes_the_rule_pass(make, code):
    """Each remedy for missing facts asks for one good report, and that is enough."""
    top = "stages: [develop]\nevidence: {sca: {from: develop, names: [lock], tools: [pip-audit]}}"
    if code == "update-database":
        top = top.replace("}}", ", db_max_age: 48h}}")
    if code == "supply":
        top = "stages: [develop]"
    rule = RULE if code != "report-with-metric" else '- {id: r, metric: sca.dependencies, pass: ">= 1"}'
    policy = make.policy(rule, top)
    result = make.rule(make.decide(policy, *FAULTS[code](make)), "r")
    assert (result.status, result.remedy.code) == ("missing", code)
    assert result.remedy.params.get("name", "lock") in ("lock", "unit")
    good = scan(make, {"sca.dependencies": 3})
    assert make.rule(make.decide(policy, good), "r").status == "pass"


def test_each_remedy_of_a_metric_rule_is_followed_here():
    """A new remedy for a value or a report comes with the test that following it is enough."""
    elsewhere = {
        "change-metric",  # above: there is no number to bring it to
        "make-baseline",  # a decision, not a fact
        "name-artifact", "link-artifact", "complete-set", "one-report",  # test_honest_evidence
        "supply-bound", "supply-observed", "supply-protected",  # trust
        "meet-expression", "mend-expression",  # expressions
        "enter-before", "wait-for-window", "change-window", "name-zone", "sign", "name-parties",
        "settle-obligation",  # people and time
    }  # fmt: skip
    assert set(REMEDIES) == set(APPLY) | set(FAULTS) | elsewhere
    assert set(REMEDIES) == {code for effort in EFFORTS for code in effort.codes}
