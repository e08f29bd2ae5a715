"""What is measured: for each case a generated file, the programs that read it, and the goal of ours."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import generate_coverage
import generate_findings
import generate_junit

PYTHON = (sys.executable, "-P")
_PEERS = Path(__file__).resolve().parent / "peers"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What must hold of our reader: a ratio to the floor's CPU, or absolute bounds. None: only shown."""

    max_ratio: float | None = None
    max_cpu_s: float | None = None
    max_peak_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Program:
    """One script of `peers/` and what it does."""

    name: str
    script: str
    arguments: tuple[str, ...] = ()

    def command(self, report: Path) -> tuple[str, ...]:
        """The whole process that is measured."""
        return (*PYTHON, str(_PEERS / f"{self.script}.py"), *self.arguments, str(report))


READ = Program(name="gatekeeper", script="ours", arguments=("read",))
NORMALISE = Program(name="gatekeeper, to the normalised document", script="ours", arguments=("normalise",))
_SARIF_FLOOR = Program(name="floor: msgspec, five fields", script="sarif_floor")
_SARIF_TOOLS = Program(name="sarif-tools", script="sarif_sarif_tools")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One generated file and its readers. Floor and ours must give the same answer; a peer may differ."""

    title: str
    make: Callable[[Path, float], None]
    size: float
    floor: Program
    ours: Program = READ
    peer: Program | None = None
    goal: Goal = Goal()


def cases(megabytes: float, findings: int) -> tuple[Case, ...]:
    """Every case, with files of `megabytes` MB, and one of `findings` findings."""
    return (
        Case(
            title=f"JUnit XML, {megabytes:g} MB",
            make=generate_junit.junit,
            size=megabytes,
            floor=Program(name="floor: expat, rows and text", script="junit_floor"),
            peer=Program(name="junitparser", script="junit_junitparser"),
            goal=Goal(max_ratio=1.3, max_peak_mb=64),
        ),
        Case(
            title=f"Cobertura XML, {megabytes:g} MB",
            make=generate_coverage.cobertura,
            size=megabytes,
            floor=Program(name="floor: expat, file to line to hits", script="cobertura_floor"),
            peer=Program(name="pycobertura", script="cobertura_pycobertura"),
            goal=Goal(max_ratio=1.3, max_peak_mb=250),
        ),
        Case(
            title=f"coverage.py JSON, {megabytes:g} MB",
            make=generate_coverage.coverage_py,
            size=megabytes,
            floor=Program(name="floor: msgspec, typed decode", script="coverage_py_floor"),
            goal=Goal(max_ratio=2, max_peak_mb=250),
        ),
        Case(
            title=f"LCOV, {megabytes:g} MB",
            make=generate_coverage.lcov,
            size=megabytes,
            floor=Program(name="floor: one expression per record", script="lcov_floor"),
        ),
        Case(
            title=f"SARIF, {megabytes:g} MB",
            make=generate_findings.sarif_of_size,
            size=megabytes,
            floor=_SARIF_FLOOR,
            peer=_SARIF_TOOLS,
        ),
        Case(
            title=f"SARIF, {findings:,} findings",
            make=lambda path, count: generate_findings.sarif(path, int(count)),
            size=findings,
            floor=_SARIF_FLOOR,
            ours=NORMALISE,
            peer=_SARIF_TOOLS,
            goal=Goal(max_cpu_s=3, max_peak_mb=250),
        ),
    )
