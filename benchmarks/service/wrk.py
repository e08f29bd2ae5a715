"""The load generator: wrk with one thread, which leaves the other core to the server."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from service.servers import Client

_SCRIPT = Path(__file__).with_name("wrk.lua")
_LINE = "FIGURES "


class WrkMissing(Exception):
    """There is no wrk on this machine."""


class Figures(msgspec.Struct, frozen=True):
    """What wrk saw in one run."""

    requests: int
    seconds: float
    bytes: int
    refused: int
    """Answers with a status from 400 on."""
    broken: int
    """Connections that failed, and answers that took longer than `Load.patience_s`."""
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is asked of one server."""

    url: str
    token: str
    paths: Path
    """A file of paths with their queries, one a line."""
    body: str | None = None
    """For POST; every @ in it becomes a number that is never used again."""
    pause_ms: int = 0
    """About so long each connection waits before it asks again. 0 asks as fast as answers come."""
    patience_s: int = 30

    def run(self, *, connections: int, seconds: float, label: str = "0") -> Figures:
        """The figures of one run."""
        # wrk takes whole seconds only; a shorter run is ended by hand.
        whole = int(seconds) == seconds
        process = self._start(connections, int(seconds) if whole else 3600, label)
        return _figures(process, self.url, None if whole else seconds)

    def greet(self) -> None:
        """Ask once, so that a server that held still finds the token before many ask with it at once."""
        client = Client(self.url, self.token)
        with self.paths.open() as lines:
            client.demand("GET", next(lines).strip())
        client.close()

    @contextmanager
    def during(self, *, connections: int) -> Iterator[list[Figures]]:
        """Ask as long as the `with` lasts; the list then holds the figures."""
        found: list[Figures] = []
        process = self._start(connections, 3600, "0")
        try:
            yield found
            found.append(_figures(process, self.url, 0))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _start(self, connections: int, seconds: int, label: str) -> "subprocess.Popen[str]":
        environ = dict(os.environ) | {
            "BENCH_PATHS": str(self.paths),
            "BENCH_AUTHORIZATION": f"Bearer {self.token}",
            "BENCH_RUN": label,
            "BENCH_PAUSE_MS": str(self.pause_ms),
        }
        if self.body is not None:
            environ["BENCH_BODY"] = self.body
        options = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={self.patience_s}s"]
        return subprocess.Popen(
            ["wrk", *options, "-s", str(_SCRIPT), self.url],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def demand_wrk() -> None:
    """Return when there is a wrk.

    Raises:
        WrkMissing: with what to install.
    """
    if shutil.which("wrk") is None:
        raise WrkMissing(
            "the benchmarks of the service need the load generator wrk, which is not installed: "
            "apt-get install wrk (Debian, Ubuntu), dnf install wrk (Fedora); "
            "without it: python benchmarks/run.py readers"
        )


def _figures(process: "subprocess.Popen[str]", url: str, end_after_s: float | None) -> Figures:
    if end_after_s is not None:
        try:
            process.wait(end_after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
    out, errors = process.communicate()
    lines = [line for line in out.splitlines() if line.startswith(_LINE)]
    if process.returncode != 0 or not lines:
        raise RuntimeError(f"wrk on {url} ended with {process.returncode}: {out[-500:]}{errors[-2000:]}")
    found = msgspec.json.decode(lines[0].removeprefix(_LINE), type=Figures)
    if not found.requests:
        raise RuntimeError(f"{url} answered nothing in {found.seconds:.1f} s")
    return found
