"""Expressions that want to break the gate: refused or without an answer, in little time and memory."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from gatekeeper.policy.expression import NoAnswer, check_expression, holds

from .test_expression import expression, finding, rows, said

CHILD = """
import json, resource, sys, time
from gatekeeper.evidence import Kind
from gatekeeper.policy.condition import MetricRef
from gatekeeper.policy.expression import check_expression, holds, NoAnswer
from gatekeeper.policy.finding_rows import FindingRows
from gatekeeper.policy.model import Expression, Need
from gatekeeper.finding import Finding, Location, Severity

def one(i):
    return Finding(fingerprint=str(i), tool="t", rule=f"R{i}", severity=Severity.LOW, message="",
                   location=Location(path=f"{'a' * 200}{i}.py", line=i + 1))

source, count = json.load(sys.stdin)
needs = [Need(variable="tests.failed", metric=MetricRef("tests.failed"))]
if "sast.findings" in source:
    needs.insert(0, Need(variable="sast.findings", findings=Kind.SAST))
found = FindingRows(Kind.SAST, [one(i) for i in range(count)], frozenset())
values = {"tests.failed": 0, "sast.findings": found}
subject = Expression(source=source, needs=tuple(needs), message="m")
check_expression(Expression(source="tests.failed == 0", needs=(needs[-1],), message="m"))
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
fault, answer = check_expression(subject), holds(subject, values)
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps({
    "fault": fault, "answer": None if isinstance(answer, NoAnswer) else answer,
    "seconds": time.process_time() - began, "mb": grown,
}))
"""
"""Judges one expression in a process that may die, and says what it took."""


def judged_apart(source: str, count: int = 0) -> dict:
    """What a child process says of `source` over so many findings; a crash or 60 seconds fail the test."""
    ran = subprocess.run(
        [sys.executable, "-P", "-c", CHILD],
        input=json.dumps([source, count]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(ran.stdout)


GROW = ".map(a,a+a+a+a+a+a+a+a)"
BOMBS = {
    "nested parentheses": "(" * 900 + "tests.failed == 0" + ")" * 900,
    "nested negations": "!(" * 600 + "tests.failed == 0" + ")" * 600,
    "nested conditions": "tests.failed == 0 ? " * 60 + "true" + " : true" * 60,
    "a long sum": "tests.failed" + "+1" * 900 + " == 0",
    "850 kB of and": " && ".join(["tests.failed == 0"] * 40_000),
    "100 kB of spaces": "tests.failed == 0" + " " * 100_000,
    "texts that double": "tests.failed == 0 && ['aaaaaaaaaa']" + GROW * 12 + ".size() == 1",
    "lists that double": "tests.failed == 0 && [1]" + ".map(a,[a,a])" * 26 + ".size() == 1",
    "lists in lists": "tests.failed == 0 && [[1,1],[1,1]].all(a, [a,a].all(b, [b,b].all(c, c == c)))",
    "a huge repetition": "tests.failed == 0 && 'a'.matches('((a{900}){900}){900}')",
    "a message": "google.protobuf.Any{type_url: 'x'} == tests.failed",
    "python": "tests.failed.__class__.__bases__[0].__subclasses__() == 0",
    "a format": "'{0.__class__}'.format([tests.failed]) == ''",
    "a null byte": "tests.failed == 0 \x00 || true",
    "half a surrogate": "tests.failed == 0 || '\ud800' == ''",
    "another direction": "tests.failed == 0 \u202e || eurt",
    "a huge number": "tests.failed == " + "9" * 1_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name):
    """At once, in a process that lives on, and it has no answer when it is judged all the same."""
    report = judged_apart(BOMBS[name])
    assert report["fault"]
    assert report["answer"] is None
    assert report["seconds"] < 1
    assert report["mb"] < 50


SLOW = {
    "a regex that backtracks": (
        "sast.findings.all(f, tests.failed == 0 && (f.path == null || !f.path.matches('(a+)+$')))",
        5_000,
    ),
    "three loops in each other": (
        "sast.findings.all(f, sast.findings.all(g, sast.findings.all(h, f.rule != g.rule || h.rule != '')))"
        " && tests.failed == 0",
        2_000,
    ),
    "a count over 12,000": ("sast.findings.filter(f, f.line > 0).size() > tests.failed", 12_000),
    "much for each of 9,000": (
        "sast.findings.all(f, " + " && ".join(["!f.path.matches('(a+)+b$')"] * 20) + ") && tests.failed == 0",
        9_000,
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_much_work_ends(name):
    """The engine counts iterations, and its patterns take linear time."""
    source, count = SLOW[name]
    report = judged_apart(source, count)
    assert report["seconds"] < 10
    assert report["mb"] < 300
    assert report["answer"] is not False or report["fault"] is None


@pytest.mark.parametrize("count", [9_999, 10_000, 12_000])
def test_many_findings(count):
    """Alike ones are looked at once, so there is an answer; beyond 10,000 unlike ones there is none."""
    alike = rows(*(finding(i) for i in range(count)))
    assert said('sca.findings.all(f, f.severity != "critical")', sca__findings=alike) is True
    worse = rows(*(finding(i) for i in range(count)), finding(count, "critical"))
    assert said('sca.findings.all(f, f.severity != "critical")', sca__findings=worse) is False
    unlike = said('sca.findings.all(f, f.rule != "")', sca__findings=alike)
    assert unlike == (True if count < 10_000 else NoAnswer("too-many-findings"))
    counted = f"sca.findings.filter(f, !f.fixable).size() == {count} && sca.findings.size() == {count}"
    assert said(counted, sca__findings=alike) is True


def test_an_expression_that_was_never_checked_is_still_refused():
    """Whatever path it took into a policy, what is not allowed has no answer."""
    for source in (
        "true || tests.failed == 0",
        "tests.failed",
        "'yes'",
        "dyn(tests.failed) == 0",
        "nonsense(",
    ):
        answer = holds(expression(source), {"tests.failed": 0})
        assert answer is True if source.startswith("true") else answer == NoAnswer("not-usable")


def test_the_words_of_a_fault_are_short_and_clean():
    """One line, without the engine's wrapping, whatever the source holds."""
    for source in ("tests.failed == 0 &&\n\n (", "tests.failed @ 0", "x" * 1_999, "\x1b[31m == tests.failed"):
        fault = check_expression(expression(source))
        assert fault is not None
        assert len(fault) < 400
        assert "\n" not in fault
        assert "INVALID_ARGUMENT" not in fault
    assert check_expression(expression("tests.failed = 0")) == snapshot(
        "at 1:14: Syntax error: token recognition error at: '= '"
    )


