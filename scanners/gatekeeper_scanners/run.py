"""Runs one tool as an untrusted process: bounded, without our environment, and with nothing left behind.

What holds: its own session, a scrubbed environment, a private home, no standard input, limits on wall time,
CPU time, address space, file size, open files and output, and the death of every descendant at the end.
What does not: the tool runs as the same user, so it could read that user's files, and its network is not cut;
HTTP clients that honour proxy variables are led to a closed port, loopback excepted. The tools are pinned and
hashed programs that parse hostile input; this is a fence around their failures, not around a hostile tool.
"""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.run_record import Ending

_SUPERVISOR = Path(__file__).with_name("supervise.py")
_TAIL_CHARS = 4_000
_GRACE_SECONDS = 8.0
_TICK_SECONDS = 0.1
_CLOSED_PORT = "http://127.0.0.1:9"
_OUT_OF_MEMORY = re.compile(
    rb"MemoryError|Out_of_memory|Cannot allocate memory|bad_alloc|out of memory", re.I
)
_FILE_TOO_LARGE = re.compile(rb"File too large|SIGXFSZ")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[^\n\t\x20-\x7e\xa0-\U0010ffff]")


class Cancelled(Exception):
    """The user gave up; the tool is dead."""


@dataclass(frozen=True, kw_only=True)
class RunLimits:
    """Bounds of one run. Memory and CPU time are per process of the tool."""

    wall_s: float = 600.0
    cpu_s: int = 1_200
    memory_bytes: int = 6 * 1024**3
    file_bytes: int = 512 * 1024**2
    """The report included."""
    open_files: int = 1_024
    output_bytes: int = 16 * 1024**2
    """Standard output and standard error together."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the tool ended."""

    ending: Ending
    exit_code: int | None
    """None when it did not exit by itself."""
    duration_ms: int
    stderr_tail: str


def run_tool(
    argv: tuple[str, ...],
    *,
    cwd: Path,
    workspace: Path,
    report: Path,
    environ: Mapping[str, str],
    finished_codes: frozenset[int],
    limits: RunLimits,
    cancel: threading.Event,
    niceness: int = 0,
) -> Outcome:
    """Run `argv` to its end and say how it ended; afterwards none of its processes is alive.

    `finished` means: an exit code of `finished_codes` and a report that is a file with content. `niceness`
    (0-19) lowers the priority of the tool.

    Raises:
        Cancelled: `cancel` was set.
    """
    started = time.monotonic()
    watch = _start(argv, cwd=cwd, environ=_environment(workspace, environ), limits=limits, niceness=niceness)
    try:
        reason = watch.follow(started + limits.wall_s, limits.output_bytes, cancel)
    finally:
        status = watch.end()
    if reason == "cancelled":
        raise Cancelled
    duration_ms = round((time.monotonic() - started) * 1000)
    ending = (
        reason if isinstance(reason, Ending) else _judge(status, watch.stderr, report, finished_codes, limits)
    )
    return Outcome(
        ending=ending,
        exit_code=None if isinstance(reason, Ending) else status.exit,
        duration_ms=duration_ms,
        stderr_tail=_tail(watch.stderr, status.error),
    )


@dataclass(frozen=True, kw_only=True)
class _Status:
    """The supervisor's word; all None when it died itself."""

    exit: int | None = None
    signal: int | None = None
    error: str | None = None


