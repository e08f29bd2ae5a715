"""The API against its own description: requests that follow it and requests that break it, thousands of each.

No answer is a 500, has a status, header or shape that `api/openapi.json` does not name, and nothing is taken
that it refuses. A request that follows it may still be refused (422: it contradicts itself).
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from gate_server import GateServer
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

IS_LONG = bool(os.environ.get("GATEKEEPER_LONG"))
CALLS = 20_000 if IS_LONG else 5_000
DOCUMENT = Path(__file__).resolve().parents[3] / "api" / "openapi.json"
# Who asks is the matter of test_callers.py; a missing credential here would hide what else is wrong.
CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {"with-security-parameters": False},
        "checks": {
            # Also 413: what is too long for its field may be too long for a body.
            "negative_data_rejection": {"expected-statuses": [401, 403, 404, 405, 409, 413, 415, 422]}
        },
    }
)
schema = schemathesis.openapi.from_path(str(DOCUMENT), config=CONFIG)
LABELS = [found.ok().label for found in schema.get_all_operations()]
EXAMPLES = CALLS // (len(LABELS) - 4)
"""For each operation; four have no parameters, so there is little to ask them."""
COUNT: Counter[str] = Counter()

PROJECT, COMMIT, TREE, STAGE = "fuzz/api", "a1" * 20, "b2" * 20, "develop"
ARTIFACT = "sha256:" + "c3" * 32
JUNIT = b'<testsuite tests="1"><testcase classname="t" name="a"/></testsuite>'
POLICY = {
    "schema": "gatekeeper/v1",
    "policy": "fuzz",
    "owner": "tests",
    "stages": [STAGE],
    "rules": [{"id": "t", "title": "T", "metric": "tests.total", "pass": ">= 1"}],
}
REAL = {"project": PROJECT, "commit": COMMIT, "tree": TREE, "artifact": ARTIFACT, "stage": STAGE}


@pytest.fixture(scope="module")
def ids(own_server: GateServer) -> dict[str, str]:
    """What is there, by the resource that its id belongs to."""
    with own_server.client() as client, own_server.http() as http:
        known = {"projects": client.create_project(path=PROJECT).id}
        about = {"project": PROJECT, "commit": COMMIT, "tree": TREE}
        sent = http.post("/api/v1/evidence", params=about, content=JUNIT)
        known["evidence"] = sent.raise_for_status().json()["id"]
        client.link(**about, artifact=ARTIFACT)
        decided = http.post("/api/v1/decisions", json={"project": PROJECT, "commit": COMMIT, "stage": STAGE})
        known["decisions"] = decided.raise_for_status().json()["id"]
        known["tokens"] = client.create_token(name="fuzz", scopes=["gate:read"], projects=[]).token.id
        somebody = {"name": "Fuzz", "login": "fuzz", "password": "a horse that is correct"}
        known["people"] = http.post("/api/v1/people", json=somebody).raise_for_status().json()["id"]
        known["sessions"] = "k3v5tq2mzx7a"
        known["history"] = known["evidence"]
        drafted = http.post("/api/v1/policies/fuzz/drafts", json=POLICY, params={"reason": "fuzz"})
        known["policy-drafts"] = drafted.raise_for_status().json()["id"]
        tried = http.post("/api/v1/policies/fuzz/backtest", json=POLICY)
        known["backtests"] = tried.raise_for_status().json()["id"]
        # Only people leave these: an administrator's token is told so, for those that are not there too.
        known |= {"approvals": f"apr_{'0' * 26}", "waivers": f"wvr_{'0' * 26}"}
        known |= {"overrides": f"ovr_{'0' * 26}", "obligations": f"obl_{'0' * 26}"}
    return known


@pytest.fixture(scope="module", autouse=True)
def enough_calls() -> Iterator[None]:
    """Where one process asked every operation, it asked often enough."""
    yield
    if set(COUNT) == set(LABELS):
        assert sum(COUNT.values()) >= CALLS, COUNT


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=not IS_LONG
)
def test_answers_are_as_described(
    case: schemathesis.Case, own_server: GateServer, ids: dict[str, str]
) -> None:
    """To an administrator, whom nothing is refused for who it is."""
    COUNT[case.operation.label] += 1
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        make_real(case, ids)
    case.call_and_validate(
        base_url=own_server.base,
        headers={"Authorization": f"Bearer {own_server.admin}"},
        excluded_checks=[positive_data_acceptance],
    )


def make_real(case: schemathesis.Case, ids: dict[str, str]) -> None:
    """Let two requests of three that are right also be about something that is there."""
    if not COUNT[case.operation.label] % 3:
        return
    for words in (case.query, case.body):
        if isinstance(words, dict):
            words.update({name: value for name, value in REAL.items() if name in words})
    resource = case.operation.path.split("/")[3] if case.operation.path.startswith("/api/") else ""
    if isinstance(case.path_parameters, dict):
        if "id" in case.path_parameters:
            case.path_parameters["id"] = ids[resource]
        if "name" in case.path_parameters:
            case.path_parameters["name"] = "base"
    if case.operation.method == "post" and COUNT[case.operation.label] % 3 == 1:
        if resource == "policies":
            case.body = POLICY
        elif resource == "evidence" and case.media_type == "application/octet-stream":
            case.body = JUNIT