WORDS = """
    sca.findings tests.failed coverage.line f f.line f.path f.severity f.cwe f.fixable .all(f, .exists(f,
    .filter(f, .exists_one(f, .map(f, .size() .matches( .startsWith( ( ) [ ] { } , && || ! == != < >= + - * /
    % ? : in 0 1 80.0 9223372036854775807 null true false 'high' 'a' '(' b'x' 1u dyn( int( double( has( type(
    duration('1s') timestamp( @result `a` //
"""
conditions = st.sampled_from(
    [
        "f.fixable",
        "f.line > 1",
        "f.path == null",
        'f.severity == "high"',
        "1 / tests.failed > 0",
        "79 in f.cwe",
    ]
)
sound = st.recursive(
    st.sampled_from(["tests.failed == 0", "coverage.line >= 80.0", "1 % tests.failed == 0"])
    | conditions.map(lambda one: f"sca.findings.all(f, {one})")
    | conditions.map(lambda one: f"sca.findings.filter(f, {one}).size() > tests.failed"),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" && ", " || "]), inner).map(lambda parts: f"({''.join(parts)})"),
        inner.map(lambda one: f"!({one})"),
    ),
    max_leaves=6,
)


@given(st.one_of(st.lists(st.sampled_from(WORDS.split()), max_size=25).map(" ".join), sound))
@settings(max_examples=300)
def test_whatever_is_written_there_is_an_answer_or_a_fault(source):
    """No crash and no exception; what is refused has no answer, or at most one that the probe did not see."""
    one = expression(source)
    fault = check_expression(one)
    assert fault is None or (fault and "\n" not in fault)
    every = rows(finding(1, fixed="6.0"), finding(2, path="app/pay.py"))
    answer = holds(one, {"sca.findings": every, "tests.failed": 0, "coverage.line": 81.0})
    assert answer is True or answer is False or isinstance(answer, NoAnswer)


@given(sound)
def test_an_error_on_the_left_is_the_answer(source):
    """Whatever stands to the right of it, and however it is turned round."""
    bad = "1 / tests.failed > 0"
    values = {"sca.findings": rows(finding(1)), "tests.failed": 0, "coverage.line": 81.0}
    for whole in (
        f"{bad} || ({source})",
        f"{bad} && ({source})",
        f"!({bad} && ({source}))",
        f"!!({bad} || true)",
    ):
        assert holds(expression(whole), values) == NoAnswer("division-by-zero")
