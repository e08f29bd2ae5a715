"""`make bench`: the measured figures of this machine, floors and peers in the same run."""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cases import PYTHON, Case, cases
from judging import EXPRESSIONS, FINDINGS, RULES, rules
from measure import Figures, machine, measure, run_once
from replaying import replaying
from rich.console import Console
from rich.table import Table
from scanning import side_by_side
from service.wrk import WrkMissing, demand_wrk

_MAX_START_S = 0.4
_OUT = Console(width=130)


def main() -> int:
    """Run what was chosen; 1 when a goal is missed, or cannot be judged because the runs differ too much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "part", nargs="?", choices=("all", "readers", "rules", "service", "replay"), default="all"
    )
    parser.add_argument("--quick", action="store_true", help="small and once: does it run? two minutes")
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--findings", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-peers", action="store_true", help="readers: floors and ours only")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.megabytes, arguments.findings, arguments.rounds, arguments.without_peers = 2, 2_000, 1, True
    try:
        if arguments.part in ("all", "service"):
            demand_wrk()
    except WrkMissing as error:
        print(error, file=sys.stderr)
        return 2
    began = time.monotonic()
    # Being told to end is an end like others: servers stop, and 3 GB of folders go.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    _OUT.print(f"{machine()}\nmedian of {arguments.rounds} interleaved rounds\n")
    missed: list[str] = []
    if arguments.part in ("all", "readers"):
        missed += _readers(arguments)
    if arguments.part in ("all", "rules"):
        missed += _rules(arguments.rounds)
    if arguments.part in ("all", "replay"):
        missed += _replay(1_000 if arguments.quick else 10_000, arguments.rounds)
    if arguments.part in ("all", "service"):
        # Not before the readers: a process is never seen smaller than the one that it was forked from.
        from service.section import FULL, QUICK, service

        form = QUICK if arguments.quick else replace(FULL, rounds=arguments.rounds)
        missed += service(form, _OUT, Console(stderr=True))
    for miss in missed:
        _OUT.print(f"MISSED  {miss}", style="bold red")
    _OUT.print(f"took {(time.monotonic() - began) / 60:.1f} minutes")
    return 1 if missed else 0


def _readers(arguments: argparse.Namespace) -> list[str]:
    _OUT.print("The readers, each round a process of its own\n")
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="gatekeeper-bench-") as folder:
        for case in cases(arguments.megabytes, arguments.findings):
            missed += _run_case(case, Path(folder), arguments.rounds, with_peer=not arguments.without_peers)
        missed += _start(arguments.rounds)
        table, slow = side_by_side(Path(folder), arguments.rounds)
        _OUT.print(table)
        _OUT.print()
        missed += slow
    return missed


def _rules(rounds: int) -> list[str]:
    title = f"{RULES} rules, {EXPRESSIONS} of them in CEL, over {FINDINGS:,} findings"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("what")
    table.add_column("CPU ms", justify="right")
    figures, missed = rules(rounds)
    for what, seconds in figures.items():
        table.add_row(what, f"{seconds * 1e3:.1f}")
    _OUT.print(table)
    _OUT.print()
    return missed


def _replay(decisions: int, rounds: int) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="gatekeeper-bench-") as folder:
        table, missed = replaying(Path(folder), decisions=decisions, rounds=rounds)
    _OUT.print(table)
    _OUT.print()
    return missed


def _run_case(case: Case, folder: Path, rounds: int, *, with_peer: bool) -> list[str]:
    path = folder / "report"
    case.make(path, case.size)
    programs = [case.floor, case.ours, *([case.peer] if case.peer and with_peer else [])]
    figures = measure({program.name: program.command(path) for program in programs}, rounds=rounds)
    size_mb = path.stat().st_size / 1e6
    path.unlink()
    _print(f"{case.title} ({size_mb:.0f} MB on disk)", figures)
    return [f"{case.title}: {miss}" for miss in _missed(case, figures)]


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


def _missed(case: Case, figures: Mapping[str, Figures]) -> Iterator[str]:
    floor, ours, goal = figures[case.floor.name], figures[case.ours.name], case.goal
    ratio = ours.cpu_s / floor.cpu_s
    if json.loads(ours.answer) != json.loads(floor.answer):
        yield f"{ours.answer} is not the floor's answer {floor.answer}"
    if not (ours.is_steady and floor.is_steady):
        yield f"no result, the runs differ by {max(ours.spread, floor.spread):.0%}"
        return
    if goal.max_ratio is not None and ratio > goal.max_ratio:
        yield f"{ratio:.2f} x the floor, goal {goal.max_ratio}"
    if goal.max_cpu_s is not None and ours.cpu_s > goal.max_cpu_s:
        yield f"{ours.cpu_s:.2f} CPU s, goal {goal.max_cpu_s}"
    if goal.max_peak_mb is not None and ours.peak_mb > goal.max_peak_mb:
        yield f"{ours.peak_mb:.0f} MB, goal {goal.max_peak_mb}"


def _start(rounds: int) -> list[str]:
    gatekeeper = str(Path(sys.executable).parent / "gatekeeper")
    commands = {"python -c pass": (*PYTHON, "-c", "pass"), "gatekeeper --help": (gatekeeper, "--help")}
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
    return [f"start: {wall_s:.2f} s, goal {_MAX_START_S}"] if wall_s > _MAX_START_S else []


if __name__ == "__main__":
    sys.exit(main())
