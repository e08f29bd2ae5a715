"""Reads uploads in a warm pool of child processes, so that no report can stop or slow the server."""

import os
import queue
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from gatekeeper.canonical import digest_of_bytes
from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import Kind, Problem
from gatekeeper.reports.interface import KindMismatch
from gatekeeper.reports.registry import UnknownFormat
from gatekeeper.service.errors import Unavailable
from gatekeeper.service.parsing.document import decoded
from gatekeeper.service.parsing.process import Answered, Died, Outcome, ParserProcess, TookTooLong
from gatekeeper.service.parsing.wire import Answer, Defect, Order, Progress, Refusal
from gatekeeper.service.parsing.work import keep_redacted, without_reading
from gatekeeper.service.ports import Parsed, ParseTask

_log = structlog.get_logger(__name__)
_CLOSED = "the server is shutting down"
_CPU_SPARE_S = 5
_MAX_STARTS = 3
"""A process that dies before it begins is no fault of the upload: another one is tried."""


@dataclass(frozen=True, kw_only=True)
class ParserLimits:
    """What one upload may cost. Past them it is unreadable (problems `out-of-memory`, `parser-timeout`)."""

    memory_bytes: int = 1536 * 1024 * 1024
    """Address space of a process, Python itself included."""
    wall_s: int = 120
    """From the moment at which a process begins to read."""
    wait_s: float = 60.0
    """How long an upload waits for a free process before it is turned away."""


