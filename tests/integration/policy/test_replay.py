# ruff: noqa: E501  # a program for another process, kept short
"""The same question gives the same bytes in other processes, time zones, locales and hash seeds."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
from datetime import UTC, datetime, timedelta
from gatekeeper.canonical import digest, digest_of_bytes
from gatekeeper.decision import as_json
from gatekeeper.evidence import *
from gatekeeper.finding import Finding, Location, Severity
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.load import load_policy
from gatekeeper.resources import rules_folder
from gatekeeper.subject import Source, Subject

at = datetime(2026, 11, 23, 2, 50, 0, 123456, tzinfo=UTC)
source = Source(tree="1" * 40)

def piece(kind, metrics, findings=(), lines={}, job="a"):
    document = EvidenceDocument(
        kind=kind, format="x", parser=Producer(name="p"), producer=None, produced_at=at - timedelta(hours=3),
        state=State.OK, problems=(), metrics=metrics, lines=lines,
        failures=tuple(Failure(name=f"test_{i}", suite="söt", message="") for i in range(metrics.get("tests.failed", 0))),
        findings=tuple(findings), database=None)
    content = digest(document)
    return Evidence(id="ev", kind=kind, name="unit", job=job, order=1, sha256=digest_of_bytes((kind + job).encode()),
        digest=content, provenance=Provenance(method="local", trust=Trust.CLAIMED), received_at=at, source=source,
        artifact=None, document=document)

found = [Finding(fingerprint=f, tool="t", rule=f, severity=s, message="m", location=Location(path="päth/" + f, line=3))
         for f in "abcdef" for s in [list(Severity)[ord(f) % 6]]]
evidence = [
    piece(Kind.TESTS, {"tests.total": 9, "tests.passed": 6, "tests.failed": 3, "tests.errors": 0, "tests.skipped": 0}),
    piece(Kind.COVERAGE, {"coverage.lines_covered": 7, "coverage.lines_total": 12, "coverage.line": Ratio(7, 12)},
          lines={"b.py": Lines(hit="1-4", miss="5,7"), "a.py": Lines(hit="1-3", miss="9-11")}),
    piece(Kind.SAST, {"sast.total": 6, "sast.files_scanned": 9}, found),
    piece(Kind.SAST, {"sast.total": 3, "sast.files_scanned": 9}, found[:3], job="b"),
]
text = (rules_folder() / "policies" / "base.yaml").read_text().replace("owner:", "time_zone: America/St_Johns\\nowner:")
text = text.replace("severity: minor", "severity: minor\\n    enforce_from: 2026-11-24")
policy = load_policy(text.encode(), file="base.yaml")
subject = Subject(project="pay/api", source=source)
inputs = inputs_for(subject, "uat", policy, evidence, as_of=at)
decision = evaluate(inputs, policy, tuple(evidence))
print(decision.digests.outputs, digest_of_bytes(as_json(decision)), len(decision.rules), decision.outcome)
"""


ZONES = ("Asia/Shanghai", "America/St_Johns", "UTC")
SEEDS = ("0", "1", "random")
LOCALES = ("C", "C.UTF-8", "tr_TR.UTF-8")


def test_outputs_do_not_depend_on_the_process():
    """Three time zones, three hash seeds and three locales: one answer, byte for byte."""
    answers = set()
    for zone, seed, locale in itertools.product(ZONES, SEEDS, LOCALES):
        environ = os.environ | {"TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": locale}
        run = subprocess.run(
            [sys.executable, "-P", "-c", PROGRAM], env=environ, capture_output=True, text=True, check=True
        )
        answers.add(run.stdout)
    (answer,) = answers
    assert answer.startswith("sha256:")
    assert answer.endswith(" fail\n")


def test_the_command_answers_the_same_everywhere(repository: Path) -> None:
    """`gatekeeper evaluate` over real reports writes the same JSON under every zone, seed and locale."""
    samples = repository / "tests" / "samples"
    reports = sorted(samples.glob("pytest-9.2.0/junit.xml")) + sorted(samples.glob("*/bandit*.json"))
    assert reports
    command = [Path(sys.executable).parent / "gatekeeper", "evaluate", *reports, "--stage", "test"]
    command += ["--as-of", "2026-11-23T10:00:00Z", "--project", "pay/api", "--format", "json"]
    answers = set()
    for zone, seed, locale in zip(ZONES, SEEDS, LOCALES, strict=True):
        environ = os.environ | {"TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": locale}
        run = subprocess.run(command, env=environ, cwd=samples, capture_output=True, check=False)
        assert run.returncode == 1, run.stderr
        answers.add(run.stdout)
    (answer,) = answers
    assert json.loads(answer)["digests"]["outputs"].startswith("sha256:")
