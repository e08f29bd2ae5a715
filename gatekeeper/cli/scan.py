"""`gatekeeper scan`: run the scanners on a folder, show how each ended, leave reports for `evaluate`."""

import math
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from gatekeeper.cli import exits
from gatekeeper.errors import UsageError

DEFAULT_OUTPUT = Path("gatekeeper-reports")

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h)?")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def scan(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The folder with the source.")] = Path(),
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Where the reports go; made when it is missing."),
    ] = DEFAULT_OUTPUT,
    tool: Annotated[
        list[str] | None,
        typer.Option("--tool", metavar="NAME", help="Run only this scanner; repeat it for several."),
    ] = None,
    timeout: Annotated[
        str, typer.Option(metavar="DURATION", help="Wall time for each scanner, such as 90s, 10m, 1h.")
    ] = "10m",
    as_json: Annotated[bool, typer.Option("--json", help="The summary as JSON.")] = False,
) -> None:
    """Run the scanners on a folder and write their reports.

    Each scanner runs bounded, on a private copy of the source, with configuration that comes from
    Gatekeeper alone; nothing in the folder is executed. It leaves `<tool>.json` as the tool wrote it, and
    `<tool>.run.json` that says how the run went. The first scan installs the scanners.

    Findings do not make a scan fail: the gate judges them. Exit codes: 0 every scanner finished and its
    report is readable, 1 one did not or is not, 2 usage, 4 a scanner could not be installed.

    Examples:
      gatekeeper scan
      gatekeeper scan src --output reports --tool bandit --tool semgrep
      gatekeeper evaluate gatekeeper-reports --stage test
    """
    from gatekeeper import clock
    from gatekeeper.cli.output import put
    from gatekeeper.cli.scan_progress import progress
    from gatekeeper.cli.scan_summary import summary_json, summary_text
    from gatekeeper.settings import settings_from
    from gatekeeper_scanners.run import RunLimits
    from gatekeeper_scanners.scan import scan as run_scan

    seconds = parse_seconds(timeout)
    scanners = _chosen(tool)
    with _ended_by_sigterm(), progress() as listener:
        result = run_scan(
            path,
            output,
            scanners=scanners,
            settings=settings_from(os.environ, home=Path.home()),
            clock=clock.now,
            listener=listener,
            limits=RunLimits(wall_s=seconds, cpu_s=math.ceil(seconds * 4)),
        )
    put(summary_json(result) if as_json else summary_text(result, shown_output=output))
    raise typer.Exit(_exit_code(result.runs))


def parse_seconds(text: str) -> float:
    """The duration that `text` names, in seconds; a bare number is seconds.

    Raises:
        UsageError: it is no duration, or not positive.
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2] or ""] if found else 0.0
    if not 0 < seconds <= 86_400:
        raise UsageError(
            f"--timeout must be a duration of at most 24h, not {text!r}", hint="for example 90s, 10m or 1h"
        )
    return seconds


def _chosen(names: list[str] | None) -> list[Any]:
    from gatekeeper_scanners.registry import SCANNERS

    wanted = list(dict.fromkeys(names or SCANNERS))
    for name in wanted:
        if name not in SCANNERS:
            raise UsageError(f"there is no scanner {name!r}", hint=f"the scanners are {', '.join(SCANNERS)}")
    return [SCANNERS[name] for name in wanted]


def _exit_code(runs: tuple[Any, ...]) -> int:
    """No usable report means no, except when all that is wrong is that a tool could not be installed."""
    from gatekeeper_scanners.scan_result import Standing

    standings = {run.standing for run in runs}
    if Standing.UNUSABLE in standings:
        return exits.NO
    return exits.COULD_NOT_ASK if Standing.NOT_INSTALLED in standings else exits.ALLOWED


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """A pipeline cancels with SIGTERM: end as on Ctrl-C, with every tool dead and nothing left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
