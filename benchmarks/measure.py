"""Measures commands as whole processes: interleaved rounds, CPU seconds and peak memory from the kernel."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

# A result whose runs differ by more than this is printed as noise and proves nothing.
MAX_SPREAD = 0.15


@dataclass(frozen=True, kw_only=True)
class Run:
    """One process from start to end."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    answer: str


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Medians over the rounds; `spread` is that of the CPU seconds."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    spread: float
    answer: str

    @property
    def is_steady(self) -> bool:
        """True when the runs agree well enough to be a result."""
        return self.spread <= MAX_SPREAD


def measure(commands: Mapping[str, Sequence[str]], *, rounds: int) -> dict[str, Figures]:
    """Every command `rounds` times, interleaved so that a disturbance hits all of them alike.

    One round more comes first and does not count: it fills the caches, while the disk takes what was written.

    Raises:
        RuntimeError: a command fails, or answers differently from one round to the next.
    """
    os.sync()
    for argv in commands.values():
        run_once(argv)
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, argv in commands.items():
            runs[name].append(run_once(argv))
    return {name: _figures(name, done) for name, done in runs.items()}


def run_once(argv: Sequence[str]) -> Run:
    """One process, measured by `wait4`; its standard output is the answer."""
    started = time.perf_counter()
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    answer = process.stdout.read().decode()
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)} ended with {process.returncode}: {errors[-2000:]}")
    return Run(
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall_s,
        peak_mb=usage.ru_maxrss / 1024,
        answer=answer.strip(),
    )


def spread_of(values: Sequence[float]) -> float:
    """(max - min) / median; 0 of equal values, whatever they are, and else infinite where the median is 0."""
    width = max(values) - min(values)
    if not width:
        return 0.0
    return width / median(values) if median(values) else float("inf")


def _figures(name: str, runs: Sequence[Run]) -> Figures:
    answers = {run.answer for run in runs}
    if len(answers) != 1:
        raise RuntimeError(f"{name} gave different answers: {sorted(answers)}")
    cpu = [run.cpu_s for run in runs]
    return Figures(
        cpu_s=median(cpu),
        wall_s=median(run.wall_s for run in runs),
        peak_mb=max(run.peak_mb for run in runs),
        spread=spread_of(cpu),
        answer=answers.pop(),
    )


def machine() -> str:
    """One line that names the machine: processor, cores, memory, kernel, Python."""
    with open("/proc/cpuinfo") as lines:
        models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        model = next(models, "unknown processor")
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    version = ".".join(map(str, sys.version_info[:3]))
    return (
        f"{model}, {os.cpu_count()} cores, {memory_gb:.0f} GiB, Linux {os.uname().release}, CPython {version}"
    )