class _Watch:
    """A supervised process, what it said, and how it ended."""

    def __init__(self, process: subprocess.Popen[bytes], status_fd: int) -> None:
        self._process = process
        self._status_fd = status_fd
        self.stderr = bytearray()

    def follow(self, deadline: float, max_bytes: int, cancel: threading.Event) -> Ending | str | None:
        """Drain both pipes until they close; else why it has to be ended."""
        process = self._process
        seen = 0
        with selectors.DefaultSelector() as selector:
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    os.set_blocking(stream.fileno(), False)
                    selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                if cancel.is_set():
                    return "cancelled"
                if time.monotonic() >= deadline:
                    return Ending.TIMEOUT
                ready = selector.select(_TICK_SECONDS)
                if not ready and self._has_ended():
                    return None  # the supervisor was killed and something still holds a pipe
                for key, _ in ready:
                    data = os.read(key.fd, 65_536)
                    if not data:
                        selector.unregister(key.fileobj)
                    seen += len(data)
                    if key.fileobj is process.stderr:
                        self.stderr += data
                        del self.stderr[: -_TAIL_CHARS * 8]
                    if seen > max_bytes:
                        return Ending.OUTPUT_LIMIT
        # A tool may close its output and go on: its end is what counts.
        while not self._has_ended():
            if cancel.wait(_TICK_SECONDS):
                return "cancelled"
            if time.monotonic() >= deadline:
                return Ending.TIMEOUT
        return None

    def end(self) -> _Status:
        """Make sure that every process is dead; how the tool ended, by the word of the supervisor."""
        process = self._process
        if not self._has_ended():
            process.terminate()
            patience = time.monotonic() + _GRACE_SECONDS
            while not self._has_ended() and time.monotonic() < patience:
                time.sleep(0.01)
        # The group is killed even when the supervisor swept it: it may itself have been killed.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        with os.fdopen(self._status_fd, "rb") as reader:
            os.set_blocking(reader.fileno(), False)
            word = reader.read() or b""
        return _Status(**json.loads(word)) if word else _Status()

    def _has_ended(self) -> bool:
        """True when the supervisor is dead. It is not reaped yet, so that its group id cannot be reused."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None


def _start(
    argv: tuple[str, ...], *, cwd: Path, environ: dict[str, str], limits: RunLimits, niceness: int
) -> _Watch:
    bounds = {
        "niceness": niceness,
        "memory_bytes": limits.memory_bytes,
        "cpu_s": limits.cpu_s,
        "file_bytes": limits.file_bytes,
        "open_files": limits.open_files,
        "core_bytes": 0,
    }
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 - the tool's own interpreter, from our folder
            [sys.executable, "-I", "-S", str(_SUPERVISOR), str(writer), json.dumps(bounds), *argv],
            cwd=cwd,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(writer,),
            start_new_session=True,
        )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    return _Watch(process, reader)


def _environment(workspace: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Nothing of ours: no tokens, no Python variables, no proxies, no user configuration."""
    home = workspace / "home"
    scratch = workspace / "tmp"
    home.mkdir(mode=0o700, exist_ok=True)
    scratch.mkdir(mode=0o700, exist_ok=True)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "http_proxy": _CLOSED_PORT,
        "https_proxy": _CLOSED_PORT,
        "all_proxy": _CLOSED_PORT,
        "no_proxy": "127.0.0.1,localhost",
        **extra,
    }


def _judge(
    status: _Status,
    stderr: bytes | bytearray,
    report: Path,
    finished_codes: frozenset[int],
    limits: RunLimits,
) -> Ending:
    """How a run ended that nobody cut short."""
    if status.error is not None:
        return Ending.NOT_STARTED
    size = _size(report)
    if (
        size >= limits.file_bytes
    ):  # cut off there; the exit code of the failed write may well be a finished one
        return Ending.OUTPUT_LIMIT
    if status.exit in finished_codes and size > 0:
        return Ending.FINISHED
    if status.signal == signal.SIGXCPU:
        return Ending.TIMEOUT
    if status.signal == signal.SIGXFSZ:
        return Ending.OUTPUT_LIMIT
    # The limit of the address space shows as a failed allocation, that of the machine as SIGKILL.
    if _OUT_OF_MEMORY.search(stderr) or status.signal == signal.SIGKILL:
        return Ending.MEMORY_LIMIT
    return Ending.OUTPUT_LIMIT if _FILE_TOO_LARGE.search(stderr) else Ending.CRASHED


def _size(report: Path) -> int:
    """Bytes of the report; 0 when it is missing or no regular file."""
    return report.stat().st_size if report.is_file() and not report.is_symlink() else 0


def _tail(stderr: bytes | bytearray, error: str | None) -> str:
    text = bytes(stderr).decode("utf-8", "replace") + (f"\n{error}" if error else "")
    return _CONTROL.sub("", text).strip()[-_TAIL_CHARS:]
