"""Runs one command under limits and leaves no process behind; started as its own process, never imported.

    python -I -S supervise.py STATUS_FD LIMITS_JSON COMMAND ARGUMENT...

It is the parent of the tool and adopts everything that the tool leaves behind (Linux child subreaper), so a
grandchild that detached itself with `setsid` is found and killed too. It ends with the tool, on SIGTERM,
and when the process that started it dies. How the command ended is written to STATUS_FD as one JSON object:
`{"exit": 0}`, `{"signal": 9}` or `{"error": "why it could not start"}`.

Only the standard library, because it runs with `-S` and must start in milliseconds.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SWEEP_SECONDS = 5.0
_LIMITS = {
    "memory_bytes": resource.RLIMIT_AS,
    "cpu_s": resource.RLIMIT_CPU,
    "file_bytes": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "core_bytes": resource.RLIMIT_CORE,
}


class _Stop(BaseException):
    """SIGTERM came: end the tool."""


def _prctl(option: int, value: int) -> None:
    # Missing outside Linux; there the process group is all that is killed.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _stop(_number: int, _frame: object) -> None:
    raise _Stop


def _become(command: list[str], limits: dict[str, int], error_fd: int) -> None:
    """Turn the forked child into the command; on failure write why and exit."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        for name, number in _LIMITS.items():
            _lower(number, limits[name])
        _give_way(limits["niceness"])
        os.execv(command[0], command)  # noqa: S606 - the point of this file
    except (OSError, ValueError) as exc:
        os.write(error_fd, str(exc).encode()[:1000])
    finally:
        os._exit(127)


def _give_way(niceness: int) -> None:
    if niceness:
        os.nice(niceness)
        # Linux may weigh whole sessions against each other (sched(7), autogroup): then only this counts.
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness))


def _lower(number: int, wanted: int) -> None:
    """Set the limit, or keep the hard one that already stands when it is lower."""
    hard = resource.getrlimit(number)[1]
    value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(number, (value, value))


def _run(command: list[str], limits: dict[str, int]) -> dict[str, object]:
    reader, writer = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child == 0:
        _become(command, limits, writer)
    os.close(writer)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        status = _wait_for(child)
    except _Stop:
        return {"signal": int(signal.SIGKILL)}
    error = os.read(reader, 1000)
    if error:
        return {"error": error.decode(errors="replace")}
    if os.WIFSIGNALED(status):
        return {"signal": os.WTERMSIG(status)}
    return {"exit": os.WEXITSTATUS(status)}


def _wait_for(child: int) -> int:
    while True:
        pid, status = os.waitpid(-1, 0)  # also reaps what was adopted meanwhile
        if pid == child:
            return status


def _children() -> list[int]:
    """Process ids whose parent is this process."""
    found = []
    me = str(os.getpid())
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name in parentheses may hold spaces and parentheses itself, so split after the last one.
            if (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1] == me:
                found.append(int(entry.name))
    return found


def _sweep() -> None:
    """Kill what is left. Each death hands its children to this process, so repeat until there are none."""
    deadline = time.monotonic() + _SWEEP_SECONDS
    while time.monotonic() < deadline:
        for pid in _children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def main() -> None:
    """Run, sweep, report; see the module."""
    status_fd, limits, command = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(status_fd, False)
    signal.signal(signal.SIGTERM, _stop)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    ended = _run(command, limits)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _sweep()
    os.write(status_fd, json.dumps(ended).encode())


if __name__ == "__main__":
    main()
