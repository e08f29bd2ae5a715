"""`gatekeeper serve` and `gatekeeper worker` as processes that tests start, stop, and kill at any moment."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

GATEKEEPER = Path(sys.executable).with_name("gatekeeper")
WITHIN_S = 300
"""How long anything may take on a machine that does much else: a limit for what hangs, no measure."""
ANNOUNCED = "serves http://"
PR_SET_PDEATHSIG = 1
"""From `linux/prctl.h`."""

# The kernel ends the process with the thread that started it, however that ends; it stays over exec.
_BOUND_TO_US = (
    sys.executable,
    "-I",
    "-c",
    "import ctypes, os, signal, sys\n"
    f"ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, signal.SIGKILL)\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n",
)


class ProcessFailed(AssertionError):
    """A process did not do what it was told; its log is in the message."""


class GatekeeperProcess:
    """One command of Gatekeeper, run again and again on the same data. Start it in the main thread."""

    def __init__(
        self, command: Sequence[str], *, settings: Mapping[str, str], log: Path, under: Sequence[str] = ()
    ) -> None:
        """Remember; nothing is started.

        Args:
            command: such as `["serve", "--port", "0"]`.
            settings: the variables `GATEKEEPER_*`, all of them.
            log: what it says on standard error goes here.
            under: a program that runs it, such as strace with its options.
        """
        others = {name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")}
        # Who runs under another program must end with that one, which may not take its children along.
        self._command = [*_BOUND_TO_US, *under, *(_BOUND_TO_US if under else ()), str(GATEKEEPER), *command]
        self._is_under = bool(under)
        self._environment = others | settings
        self.log = log
        self._process: subprocess.Popen[str] | None = None
        self._log_begins_at = 0

    def start(self) -> None:
        """Begin; return at once."""
        if self._process is not None:
            raise ProcessFailed("it runs already")
        with self.log.open("ab") as log:
            self._log_begins_at = log.tell()
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @property
    def pid(self) -> int:
        """Of the process that runs."""
        return self._running().pid

    def line_with(self, text: str) -> str:
        """The first line with `text` that it writes to standard output."""
        process = self._running()
        too_late = threading.Timer(WITHIN_S, process.kill)
        too_late.start()
        try:
            for line in _lines(process):
                if text in line:
                    return line
        finally:
            too_late.cancel()
        raise ProcessFailed(f"it ended with {process.wait(WITHIN_S)} without saying {text!r}:\n{self.tail()}")

    def kill(self, *, with_children: bool = True) -> None:
        """Kill it by SIGKILL; return when it and every child of it are gone.

        Without `with_children` they must notice by themselves that they are alone.
        """
        process = self._running()
        with _watched(_descendants(process.pid)) as children:
            process.kill()
            process.wait()
            for child in children if with_children else ():
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(child, signal.SIGKILL)
            _wait_for_end(children)
        self._forget()

    def stop(self) -> int:
        """Ask it to end and wait for that; its exit code."""
        process = self._running()
        with _watched(_descendants(process.pid)) as children:
            os.kill(_children(process.pid)[0] if self._is_under else process.pid, signal.SIGTERM)
            try:
                process.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                raise ProcessFailed(f"it does not end when it is told to:\n{self.tail()}") from None
            _wait_for_end(children)
        code = process.returncode
        self._forget()
        return code

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self._process is not None:
            self.kill()

    def said_since_start(self) -> str:
        """Its log since it was started last."""
        return self.log.read_bytes()[self._log_begins_at :].decode(errors="replace")

    def tail(self) -> str:
        """The end of what it said."""
        return self.log.read_text(errors="replace")[-3000:]

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            raise ProcessFailed("it does not run")
        return self._process

    def _forget(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None


class ServerProcess(GatekeeperProcess):
    """`gatekeeper serve` at a port of its own choice, another one after each start."""

    def __init__(self, *, settings: Mapping[str, str], log: Path, under: Sequence[str] = ()) -> None:
        super().__init__(["serve", "--port", "0"], settings=settings, log=log, under=under)
        self._answers = threading.Condition()
        self._url: str | None = None

    def start(self) -> None:
        """Return when it answers."""
        super().start()
        said = self.line_with(ANNOUNCED)
        with self._answers:
            self._url = "http://" + said.split(ANNOUNCED, 1)[1].split()[0]
            self._answers.notify_all()

    def kill(self, *, with_children: bool = True) -> None:
        """As of any process; whoever asks for the URL waits from now on."""
        with self._answers:
            self._url = None
        super().kill(with_children=with_children)

    def url(self) -> str:
        """Where it answers, without a slash at the end; waits for the start. For any thread."""
        with self._answers:
            if not self._answers.wait_for(lambda: self._url is not None, WITHIN_S):
                raise ProcessFailed(f"the server did not come back:\n{self.tail()}")
            assert self._url is not None
            return self._url


def _lines(process: "subprocess.Popen[str]") -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, thread.read_text().split())
    return found


def _descendants(pid: int) -> list[int]:
    return [one for child in _children(pid) for one in (child, *_descendants(child))]


@contextmanager
def _watched(pids: Sequence[int]) -> Iterator[list[int]]:
    """A handle for each process: a number alone could mean another one by the time it is used."""
    handles: list[int] = []
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                handles.append(os.pidfd_open(pid))
        yield handles
    finally:
        for handle in handles:
            os.close(handle)


def _wait_for_end(processes: Sequence[int]) -> None:
    for process in processes:
        ended = select.poll()
        ended.register(process, select.POLLIN)
        if not ended.poll(WITHIN_S * 1000):
            signal.pidfd_send_signal(process, signal.SIGKILL)
            raise ProcessFailed("a child outlived the process that had started it")
