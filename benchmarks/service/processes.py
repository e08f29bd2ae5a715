"""Processes that are measured while they run: they end with us, and are counted with their children."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_START_S = 60
_END_S = 20


class Tree:
    """A process and whatever it started: the group that one server is."""

    def __init__(self, argv: Sequence[str], *, log: Path, environ: dict[str, str] | None = None) -> None:
        """Start it; the kernel ends it when this process goes, however it goes."""
        self.log = log
        with log.open("ab") as output:
            # setpriv is of util-linux, like the kernel's /proc that everything here reads.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *argv],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pids(self) -> list[int]:
        """The process and its living descendants."""
        children: dict[int, list[int]] = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and (fields := _stat(int(folder.name))):
                children.setdefault(int(fields[1]), []).append(int(folder.name))
        found = [self._process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    @property
    def cpu_s(self) -> float:
        """Processor seconds so far, of children that have ended too."""
        # Fields 14 to 17 of proc(5): user, system, and both of the children that were waited for.
        ticks = [sum(map(int, fields[11:15])) for pid in self.pids if (fields := _stat(pid))]
        return sum(ticks) * _TICK_S

    @property
    def peak_mb(self) -> float:
        """The sum of each process' peak since `forget_peak`; what they share counts in each."""
        return sum(_peak_kb(pid) for pid in self.pids) / 1024

    def forget_peak(self) -> None:
        """Begin to look for the peak anew."""
        for pid in self.pids:
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def pause(self) -> None:
        """Let it hold still, so that what it does when idle is not in the figures of another."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def said(self, pattern: str) -> str:
        """The first group of `pattern` in what it wrote, waiting for it.

        Raises:
            RuntimeError: it ended, or took longer than a minute.
        """
        give_up_at = time.monotonic() + _START_S
        while time.monotonic() < give_up_at:
            text = self.log.read_text(errors="replace")
            if found := re.search(pattern, text):
                return found[1]
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"{self._process.args!r} did not start:\n{self.log.read_text()[-3000:]}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it as an operator would, or harder when that is not enough."""
        self.resume()
        self._process.send_signal(how)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _peak_kb(pid: int) -> int:
    with suppress(OSError):
        if found := _PEAK.search(Path(f"/proc/{pid}/status").read_text()):
            return int(found[1])
    return 0
