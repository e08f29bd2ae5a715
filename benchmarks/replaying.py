"""Stored decisions tried under another policy: 20 rules, 50 findings each, all loaded from an export."""

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cases import PYTHON
from measure import Figures, measure
from rich.table import Table

from gatekeeper.canonical import canonical_bytes, digest, digest_of_bytes
from gatekeeper.cli.export_folder import ExportWriter
from gatekeeper.evidence import (
    Evidence,
    EvidenceDocument,
    Kind,
    Producer,
    Provenance,
    Ratio,
    State,
    Trust,
    Value,
)
from gatekeeper.finding import Finding, Location, Package, Severity
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.policy.replay import KeptDecision, policy_document
from gatekeeper.subject import Source, Subject

MAX_S = 10.0
"""For 10,000 decisions on one core, loading included; other counts in proportion."""
_NAME = "gatekeeper policy backtest"
_PEERS = Path(__file__).resolve().parent / "peers"
STAGES = ("develop", "test", "uat", "production")
BEGINS_AT = datetime(2026, 5, 25, 8, 0, tzinfo=UTC)
_SEVERITIES = (Severity.LOW, Severity.MEDIUM, Severity.LOW, Severity.INFO)
_RULES = (
    ("tests.failed", "== 0"), ("tests.errors", "== 0"), ("tests.passed", ">= 1"), ("tests.skipped", "<= 9"),
    ("tests.total", ">= 20"), ("coverage.line", ">= 60"), ("coverage.lines_total", ">= 100"),
    ("sast.critical", "== 0"), ("sast.high", "<= 4"), ("sast.unknown", "== 0"), ("sast.medium", "<= 9"),
    ("sast.low", "<= 30"), ("sast.total", "<= 60"), ("sast.files_scanned", ">= 1"), ("sca.critical", "== 0"),
    ("sca.high", "<= 4"), ("sca.unknown", "== 0"), ("sca.medium", "<= 9"), ("sca.low", "<= 30"),
    ("sca.dependencies", ">= 1"),
)  # fmt: skip


def replaying(folder: Path, *, decisions: int, rounds: int) -> tuple[Table, list[str]]:
    """The table of figures, and what misses its goal."""
    export, candidate = folder / "export", folder / "candidate.yaml"
    write(export, decisions)
    candidate.write_bytes(policy_text(coverage=75))
    program = (*PYTHON, str(_PEERS / "replay.py"), str(candidate), str(export))
    found = measure({_NAME: program}, rounds=rounds)[_NAME]
    limit_s = MAX_S * decisions / 10_000
    missed = [f"replay: {found.cpu_s:.2f} CPU s, goal {limit_s:g}"] if found.cpu_s > limit_s else []
    return _table(decisions, found), missed


def policy_text(*, coverage: int) -> bytes:
    """Twenty rules."""
    rules = "".join(
        f'  - {{id: r{number}, metric: {metric}, pass: "{bound}"}}\n'
        for number, (metric, bound) in enumerate(_RULES)
    ).replace(">= 60", f">= {coverage}")
    head = f"schema: gatekeeper/v1\npolicy: bench\nowner: bench\nstages: [{', '.join(STAGES)}]\nrules:\n"
    return (head + rules).encode()


def write(folder: Path, decisions: int) -> None:
    """So many decisions as an export: each source is asked about for every stage."""
    policy = load_policy(policy_text(coverage=60), file="bench.yaml")
    writer = ExportWriter(folder)
    writer.put("policies", policy.digest, policy_document(policy))
    for number in range(decisions):
        if number % len(STAGES) == 0:
            evidence = _source(number)
            for piece in evidence:
                writer.put("documents", piece.digest, canonical_bytes(piece.document))
        writer.add(_decided(policy, evidence, number))
    writer.finish(made_by="benchmarks")


def _decided(policy: Policy, evidence: Sequence[Evidence], number: int) -> KeptDecision:
    subject = Subject(project=f"team{number % 8}/p{number % 40}", source=evidence[0].source)
    stage, at = STAGES[number % len(STAGES)], _at(number)
    inputs = inputs_for(subject, stage, policy, evidence, as_of=at)
    return KeptDecision(decision=evaluate(inputs, policy, evidence), inputs=inputs)


def _at(number: int) -> datetime:
    return BEGINS_AT + timedelta(minutes=20 * number)


def _source(number: int) -> tuple[Evidence, ...]:
    """Tests, coverage, and two reports with 25 findings each."""
    chance = random.Random(number)  # noqa: S311 - the same every time
    covered = chance.randint(50, 95)
    tree, at = f"{number:040x}", _at(number)
    counts: dict[str, Value] = {
        "tests.total": 200, "tests.passed": 200, "tests.failed": 0, "tests.errors": 0, "tests.skipped": 0,
    }  # fmt: skip
    lines: dict[str, Value] = {
        "coverage.lines_covered": covered * 10, "coverage.lines_total": 1000,
        "coverage.line": Ratio(covered * 10, 1000),
    }  # fmt: skip
    code = tuple(
        Finding(
            fingerprint=f"c{n:02}{tree}", tool="bandit", rule=f"B{n}", severity=_SEVERITIES[n % 4],
            message="doubtful", location=Location(path=f"app/m{n}.py", line=n + 1),
        )
        for n in range(25)
    )  # fmt: skip
    packages = tuple(
        Finding(
            fingerprint=f"p{n:02}{tree}", tool="pip-audit", rule=f"PYSEC-{n}", severity=_SEVERITIES[n % 4],
            message="vulnerable", package=Package(ecosystem="PyPI", name=f"package-{n}", version="1.0"),
            advisories=(f"PYSEC-{n}",),
        )
        for n in range(25)
    )  # fmt: skip
    return (
        _piece(Kind.TESTS, tree, at, counts, ()),
        _piece(Kind.COVERAGE, tree, at, lines, ()),
        _piece(Kind.SAST, tree, at, {"sast.files_scanned": 90}, code),
        _piece(Kind.SCA, tree, at, {"sca.dependencies": 40, "sca.unaudited": 0}, packages),
    )


def _piece(
    kind: Kind, tree: str, at: datetime, metrics: dict[str, Value], findings: tuple[Finding, ...]
) -> Evidence:
    if kind in (Kind.SAST, Kind.SCA):
        metrics = {f"{kind}.total": len(findings), f"{kind}.unparsed": 0, **metrics}
    document = EvidenceDocument(
        kind=kind, format="bench", parser=Producer(name="gatekeeper"), producer=None, produced_at=None,
        state=State.OK, problems=(), metrics=metrics, lines={}, failures=(), findings=findings, database=None,
    )  # fmt: skip
    content = digest(document)
    return Evidence(
        id="ev", kind=kind, name="bench", job="bench", order=1, digest=content,
        sha256=digest_of_bytes(f"{tree}{kind}".encode()), received_at=at, artifact=None,
        source=Source(tree=tree), document=document,
        provenance=Provenance(method="token", trust=Trust.CLAIMED),
    )  # fmt: skip


def _table(decisions: int, found: Figures) -> Table:
    title = f"Replay of {decisions:,} stored decisions, 20 rules, 50 findings, loading included"
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in ("program", "CPU s", "wall s", "ms each", "peak MB", "answer"):
        table.add_column(heading)
    table.add_row(
        _NAME,
        f"{found.cpu_s:.2f}",
        f"{found.wall_s:.2f}",
        f"{found.cpu_s / decisions * 1000:.2f}",
        f"{found.peak_mb:.0f}",
        ", ".join(f"{count:,} {turn}" for turn, count in json.loads(found.answer).items()),
    )
    return table
