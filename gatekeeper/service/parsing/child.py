"""The process that reads reports; started by `parsing_process`, never imported.

    python -P -m gatekeeper.service.parsing.child MEMORY_BYTES LIFELINE_FD

Orders come on standard input, answers go to standard output. It keeps what it has imported and reads one
upload after another. It ends when the server does, even in the middle of a C function: the kernel sends
SIGIO when the other end of the lifeline, a pipe that nobody ever writes to, is closed. (Not standard input:
the signal for an order may come after the order was read. Not PR_SET_PDEATHSIG: that one comes when the
thread that started the process ends.)
"""

import fcntl
import gc
import os
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from gatekeeper.evidence import Problem
from gatekeeper.reports.interface import KindMismatch
from gatekeeper.reports.registry import UnknownFormat
from gatekeeper.service.parsing.wire import (
    Answer,
    Defect,
    Order,
    Progress,
    Ready,
    Refusal,
    Said,
    framed,
    next_order,
)
from gatekeeper.service.parsing.work import Understood, understood, without_reading

_MAX_OPEN_FILES = 64
_NICENESS = 5
"""About a third of the processor time of the server's own threads where both want it."""


def main() -> None:
    """Read orders until there are no more; see the module."""
    memory_bytes, lifeline = int(sys.argv[1]), int(sys.argv[2])
    _end_with_the_server(lifeline)
    answers = _own_output()
    _set_limits(memory_bytes)
    gc.freeze()

    def say(said: Said, document: bytes = b"") -> None:
        answers.write(framed(said))
        answers.write(document)
        answers.flush()

    with suppress(BrokenPipeError):  # the server has gone, and with it the question
        say(Ready())
        while (order := next_order(sys.stdin.buffer)) is not None:
            said, document = _carried_out(order, say, is_worn=lambda: _address_space() > memory_bytes / 2)
            say(said, document)
            if isinstance(said, Answer) and said.is_last:
                return


def _end_with_the_server(lifeline: int) -> None:
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        sys.exit()  # it went before we began to listen


def _own_output() -> BinaryIO:
    """The pipe to the server. Standard output becomes standard error, so that no `print` gets between."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _set_limits(memory_bytes: int) -> None:
    # A signal to the whole group of processes is the server's to obey: it lets running work end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    os.nice(_NICENESS)
    # Linux may weigh whole sessions against each other (sched(7), autogroup): then only this counts.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICENESS))
    for limit, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
    ):
        hard = resource.getrlimit(limit)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))


def _carried_out(
    order: Order, say: Callable[[Said], None], *, is_worn: Callable[[], bool]
) -> tuple[Said, bytes]:
    """What to say of `order`, and the bytes that follow."""
    known = Progress(format=None, kind=order.kind)

    def tell(progress: Progress) -> None:
        nonlocal known
        known = progress
        say(progress)

    tell(known)
    _allow_cpu(order.cpu_s)
    try:
        made = understood(order, tell)
    except (KindMismatch, UnknownFormat) as error:
        return Refusal(code=error.code, message=error.message, hint=error.hint), b""
    except MemoryError:
        made = _out_of_memory(order, known)
    except OSError as error:
        return Refusal(code="unavailable", message=error.strerror or "a file is gone", hint=""), b""
    except Exception as error:  # noqa: BLE001 - the edge of the process: the message may quote a secret
        return Defect(where=_place_of(error)), b""
    said = Answer(
        format=made.format,
        problems=made.problems,
        document_bytes=len(made.document_bytes),
        is_stored=made.is_stored,
        is_last=is_worn(),
    )
    return said, made.document_bytes


def _out_of_memory(order: Order, known: Progress) -> Understood:
    size = Path(order.report or order.record or "").stat().st_size
    problem = Problem(code="out-of-memory", params={"bytes": size})
    return without_reading(known.kind, known.format, problem)


def _allow_cpu(seconds: int) -> None:
    """This order's share; the clock of the limit never goes back."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = int(used.ru_utime + used.ru_stime) + seconds
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _address_space() -> int:
    """Bytes of memory that this process holds, used or not; 0 where the system does not tell."""
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return pages * resource.getpagesize()
    return 0


def _place_of(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}" if last else "unknown"


if __name__ == "__main__":
    main()
