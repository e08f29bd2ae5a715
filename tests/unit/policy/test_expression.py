"""Conditions in CEL: what may be written, and what they say of facts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from gatekeeper.evidence import Kind
from gatekeeper.finding import Finding, Location, Package, Severity
from gatekeeper.policy.condition import MetricRef
from gatekeeper.policy.expression import NoAnswer, breaking, check_expression, holds
from gatekeeper.policy.finding_rows import FindingRows
from gatekeeper.policy.model import Expression, Need

NEEDS = {
    "sca.findings": Need(variable="sca.findings", findings=Kind.SCA),
    "tests.failed": Need(variable="tests.failed", metric=MetricRef("tests.failed")),
    "tests.total": Need(variable="tests.total", metric=MetricRef("tests.total")),
    "coverage.line": Need(variable="coverage.line", metric=MetricRef("coverage.line")),
    "e2e_failed": Need(variable="e2e_failed", metric=MetricRef("tests.failed", "e2e")),
}


def expression(source: str) -> Expression:
    """The expression with those needs whose names stand in it."""
    needs = tuple(need for name, need in sorted(NEEDS.items()) if name in source)
    return Expression(source=source, needs=needs, message="not so")


def finding(number: int, severity: str = "high", *, fixed: str = "", path: str | None = None) -> Finding:
    """A finding in the dependency lxml, or in a file."""
    package = None
    if path is None:
        package = Package(
            ecosystem="PyPI", name="lxml", version="5.2.1", fixed_versions=(fixed,) if fixed else ()
        )
    return Finding(
        fingerprint=str(number),
        tool="pip-audit",
        rule=f"CVE-2026-{number}",
        severity=Severity(severity),
        message="found",
        location=Location(path=path, line=number) if path else None,
        cwe=(79,),
        advisories=(f"CVE-2026-{number}",),
        package=package,
    )


def rows(*findings: Finding, new: frozenset[str] = frozenset()) -> FindingRows:
    """Open findings as an expression gets them."""
    return FindingRows(Kind.SCA, findings, new)


def said(source: str, **values: object) -> object:
    """The answer for these values; `__` stands for the dot in a name."""
    return holds(expression(source), {name.replace("__", "."): value for name, value in values.items()})


@pytest.mark.parametrize(
    "source",
    [
        'sca.findings.all(f, !(f.severity == "critical" && f.fixable))',
        "coverage.line >= 80.0 && tests.failed == 0",
        "e2e_failed == 0 || tests.failed < 3",
        "tests.total == 0 || 100 * tests.failed / tests.total < 5",
        "double(tests.failed) < 0.05 * double(tests.total)",
        'sca.findings.filter(f, f.new && f.severity in ["high", "critical"]).size() <= 3',
        'sca.findings.exists_one(f, f.rule == "CVE-2026-1") || tests.failed == 0',
        'sca.findings.all(f, f.path == null || !f.path.matches("^app/(pay|refund)/"))',
        'sca.findings.all(f, 79 in f.cwe || f.advisories.exists(a, a.startsWith("GHSA-")))',
        'sca.findings.all(f, f.package == null || f.package.contains("lxml") ? f.fixable : true)',
        "tests.failed in [0, 1] && -tests.failed % 2 <= 0",
    ],
)
def test_what_rules_say_is_allowed(source):
    """Comparisons, sums, conditions on findings, and the words around them."""
    assert check_expression(expression(source)) is None


def test_the_examples_of_the_guide_are_allowed():
    """Each line of its CEL block, with all that it names."""
    guide = (Path(__file__).parents[3] / "docs/guides/expressions.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```cel\n(.*?)```", guide, re.DOTALL)
    lines = block.splitlines()
    assert len(lines) > 4
    for line in lines:
        names = sorted(set(re.findall(r"\b(?:tests|coverage|sast|sca)\.[a-z]+", line)))
        needs = tuple(
            Need(variable=name, findings=Kind(name.partition(".")[0]))
            if name.endswith(".findings")
            else Need(variable=name, metric=MetricRef(name))
            for name in names
        )
        assert check_expression(Expression(source=line, needs=needs, message="m")) is None, line


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("coverage.line >= 80", "numbers that have a point, such as 80.0"),
        ("tests.failed ==", "at 1:16: Syntax error"),
        ("tests.failed", "must be a bool, and is a int"),
        ("true", "reads no facts"),
        ("tests.failed == 0 && tests.flaky == 0", "at 1:27: undeclared reference to 'tests.flaky'"),
        ("sca.findings.all(f, f.severty == 'high')", "a finding has no 'severty'; did you mean severity?"),
        ("sca.findings.all(f, f.severity == 'hihg')", "did you mean high?"),
        ("sca.findings.all(f, f.severity in ['critcal'])", "did you mean critical?"),
        ("sca.findings.all(f, f.kind != 'sac')", "did you mean sca?"),
        ("sca.findings.all(f, f.line == 'a')", "int and string cannot be compared"),
        ("sca.findings.all(f, '79' in f.cwe)", "cannot be used here on string, list of int"),
        ("sca.findings.all(f, f.severity > 'low')", "cannot be used here on string, string"),
        ("sca.findings.all(f, f.severity == null)", "can be null"),
        ("sca.findings.all(f, f.path.startsWith('a'))", "write `f.path != null && ...`"),
        ("sca.findings.all(f, f.line > 3)", "write `f.path != null && ...`"),
        ("sca.findings.all(f, f.rule.matches('('))", "the pattern of `matches` is none"),
        ("sca.findings.all(f, f.rule.matches(f.tool))", "a pattern that is written out"),
        ("sca.findings.all(f, f == f)", "cannot be compared"),
        ("sca.findings.all(f, f.fixable || f.severity)", "cannot be used here on bool, string"),
        ("sca.findings.all(f, f['severity'] == 'high')", "cannot be used here on finding, string"),
        ("sca.findings.all(f, has(f.fixable))", "`has` is always true"),
        ("sca.findings[0].fixable", "not taken by their position"),
        ("sca.findings.all(f, f.advisories[0] == f.rule)", "look at `size` first"),
        ("[1].all(e2e_failed, e2e_failed == 1)", "the name of something else"),
        ("sca.findings.map(f, f.line).size() == 0", "`map` is not for rules"),
        ("sca.findings.filter(f, f.fixable).all(f, f.new)", "`filter` is for counting"),
        ("sca.findings.filter(f, f.fixable)[0].new", "`filter` is for counting"),
        ("tests.failed == 0 && {'a': 1}.a == 1", "a map or a message is made"),
        ("tests.failed == 0 && dyn('a') == 1", "`dyn` cannot be used"),
        ("tests.failed == 0 && 'a' + 'b' == 'ab'", "`+` cannot be used here on string, string"),
        ("tests.failed == 0 && [].all(x, x)", "is not empty"),
        ("[[1], [1]].all(x, tests.failed in x)", "numbers or texts"),
        ("100 / tests.failed < 5", "it divides by zero"),
        ("1 / tests.failed == 1 || true", "it divides by zero"),
        ("double(tests.failed) / double(tests.total) >= 0.5", "write `a >= 0.5 * b`"),
        ("timestamp('2026-01-01T00:00:00Z').getHours('UTC') == tests.failed", "`timestamp` cannot be used"),
        ("tests.failed == 0 && tests.failed.__class__ == 1", "cannot be the operand of a select"),
        ("__import__('os').x == tests.failed", "undeclared reference to '__import__'"),
        ("type(tests.failed) == int", "`type` cannot be used"),
    ],
)
def test_what_is_wrong_is_said(source, words):
    """A typing error is not a rule that always or never holds, but a fault with a hint."""
    assert words in (check_expression(expression(source)) or "")


def test_a_need_that_is_not_read_is_a_fault():
    """It is a typing error, or a rest of an older expression."""
    needs = (NEEDS["coverage.line"], NEEDS["tests.failed"])
    one = Expression(source="tests.failed == 0", needs=needs, message="m")
    assert check_expression(one) == snapshot("does not read 'coverage.line', which `needs` names")


def test_findings_are_read_with_all_their_keys():
    """Severity, place, package, advisories; what a finding does not have is null."""
    in_file, in_package = finding(3, path="app/pay.py"), finding(4, "critical", fixed="6.0")
    every = rows(in_file, in_package, new=frozenset({"4"}))
    for condition in (
        'f.rule == "CVE-2026-3" && f.path == "app/pay.py" && f.line == 3 && f.package == null && !f.fixable',
        'f.package == "pypi/lxml" && f.version == "5.2.1" && f.fixable && f.new && f.path == null',
        'f.severity == "critical" && f.kind == "sca" && f.tool == "pip-audit" && 79 in f.cwe',
        '"CVE-2026-4" in f.advisories && f.advisories.size() == 1 && f.advisories[0] == f.rule',
    ):
        assert said(f"sca.findings.exists_one(f, {condition})", sca__findings=every) is True


def test_numbers_are_whole_or_with_a_point():
    """Counts are INT, percentages DOUBLE."""
    assert said("coverage.line >= 80.0", coverage__line=79.99) is False
    assert said("coverage.line >= 80.0", coverage__line=80.0) is True
    assert said("e2e_failed == 0 && tests.failed < 3", e2e_failed=0, tests__failed=2) is True


def test_alike_findings_are_counted_where_it_matters():
    """`all` looks at each kind of finding once; a count counts every one."""
    many = rows(*(finding(i, fixed="6.0") for i in range(50)))
    assert said("sca.findings.size() == 50", sca__findings=many) is True
    assert said("sca.findings.filter(f, f.fixable).size() == 50", sca__findings=many) is True
    assert said("sca.findings.exists_one(f, f.fixable)", sca__findings=many) is False
    assert said("sca.findings.all(f, f.fixable) && sca.findings.size() == 50", sca__findings=many) is True
    assert said("size(sca.findings.filter(f, sca.findings.size() == 50)) == 50", sca__findings=many) is True
    assert said("sca.findings.exists_one(f, f.fixable)", sca__findings=rows(finding(1, fixed="6.0"))) is True


def test_the_findings_that_break_a_condition_are_known():
    """For a condition on each finding; for other expressions nobody can tell."""
    every = rows(finding(1, fixed="6.0"), finding(2), finding(3, "low", fixed="6.0"))

    def broken(source):
        return [one.fingerprint for one in breaking(expression(source), {"sca.findings": every})]

    assert broken("sca.findings.all(f, !f.fixable)") == ["1", "3"]
    assert broken('!sca.findings.exists(f, f.severity == "high")') == ["1", "2"]
    assert broken("sca.findings.size() == 0") == []
    assert broken("sca.findings.all(f, sca.findings.size() < 3)") == []


def test_the_engine_is_loaded_only_for_an_expression():
    """Reading and judging a policy without one costs no start."""
    code = (
        "import sys, gatekeeper.policy.evaluate, gatekeeper.policy.load, gatekeeper.policy.expression;"
        "print(any(name.startswith('cel') for name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


BAD = {
    "fraction": 1.0,
    "truth": True,
    "nothing": None,
    "text": "0",
    "nan": float("nan"),
    "too-large": 2**63,
    "list": [],
    "findings": rows(),
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
def test_a_wrong_value_is_no_answer(value):
    """What is no count is never taken for one, whatever the expression makes of it."""
    assert isinstance(said("tests.failed >= 0 || true", tests__failed=value), NoAnswer)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), "80", None, True], ids=repr)
def test_a_percentage_that_is_none_is_no_answer(value):
    """NaN compares false with everything, so its negation would be true."""
    assert isinstance(said("!(coverage.line < 80.0)", coverage__line=value), NoAnswer)


def test_a_value_that_is_not_given_is_no_answer():
    """Nothing is filled in."""
    assert said("tests.failed == 0 || e2e_failed == 0", tests__failed=0, e2e_failed=None) == snapshot(
        NoAnswer("not-a-number")
    )
    assert isinstance(said("e2e_failed == 0 || tests.failed == 0", tests__failed=0), NoAnswer)


@pytest.mark.parametrize(
    "source",
    [
        "10 / tests.failed == 1 || tests.total == 0",
        "!(10 / tests.failed == 1 && tests.total == 1)",
        "sca.findings.exists(f, f.line > 3 || f.tool == 'pip-audit') || tests.failed == 0",
        "!sca.findings.all(f, f.line > 3 && tests.failed == 1)",
        "tests.failed == 0 ? 10 % tests.failed == 0 : true",
        "sca.findings.exists(f, f.cwe[7] == 1) || tests.failed == 0",
        "tests.failed - 9223372036854775807 - 2 < 0",
    ],
)
def test_an_error_is_never_hidden(source):
    """What stands beside it decides nothing: in plain CEL these are all true."""
    every = rows(finding(1), finding(2, path="a.py"))
    answer = said(source, tests__failed=0, tests__total=0, sca__findings=every)
    assert isinstance(answer, NoAnswer)


def test_what_is_left_of_an_error_may_decide():
    """As in most languages, so that a division can be guarded."""
    source = "tests.total == 0 || tests.failed / tests.total < 1"
    assert said(source, tests__failed=0, tests__total=0) is True
    assert said(source, tests__failed=1, tests__total=1) is False


severities = st.sampled_from(list(Severity))


@given(st.lists(st.tuples(severities, st.booleans(), st.booleans()), max_size=12))
def test_an_expression_says_what_python_says(found):
    """The same condition, written twice."""
    made = [finding(i, severity, fixed="6.0" if fix else "") for i, (severity, fix, _) in enumerate(found)]
    every = rows(*made, new=frozenset(str(i) for i, (_, _, new) in enumerate(found) if new))
    bad = [severity in ("critical", "high") and (fix or new) for severity, fix, new in found]
    condition = 'f.severity in ["critical", "high"] && (f.fixable || f.new)'
    assert said(f"sca.findings.exists(f, {condition})", sca__findings=every) is any(bad)
    assert said(f"sca.findings.all(f, !({condition}))", sca__findings=every) is not any(bad)
    assert said(f"sca.findings.filter(f, {condition}).size() == {sum(bad)}", sca__findings=every) is True
    all_of_them = expression(f"sca.findings.all(f, !({condition}))")
    assert [f.fingerprint for f in breaking(all_of_them, {"sca.findings": every})] == [
        str(i) for i, is_bad in enumerate(bad) if is_bad
    ]
