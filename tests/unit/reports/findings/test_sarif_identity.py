"""Identities of SARIF results: the tool's own, partial ones, ours."""

from typing import Any

import pytest


def _result(line: int = 3, text: str = "eval(x)", path: str = "a.py", **keys: Any) -> dict[str, Any]:
    region = {"startLine": line, "snippet": {"text": text}}
    physical = {"artifactLocation": {"uri": path}, "region": region}
    return {"ruleId": "r", "message": {"text": "m"}, "locations": [{"physicalLocation": physical}]} | keys


def _print(read_results: Any, result: dict[str, Any]) -> str:
    return str(read_results([result]).findings[0].fingerprint)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_result(), _result(line=99)),
        (_result(), _result(message={"text": "other"}, level="error")),
        (_result(fingerprints={"h/v1": "a"}), _result(fingerprints={"h/v1": "a"}, text="new", path="b.py")),
        (_result(fingerprints={"h/v1": "a", "h/v2": "b"}), _result(fingerprints={"h/v1": "c", "h/v2": "b"})),
        (_result(fingerprints={"h/v9": "b", "h/v10": "c"}), _result(fingerprints={"h/v10": "c"})),
        (_result(partialFingerprints={"a": "1"}), _result(partialFingerprints={"a": "1"}, text="new")),
        (
            _result(
                partialFingerprints={
                    "primaryLocationLineHash": "1",
                    "primaryLocationStartColumnFingerprint": "4",
                }
            ),
            _result(
                partialFingerprints={
                    "primaryLocationLineHash": "1",
                    "primaryLocationStartColumnFingerprint": "8",
                }
            ),
        ),
        (
            _result(partialFingerprints={"startLine": "3"}),
            _result(line=9, partialFingerprints={"startLine": "9"}),
        ),
        (_result(fingerprints={"matchBasedId/v1": "requires login"}), _result()),
        (_result(fingerprints={"h": ""}), _result()),
        (_result(fingerprints=None, partialFingerprints={}), _result()),
    ],
)
def test_the_same_problem(read_results: Any, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Lines, columns, messages and older versions of a fingerprint are not identity."""
    assert _print(read_results, one) == _print(read_results, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_result(), _result(text="eval(y)")),
        (_result(), _result(path="A.py")),
        (_result(), _result(ruleId="r2")),
        (_result(fingerprints={"h": "a"}), _result(fingerprints={"h": "A"})),
        (_result(fingerprints={"h": "a"}), _result(fingerprints={"k": "a"})),
        (_result(partialFingerprints={"a": "1"}), _result(partialFingerprints={"a": "1"}, path="b.py")),
        (_result(partialFingerprints={"a": "1"}), _result(partialFingerprints={"a": "1"}, ruleId="r2")),
    ],
)
def test_another_problem(read_results: Any, one: dict[str, Any], other: dict[str, Any]) -> None:
    """Code, path, rule and the tool's own values are, case included; partial ones never stand alone."""
    assert _print(read_results, one) != _print(read_results, other)


def test_equal_fingerprints_of_one_report_are_told_apart(read_results: Any) -> None:
    """A tool that gives one fingerprint to many results does not make them one."""
    report = read_results([_result(line=n, fingerprints={"0": "same"}) for n in (5, 3, 9)])
    assert len({f.fingerprint for f in report.findings}) == 3
    assert report.metrics["sast.total"] == 3


def test_packages_are_not_known_by_their_message(read: Any) -> None:
    """Trivy writes the installed version into the message; an update that does not mend is no new problem."""
    logs = [
        {
            "version": "2.1.0",
            "runs": [{"tool": {"driver": {"name": "Trivy"}}, "results": [_result(message={"text": text})]}],
        }
        for text in ("Installed Version: 1.0", "Installed Version: 1.1")
    ]
    prints = [read("sarif", log, kind="container").findings[0].fingerprint for log in logs]
    assert prints[0] == prints[1]