class ParserPool:
    """A `Parser` of `children` processes, for any number of threads. Close it: it is a context manager."""

    def __init__(self, *, scratch: Path, children: int | None = None, limits: ParserLimits) -> None:
        """Start the processes, by default one for each core. `scratch` is the folder for redacted reports.

        Raises:
            OSError: the system has no room for another process.
        """
        self._scratch, self._limits = scratch.resolve(), limits
        self._children = children or os.cpu_count() or 1
        self._is_closed = False
        self._lock = threading.Lock()
        self._alive: set[ParserProcess] = set()
        # Last in, first out: a few processes that are warm do most of the work. None is the place of a
        # process that could not be started again.
        self._free: queue.LifoQueue[ParserProcess | None] = queue.LifoQueue()
        for _ in range(self._children):
            self._free.put(self._started())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pids(self) -> frozenset[int]:
        """The process ids of the children, for people who look."""
        with self._lock:
            return frozenset(process.pid for process in self._alive)

    def close(self) -> None:
        """End every process. Uploads that are being read end as `Unavailable`: nothing is known of them."""
        with self._lock:
            self._is_closed = True
            alive = tuple(self._alive)
        for process in alive:
            process.end()
        # Whoever has a process at the moment gives its place back when he sees the end of it.
        for process_or_none in [self._free.get() for _ in range(self._children)]:
            if process_or_none is not None:
                self._forget(process_or_none)
            self._free.put(None)

    def parse(self, task: ParseTask) -> Parsed:
        """What the upload says; see `ports.Parser`.

        Raises:
            KindMismatch, UnknownFormat, Unavailable: as there.
            ValueError: the task has neither a report nor a record.
        """
        if task.report is None and task.record is None:
            raise ValueError("an upload has a report, a record or both")
        stored = self._scratch / f"redacted-{uuid.uuid4().hex}"
        try:
            parsed = self._parsed(task, self._carried_out(self._order(task, stored)), stored)
        except OSError as error:
            stored.unlink(missing_ok=True)
            raise Unavailable(f"reports cannot be read now: {error.strerror or error}") from error
        except BaseException:
            stored.unlink(missing_ok=True)
            raise
        if parsed.stored is None:
            stored.unlink(missing_ok=True)
        return parsed

    def _order(self, task: ParseTask, stored: Path) -> Order:
        return Order(
            report=str(task.report.resolve()) if task.report else None,
            report_name=task.report_name,
            record=str(task.record.resolve()) if task.record else None,
            format_name=task.format_name,
            kind=task.kind,
            stored=str(stored),
            cpu_s=self._limits.wall_s + _CPU_SPARE_S,
        )

    def _carried_out(self, order: Order) -> Outcome:
        """The outcome of the first process that began."""
        for _ in range(_MAX_STARTS):
            outcome = self._asked(order)
            if not isinstance(outcome, Died) or outcome.known is not None:
                return outcome
            _log.warning("parser.lost", how=outcome.how)
        raise Unavailable(
            f"{_MAX_STARTS} processes for reading reports ended before they began",
            hint="the error output of the server says why; `parser_memory_mb` may be too small",
        )

    def _asked(self, order: Order) -> Outcome:
        try:
            process = self._free.get(timeout=self._limits.wait_s)
        except queue.Empty:
            raise Unavailable(
                f"all {self._children} parser processes were busy for {self._limits.wait_s:g} s",
                hint="send it again later; `parser_children` says how many there are",
            ) from None
        outcome: Outcome | None = None
        try:
            process = process or self._started()
            outcome = process.ask(order, wall_s=self._limits.wall_s)
        finally:
            self._free.put(self._next(process, outcome))
        if self._is_closed and not isinstance(outcome, Answered):
            raise Unavailable(_CLOSED)
        return outcome

    def _started(self) -> ParserProcess:
        with self._lock:
            if self._is_closed:
                raise Unavailable(_CLOSED)
            process = ParserProcess(memory_bytes=self._limits.memory_bytes)
            self._alive.add(process)
        return process

    def _next(self, process: ParserProcess | None, outcome: Outcome | None) -> ParserProcess | None:
        """Who takes the place of `process` after `outcome`; None when nobody can be started now."""
        if isinstance(outcome, Answered) and not outcome.is_last:
            return process
        if process is not None:
            self._forget(process)
        try:
            return self._started()
        except (OSError, Unavailable):
            return None

    def _forget(self, process: ParserProcess) -> None:
        process.kill()
        with self._lock:
            self._alive.discard(process)

    def _parsed(self, task: ParseTask, outcome: Outcome, stored: Path) -> Parsed:
        match outcome:
            case Answered(answer=answer, document=document):
                match answer:
                    case Answer():
                        return _of_answer(task, answer, document, stored)
                    case Refusal():
                        raise _error_of(answer)
                    case Defect(where=how):
                        problem = Problem(code="parser-died", params={"how": how})
            case Died(how=how):
                problem = Problem(code="parser-died", params={"how": how})
            case TookTooLong():
                problem = Problem(code="parser-timeout", params={"limit": self._limits.wall_s})
        known = outcome.known or Progress(format=None, kind=task.kind)
        _log.warning(
            "parser.gave-up", code=problem.code, kind=known.kind, format=known.format, **problem.params
        )
        made = without_reading(known.kind, known.format, problem)
        return Parsed(
            kind=made.kind,
            document=made.document,
            document_bytes=made.document_bytes,
            digest=made.digest,
            stored=_stored(task, made.kind, stored, is_stored=False),
            format=made.format,
            problems=made.problems,
        )


def _of_answer(task: ParseTask, answer: Answer, data: bytes, stored: Path) -> Parsed:
    document = decoded(data) if data else None
    kind = document.kind if document is not None else None
    return Parsed(
        kind=kind,
        document=document,
        document_bytes=data,
        digest=digest_of_bytes(data) if data else "",
        stored=_stored(task, kind, stored, is_stored=answer.is_stored),
        format=answer.format,
        problems=answer.problems,
    )


def _stored(task: ParseTask, kind: Kind | None, stored: Path, *, is_stored: bool) -> Path | None:
    """Of secrets always a file, so that nobody keeps the report for want of one."""
    if kind is not Kind.SECRETS or task.report is None:
        return None
    if not is_stored:
        keep_redacted(str(stored), None)
    return stored


def _error_of(refusal: Refusal) -> GatekeeperError:
    for error in (KindMismatch, UnknownFormat):
        if refusal.code == error.code:
            return error(refusal.message, hint=refusal.hint)
    return Unavailable(f"the upload cannot be read now: {refusal.message}", hint=refusal.hint)
