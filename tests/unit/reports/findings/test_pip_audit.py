"""pip-audit JSON: skipped dependencies, aliases, fixed versions."""

from typing import Any

import pytest

from gatekeeper.evidence import State
from gatekeeper.reports.interface import UnreadableReport


def _vulnerability(name: str, *aliases: str, **keys: Any) -> dict[str, Any]:
    return {"id": name, "fix_versions": ["2.0"], "aliases": list(aliases), "description": "text"} | keys


def _log(*dependencies: Any) -> dict[str, Any]:
    return {"dependencies": dependencies, "fixes": []}


def _package(*vulnerabilities: Any, name: str = "flask", version: str = "1.0") -> dict[str, Any]:
    return {"name": name, "version": version, "vulns": list(vulnerabilities)}


def test_audited_and_clean(read: Any) -> None:
    """A package without known problems, audited, is a proof."""
    report = read("pip-audit", _log(_package()))
    assert (report.state, report.metrics["sca.dependencies"], report.metrics["sca.total"]) == (State.OK, 1, 0)


@pytest.mark.parametrize(
    ("dependencies", "codes"),
    [
        ([], ["no-data"]),
        ([{"name": "a", "skip_reason": "not on PyPI"}], ["no-data", "unaudited"]),
        ([_package(), {"name": "a", "skip_reason": "not on PyPI"}], ["unaudited"]),
        ([_package(), {"name": "a", "version": "1"}], ["unaudited"]),
        ([_package(), {"name": "a", "version": "1", "vulns": None}], ["unaudited"]),
        ([_package(), {"version": "1"}], ["unparsed"]),
        ([_package({"fix_versions": []})], ["unparsed"]),
        ([_package(_vulnerability(""))], ["unparsed"]),
    ],
)
def test_skipped_is_not_clean(read: Any, dependencies: list[Any], codes: list[str]) -> None:
    """pip-audit exits 0 on most of these; none of them proves anything."""
    report = read("pip-audit", _log(*dependencies))
    assert ([p.code for p in report.problems], report.state) == (codes, State.INCOMPLETE)


def test_a_problem_under_three_names_is_one_finding(read: Any) -> None:
    """Aliases are followed through a third name; fixed versions are united and ordered as versions."""
    report = read(
        "pip-audit",
        _log(
            _package(
                _vulnerability(
                    "GHSA-aaaa-bbbb-cccc", "CVE-2024-1", fix_versions=["10.0", "9.1"], description=None
                ),
                _vulnerability("PYSEC-2024-2", fix_versions=[]),
                _vulnerability("PYSEC-2024-1", "CVE-2024-1", fix_versions=["2.0rc1", "2.0"]),
            )
        ),
    )
    assert [f.rule for f in report.findings] == ["GHSA-aaaa-bbbb-cccc", "PYSEC-2024-2"]
    merged = report.findings[0]
    assert merged.advisories == ("GHSA-aaaa-bbbb-cccc", "CVE-2024-1", "PYSEC-2024-1")
    assert merged.package is not None
    assert merged.package.fixed_versions == ("2.0rc1", "2.0", "9.1", "10.0")
    assert (merged.message, merged.severity) == ("text", "unknown")
    assert (report.metrics["sca.total"], report.metrics["sca.fixable"]) == (2, 1)


def test_identity_is_the_problem_and_the_package(read: Any) -> None:
    """Another database's name, another version, another spelling: one identity; another package: another."""
    reports = (
        _package(_vulnerability("PYSEC-2024-1", "CVE-2024-9", "GHSA-aaaa-bbbb-cccc")),
        _package(_vulnerability("GHSA-aaaa-bbbb-cccc", "CVE-2024-9"), name="Flask", version="1.1"),
        _package(_vulnerability("CVE-2024-9")),
        _package(_vulnerability("CVE-2024-9"), name="flask-login"),
    )
    prints = [read("pip-audit", _log(package)).findings[0].fingerprint for package in reports]
    assert prints[0] == prints[1] == prints[2] != prints[3]


def test_one_problem_in_two_versions_is_two_findings(read: Any) -> None:
    """Two environments in one report may hold two versions of a package."""
    vulnerable = _vulnerability("CVE-2024-9")
    packages = _package(vulnerable), _package(vulnerable, version="1.1")
    prints = [
        {f.package.version: f.fingerprint for f in read("pip-audit", _log(*order)).findings}
        for order in (packages, packages[::-1])
    ]
    assert prints[0] == prints[1]
    assert len(set(prints[0].values())) == 2


def test_the_bare_list_of_version_1_is_read(read: Any) -> None:
    """pip-audit 1 wrote the list of packages alone."""
    assert read("pip-audit", [_package(_vulnerability("CVE-2024-9"))]).metrics["sca.total"] == 1


@pytest.mark.parametrize("log", [{}, {"dependencies": {}}, {"dependencies": None}, 3])
def test_other_shapes_are_refused(read: Any, log: Any) -> None:
    """Without the list it is no pip-audit report."""
    with pytest.raises(UnreadableReport, match="wrong-shape"):
        read("pip-audit", log)


@pytest.mark.parametrize("keys", [{"version": None}, {"version": ""}])
def test_a_dependency_without_version_was_not_audited(read: Any, keys: dict[str, Any]) -> None:
    """Nothing can be looked up for it."""
    report = read("pip-audit", _log(_package(), {"name": "b", "vulns": []} | keys))
    assert (report.metrics["sca.unaudited"], report.state) == (1, State.INCOMPLETE)


def test_a_long_chain_of_names_is_one_problem(read: Any) -> None:
    """In time that grows with its length, not with its square."""
    chain = [_vulnerability(f"X-{n}", f"X-{n + 1}") for n in range(20_000)]
    report = read("pip-audit", _log(_package(*chain)))
    assert report.metrics["sca.total"] == 1


def test_a_fixed_version_of_many_digits_is_no_version(read: Any) -> None:
    """It is kept as text, behind those that can be ordered."""
    report = read("pip-audit", _log(_package(_vulnerability("X-1", fix_versions=["9" * 5_000, "2.0"]))))
    package = report.findings[0].package
    assert package is not None
    assert package.fixed_versions[0] == "2.0"
