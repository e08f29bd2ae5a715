"""`make bench`: the measured figures of this machine, floors and peers in the same run."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import generate_coverage
import generate_findings
import generate_junit
from measure import Figures, machine, measure, run_once
from rich.console import Console
from rich.table import Table

_HERE = Path(__file__).resolve().parent
_PYTHON = (sys.executable, "-P")
_OUT = Console(width=110)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What must hold of one measured command: a ratio to the floor's CPU, or absolute bounds."""

    max_ratio: float | None = None
    max_cpu_s: float | None = None
    max_peak_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file, the programs that read it, and what is asked of ours. The first program is the floor."""

    title: str
    make: Callable[[Path, float], object]
    size: float
    programs: Mapping[str, Sequence[str]]
    goals: Mapping[str, Goal]


def _peer(name: str, *arguments: str) -> tuple[str, ...]:
    return (*_PYTHON, str(_HERE / "peers" / f"{name}.py"), *arguments)


def _cases(megabytes: float, findings: int) -> tuple[Case, ...]:
    read, normalise = _peer("ours", "read"), _peer("ours", "normalise")
    return (
        Case(
            title=f"JUnit XML, {megabytes:g} MB",
            make=generate_junit.junit,
            size=megabytes,
            programs={
                "floor: expat, rows and text": _peer("junit_floor"),
                "gatekeeper": read,
                "junitparser": _peer("junit_junitparser"),
            },
            goals={"gatekeeper": Goal(max_ratio=1.3, max_peak_mb=64)},
        ),
        Case(
            title=f"Cobertura XML, {megabytes:g} MB",
            make=generate_coverage.cobertura,
            size=megabytes,
            programs={
                "floor: expat, file to line to hits": _peer("cobertura_floor"),
                "gatekeeper": read,
                "pycobertura": _peer("cobertura_pycobertura"),
            },
            goals={"gatekeeper": Goal(max_ratio=1.3, max_peak_mb=250)},
        ),
        Case(
            title=f"coverage.py JSON, {megabytes:g} MB",
            make=generate_coverage.coverage_py,
            size=megabytes,
            programs={"floor: msgspec, typed decode": _peer("coverage_py_floor"), "gatekeeper": read},
            goals={"gatekeeper": Goal(max_ratio=2, max_peak_mb=250)},
        ),
        Case(
            title=f"SARIF, {findings:,} findings",
            make=generate_findings.sarif,
            size=findings,
            programs={
                "floor: msgspec, five fields": _peer("sarif_floor"),
                "gatekeeper, to the normalised document": normalise,
                "sarif-tools": _peer("sarif_sarif_tools"),
            },
            goals={"gatekeeper, to the normalised document": Goal(max_cpu_s=3, max_peak_mb=250)},
        ),
    )


def main() -> int:
    """Run all cases; 1 when a goal is missed by a steady result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-peers", action="store_true", help="floors and our own figures only")
    arguments = parser.parse_args()
    _OUT.print(f"{machine()}\nmedian of {arguments.rounds} interleaved rounds, each a process of its own\n")
    missed = []
    with tempfile.TemporaryDirectory(prefix="gatekeeper-bench-") as folder:
        for case in _cases(arguments.megabytes, arguments.findings):
            missed += _run_case(case, Path(folder), arguments.rounds, without_peers=arguments.without_peers)
        missed += _start(arguments.rounds)
        missed += _scanners(Path(folder), arguments.rounds)
    for miss in missed:
        _OUT.print(f"MISSED  {miss}", style="bold red")
    return 1 if missed else 0


def _run_case(case: Case, folder: Path, rounds: int, *, without_peers: bool) -> list[str]:
    path = folder / "report"
    case.make(path, case.size)
    kept = ("floor", "gatekeeper") if without_peers else ("",)
    commands = {
        name: (*argv, str(path)) for name, argv in case.programs.items() if name.startswith(tuple(kept))
    }
    figures = measure(commands, rounds=rounds)
    size_mb = path.stat().st_size / 1e6
    path.unlink()
    _print(f"{case.title} ({size_mb:.0f} MB on disk)", figures)
    return _missed(case, figures)


def _print(title: str, figures: Mapping[str, Figures]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("program")
    for heading in ("CPU s", "x floor", "peak MB", "spread"):
        table.add_column(heading, justify="right")
    table.add_column("answer")
    floor = next(iter(figures.values())).cpu_s
    for name, found in figures.items():
        spread = f"{found.spread:.0%}" + ("" if found.is_steady else " (no result)")
        answer = ", ".join(f"{key} {count:,}" for key, count in json.loads(found.answer).items())
        table.add_row(
            name,
            f"{found.cpu_s:.2f}",
            f"{found.cpu_s / floor:.2f}",
            f"{found.peak_mb:.0f}",
            spread,
            answer,
        )
    _OUT.print(table)
    _OUT.print()


def _missed(case: Case, figures: Mapping[str, Figures]) -> list[str]:
    floor = next(iter(figures.values()))
    missed = []
    for name, goal in case.goals.items():
        found = figures[name]
        ratio = found.cpu_s / floor.cpu_s
        if goal.max_ratio is not None and ratio > goal.max_ratio:
            missed.append(f"{case.title}: {ratio:.2f} x the floor, goal {goal.max_ratio}")
        if goal.max_cpu_s is not None and found.cpu_s > goal.max_cpu_s:
            missed.append(f"{case.title}: {found.cpu_s:.2f} CPU s, goal {goal.max_cpu_s}")
        if goal.max_peak_mb is not None and found.peak_mb > goal.max_peak_mb:
            missed.append(f"{case.title}: {found.peak_mb:.0f} MB, goal {goal.max_peak_mb}")
    return missed


def _start(rounds: int) -> list[str]:
    gatekeeper = str(Path(sys.executable).parent / "gatekeeper")
    commands = {"python -c pass": (*_PYTHON, "-c", "pass"), "gatekeeper --help": (gatekeeper, "--help")}
    for argv in commands.values():
        run_once(argv)  # fills the caches, as every start but the first one finds them
    figures = measure(commands, rounds=max(rounds, 5))
    table = Table(title="Start of the command line", title_justify="left", title_style="bold")
    table.add_column("program")
    table.add_column("wall s", justify="right")
    table.add_column("CPU s", justify="right")
    for name, found in figures.items():
        table.add_row(name, f"{found.wall_s:.2f}", f"{found.cpu_s:.2f}")
    _OUT.print(table)
    _OUT.print()
    wall_s = figures["gatekeeper --help"].wall_s
    return [f"start: {wall_s:.2f} s, goal 0.4"] if wall_s > 0.4 else []


def _scanners(folder: Path, rounds: int) -> list[str]:
    from scanning import side_by_side

    table, missed = side_by_side(folder, rounds)
    _OUT.print(table)
    return missed


if __name__ == "__main__":
    sys.exit(main())
