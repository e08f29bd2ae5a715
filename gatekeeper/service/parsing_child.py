"""The process that reads reports; started by `parsing_process`, never imported.

    python -P -m gatekeeper.service.parsing_child MEMORY_BYTES

Orders come on standard input, answers go to standard output. It keeps what it has imported and reads one
upload after another. It ends when the server does: between orders by the end of its input, and in the middle
of one by SIGIO, which the kernel sends when the other end of standard input is closed. (Not by
PR_SET_PDEATHSIG: that one comes when the thread that started the process ends.)
"""

import fcntl
import gc
import os
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gatekeeper.evidence import Problem
from gatekeeper.reports.interface import KindMismatch
from gatekeeper.reports.registry import UnknownFormat
from gatekeeper.service.parsing_wire import (
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
from gatekeeper.service.parsing_work import Understood, understood, without_reading

_INPUT_FD = 0
_MAX_OPEN_FILES = 64
_NICENESS = 5
"""About a third of the processor time of the server's own threads where both want it."""


def main() -> None:
    """Read orders until there are no more; see the module."""
    memory_bytes = int(sys.argv[1])
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
            with _ending_with_the_server():
                said, document = _carried_out(order, say, is_worn=lambda: _address_space() > memory_bytes / 2)
            say(said, document)
            if isinstance(said, Answer) and said.is_last:
                return


def _own_output() -> BinaryIO:
    """The pipe to the server. Standard output becomes standard error, so that no `print` gets between."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _set_limits(memory_bytes: int) -> None:
    # A signal to the whole group of processes is the server's to obey: it lets running work end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGIO, signal.SIG_DFL)
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


@contextmanager
def _ending_with_the_server() -> Iterator[None]:
    """Inside the block the end of the server ends this process, even in the middle of a C function."""
    flags = fcntl.fcntl(_INPUT_FD, fcntl.F_GETFL)
    fcntl.fcntl(_INPUT_FD, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(_INPUT_FD, fcntl.F_SETFL, flags | os.O_ASYNC)
    if select.select([_INPUT_FD], [], [], 0)[0]:
        sys.exit()  # it went before we began to listen: nothing else can come now
    try:
        yield
    finally:
        # Before the answer is out: the next order would raise the signal too.
        fcntl.fcntl(_INPUT_FD, fcntl.F_SETFL, flags)


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
