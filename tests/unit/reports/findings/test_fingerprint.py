"""Identities: what moves them and what must not."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.finding import Finding, Location, Severity
from gatekeeper.reports.findings.fingerprint import (
    canonical_advisory,
    code_fingerprint,
    dependency_fingerprint,
    with_occurrences,
)

SNIPPETS = st.sampled_from(["eval(x)", "eval(y)", "  eval(x)", "EVAL(x)"])
PATHS = st.sampled_from(["a.py", "A.py", "b/a.py"])
RULES = st.sampled_from(["r1", "r2"])


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """A finding in one of three files, with code that may repeat."""
    path, rule, line = draw(PATHS), draw(RULES), draw(st.integers(1, 50))
    fingerprint = code_fingerprint(tool="t", rule=rule, path=path, snippet=draw(SNIPPETS), message="m")
    location = Location(path=path, line=line, column=draw(st.integers(1, 9)))
    return Finding(
        fingerprint=fingerprint, tool="t", rule=rule, severity=Severity.LOW, message="m", location=location
    )


def _identities(found: list[Finding]) -> list[tuple[str, Any]]:
    return sorted((f.fingerprint, f.location) for f in with_occurrences(found))


def _shifted(finding: Finding, by: int) -> Finding:
    at = finding.location
    assert at is not None
    return msgspec.structs.replace(
        finding, location=Location(path=at.path, line=(at.line or 0) + by, column=at.column)
    )


@given(st.lists(findings(), max_size=12), st.randoms(use_true_random=False))
def test_order_in_the_report_is_not_identity(found: list[Finding], chance: Any) -> None:
    """Reordered results keep their identities, and no two share one."""
    mixed = list(found)
    chance.shuffle(mixed)
    assert _identities(found) == _identities(mixed)
    assert len({f.fingerprint for f in with_occurrences(found)}) == len(found)


@given(st.lists(findings(), max_size=12), st.integers(1, 500))
def test_moved_lines_keep_identities(found: list[Finding], by: int) -> None:
    """Code inserted above shifts lines and nothing else."""
    before = [f.fingerprint for f in with_occurrences(found)]
    after = [f.fingerprint for f in with_occurrences([_shifted(f, by) for f in found])]
    assert before == after


@given(st.lists(findings(), max_size=10), findings())
def test_an_unrelated_finding_changes_no_identity(found: list[Finding], other: Finding) -> None:
    """A problem of another rule, file or code leaves the others as they were."""
    unrelated = code_fingerprint(tool="t", rule="new", path="c.py", snippet="exec(x)", message="m")
    added = msgspec.structs.replace(other, fingerprint=unrelated, rule="new")
    with_it = [f for f in with_occurrences([added, *found]) if f.rule != "new"]
    assert [f.fingerprint for f in with_it] == [f.fingerprint for f in with_occurrences(found)]


@given(*[st.text(alphabet="a1:/ ", max_size=4)] * 6)
def test_separators_cannot_collide(a: str, b: str, c: str, d: str, e: str, f: str) -> None:
    """Parts are length-prefixed: moving characters from one to the next gives another identity."""
    first = code_fingerprint(tool="t", rule=a, path=b, snippet=None, message=c)
    second = code_fingerprint(tool="t", rule=d, path=e, snippet=None, message=f)
    assert (first == second) == ((a, b, c) == (d, e, f))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"path": "src/Auth.py"}, {"path": "src/auth.py"}),
        ({"path": "src/a1", "rule": "23"}, {"path": "src/a12", "rule": "3"}),
        ({"snippet": "Eval(x)"}, {"snippet": "eval(x)"}),
        ({"snippet": "eval(x)"}, {"snippet": None, "message": "eval(x)"}),
        ({"tool": "a"}, {"tool": "b"}),
    ],
)
def test_different_problems_differ(one: dict[str, str], other: dict[str, str]) -> None:
    """Case, separators and the way of identification are part of it."""
    base: dict[str, Any] = {"tool": "t", "rule": "r", "path": "p", "snippet": "s", "message": "m"}
    assert code_fingerprint(**base | one) != code_fingerprint(**base | other)


def test_white_space_and_message_are_not_identity_of_code() -> None:
    """Reindented code with a reworded message is the same problem."""
    first = code_fingerprint(tool="t", rule="r", path="p", snippet="if x:\n    eval(x)", message="m")
    second = code_fingerprint(tool="t", rule="r", path="p", snippet="  if x:\n\teval(x)\n", message="n")
    assert first == second


@given(st.permutations(["PYSEC-2024-7", "GHSA-aaaa-bbbb-cccc", "CVE-2024-1000", "CVE-2024-999", "OSV-1"]))
def test_every_order_of_aliases_has_one_name(advisories: list[str]) -> None:
    """The lowest CVE stands for all, its number compared as a number."""
    assert canonical_advisory(tuple(advisories)) == "CVE-2024-999"
    one = dependency_fingerprint(ecosystem="PyPI", package="My_Pkg", advisories=tuple(advisories))
    assert one == dependency_fingerprint(ecosystem="PyPI", package="my-pkg", advisories=("CVE-2024-999",))


def test_ecosystems_keep_packages_apart() -> None:
    """`flask` of PyPI is not `flask` of npm; outside PyPI names keep their case."""
    make = [("PyPI", "flask"), ("npm", "flask"), ("npm", "Flask")]
    prints = {dependency_fingerprint(ecosystem=e, package=p, advisories=("CVE-1",)) for e, p in make}
    assert len(prints) == 3
