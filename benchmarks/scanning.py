"""Three scanners side by side against each one alone, over Gatekeeper's own source."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from measure import MAX_SPREAD, spread_of
from rich.table import Table

_ROOT = Path(__file__).resolve().parent.parent
_GATEKEEPER = Path(sys.executable).parent / "gatekeeper"
TOOLS = ("bandit", "semgrep", "pip-audit")
MAX_RATIO = 1.1


def side_by_side(folder: Path, rounds: int) -> tuple[Table, list[str]]:
    """Wall seconds of each scanner alone and of all together, and what misses the goal."""
    target = folder / "target"
    shutil.copytree(_ROOT / "gatekeeper", target / "gatekeeper")
    shutil.copytree(_ROOT / "scanners" / "gatekeeper_scanners", target / "gatekeeper_scanners")
    shutil.copy(_ROOT / "examples" / "shop" / "requirements.txt", target)
    # The user's own scanners, never the user's own mirror: GATEKEEPER_HOME would move both.
    environ = dict(os.environ) | {"XDG_DATA_HOME": str(folder / "data")}
    environ.pop("GATEKEEPER_HOME", None)
    _run(environ, "advisories", "import", str(_ROOT / "examples" / "advisories"), "--partial")
    choices = {tool: (tool,) for tool in TOOLS} | {"side by side": TOOLS}
    _scan(environ, target, folder / "reports", TOOLS)  # installs the scanners, which is not measured
    walls: dict[str, list[float]] = {name: [] for name in choices}
    for _ in range(rounds):
        for name, tools in choices.items():
            walls[name].append(_scan(environ, target, folder / "reports", tools))
    return _judged(walls)


def _judged(walls: dict[str, list[float]]) -> tuple[Table, list[str]]:
    slowest = max((walls[tool] for tool in TOOLS), key=median)
    together = walls["side by side"]
    table = Table(title="Scanners, wall seconds", title_justify="left", title_style="bold")
    for heading in ("scanners", "median", "x slowest alone", "spread"):
        table.add_column(heading, justify="left" if heading == "scanners" else "right")
    for name, runs in walls.items():
        found = median(runs)
        table.add_row(name, f"{found:.2f}", f"{found / median(slowest):.2f}", f"{spread_of(runs):.0%}")
    return table, [f"side by side: {miss}" for miss in _missed(slowest, together)]


def _missed(slowest: list[float], together: list[float]) -> Iterator[str]:
    spread, ratio = max(map(spread_of, (slowest, together))), median(together) / median(slowest)
    if spread > MAX_SPREAD:
        yield f"no result, the runs differ by {spread:.0%}"
    elif ratio > MAX_RATIO:
        yield f"{ratio:.2f} x the slowest alone, goal {MAX_RATIO}"


def _scan(environ: dict[str, str], target: Path, output: Path, tools: tuple[str, ...]) -> float:
    chosen = [argument for tool in tools for argument in ("--tool", tool)]
    shutil.rmtree(output, ignore_errors=True)
    started = time.perf_counter()
    _run(environ, "scan", str(target), "--output", str(output), *chosen)
    return time.perf_counter() - started


def _run(environ: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([_GATEKEEPER, *arguments], env=environ, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"gatekeeper {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
