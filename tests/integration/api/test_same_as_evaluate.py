"""The server and `gatekeeper evaluate` are one engine: over the same inputs they say the same."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from gate_server import GateServer, gate_server

GATEKEEPER = Path(sys.executable).parent / "gatekeeper"
SAMPLES = Path(__file__).resolve().parents[2] / "samples"
COMMIT, TREE = "a1" * 20, "b2" * 20
WHERE = ("--project", "pay/api", "--commit", COMMIT, "--tree", TREE)


def run(server: GateServer, folder: Path, *words: str) -> tuple[int, str]:
    """The exit code and standard output of a command in the folder, with the server's address and token."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "GATEKEEPER_URL": server.base}
    environ |= {"GATEKEEPER_TOKEN": server.admin, "LANG": "C.UTF-8"}
    done = subprocess.run(
        [GATEKEEPER, *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout, done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize("stage", ["develop", "test"])
def test_the_outputs_are_the_same_bytes(stage: str, tmp_path: Path) -> None:
    """What `check` recorded, `evaluate` computes again from the same files at the same instant."""
    reports = {
        "junit.xml": "pytest-9.2.0/junit.xml",
        "coverage.json": "coverage-py-7.17.3/branches.json",
        "bandit.json": "bandit-1.9.4/app.json",
        "semgrep.json": "semgrep-1.182.0/app.json",
    }
    for name, sample in reports.items():
        (tmp_path / name).write_bytes((SAMPLES / sample).read_bytes())
    files = sorted(reports)
    with gate_server(tmp_path / "gate") as server:
        run(server, tmp_path, "project", "create", "pay/api")
        run(server, tmp_path, "submit", *files, *WHERE)
        code, told = run(server, tmp_path, "check", "--stage", stage, "--format", "json", *WHERE)
    recorded = json.loads(told)
    again, shown = run(
        server, tmp_path, "evaluate", *files, "--stage", stage, "--policy", "base", *WHERE,
        "--as-of", recorded["as_of"], "--format", "json",
    )  # fmt: skip
    computed = json.loads(shown)
    assert (code, again) == (1, 1)
    assert recorded["digests"]["outputs"] == computed["digests"]["outputs"]
    assert (recorded["gate"], computed["gate"]) == (True, False)
    assert recorded["policy"]["digest"] == computed["policy"]["digest"]
