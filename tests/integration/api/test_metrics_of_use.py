"""What a server in use tells Prometheus: decisions, rules, missing and received evidence, findings, ages."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from api_rows import JUNIT
from gate_server import gate_server
from prometheus_client.parser import text_string_to_metric_families

V1 = "/api/v1"
ABOUT = {"project": "pay/api", "commit": "a1" * 20, "tree": "b2" * 20, "ref": "main"}
PIP_AUDIT = (
    b'{"dependencies": [{"name": "jinja2", "version": "3.1.2", "vulns": [{"id": "GHSA-h5c8-rqwp-cp95", '
    b'"fix_versions": ["3.1.3"], "aliases": ["CVE-2024-22195"], "description": "x"}]}], "fixes": []}'
)


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """An administrator of a server that took two reports, refused one, and decided."""
    folder: Path = tmp_path_factory.mktemp("metrics")
    with gate_server(folder) as server, server.http() as client:
        client.post(f"{V1}/projects", json={"path": "pay/api"}).raise_for_status()
        for body, name in ((JUNIT, "unit"), (JUNIT, "unit"), (PIP_AUDIT, "deps"), (b"\x00", "junk")):
            client.post(f"{V1}/evidence", params={**ABOUT, "name": name}, content=body)
        asked = {"project": "pay/api", "stage": "develop", "commit": ABOUT["commit"]}
        for _ in range(2):
            client.post(f"{V1}/decisions", json=asked).raise_for_status()
        client.get(f"{V1}/gate", params=asked).raise_for_status()
        yield client


@pytest.fixture(scope="module")
def samples(http: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All series by name and labels."""
    text = http.get("/metrics").raise_for_status().text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("qgate_decisions_total", {"project": "pay/api", "stage": "develop", "outcome": "fail"}, 1),
        ("qgate_rule_results_total", {"stage": "develop", "rule": "tests-pass", "status": "pass"}, 1),
        ("qgate_missing_evidence_total", {"stage": "develop", "kind": "coverage"}, 1),
        ("qgate_evidence_received_total", {"kind": "tests", "state": "ok"}, 1),
        ("qgate_evidence_received_total", {"kind": "sca", "state": "ok"}, 1),
        ("qgate_evidence_received_total", {"kind": "unknown", "state": "unreadable"}, 1),
        ("qgate_evidence_bytes_total", {}, len(JUNIT) + len(PIP_AUDIT) + 1),
        ("qgate_findings_open", {"project": "pay/api", "kind": "sca", "severity": "unknown"}, 1),
        (
            "qgate_http_requests_total",
            {"route": f"{V1}/evidence", "method": "POST", "status": "201"},
            2,
        ),
    ],
)
def test_what_happened_is_counted_once(
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float],
    name: str,
    labels: dict[str, str],
    value: float,
) -> None:
    """A repetition of the same bytes, or of the same question, is nothing new."""
    assert samples[name, frozenset(labels.items())] == value


def test_scores_and_ages_are_those_of_now(
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float], http: httpx.Client
) -> None:
    """The score is that of the decision; evidence grows older."""
    score = samples["qgate_score", frozenset({("project", "pay/api"), ("stage", "develop")})]
    listed = http.get(f"{V1}/decisions", params={"project": "pay/api"}).json()["items"]
    assert score == float(listed[0]["score"])
    age = samples["qgate_evidence_age_seconds", frozenset({("project", "pay/api"), ("kind", "tests")})]
    assert 0 < age < 300


def test_no_label_names_a_commit_or_an_advisory(
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float],
) -> None:
    """Their number has no bound, and every series is kept for months."""
    values = {value for _, labels in samples for _, value in labels}
    assert not any(ABOUT["commit"] in value or "CVE" in value or "GHSA" in value for value in values)
