"""The process that does jobs: `gatekeeper worker`."""

import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from gatekeeper.service.jobs.engine import JobEngine
from gatekeeper.service.jobs.work import Handler

_log = logging.getLogger(__name__)
_LOOK_S = 1.0


def run_worker(
    engine: JobEngine,
    handlers: Mapping[str, Handler],
    *,
    schedules: Mapping[str, int],
    stop: threading.Event,
    grace_s: float = 8.0,
) -> bool:
    """Do jobs until SIGTERM, SIGINT or `stop`; then end within about `grace_s` seconds.

    Args:
        engine: not started yet.
        handlers: what does each job, by name.
        schedules: the jobs that are queued again and again, with their seconds.
        stop: set by whoever runs this in a thread; signals set it too, in the main thread.
        grace_s: how long jobs that run may take to end.

    Returns:
        Whether it ended as it should: asked to, and with no job running. Else the process should be left
        by `os._exit`, as a thread that still works keeps the interpreter; the jobs are done again.

    Raises:
        ServiceError: `worker-running`, as `JobEngine.start`.
        Unavailable: the database cannot be reached at the start.
    """
    with _signals_set(stop):
        engine.start(handlers)
        try:
            for name, every_s in schedules.items():
                engine.schedule(name, every_s)
            _log.info("worker started: %s", ", ".join(sorted(handlers)))
            while not stop.wait(_LOOK_S) and not engine.lost.is_set():
                pass
        finally:
            ended = engine.stop(grace_s)
        _log.info("worker stopped")
        return ended and not engine.lost.is_set()


@contextmanager
def _signals_set(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT set `stop`, where signals can be handled: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
