"""What a worker does besides jobs: take over from the dead, queue what is scheduled, forget the finished."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from gatekeeper.service.errors import Unavailable
from gatekeeper.service.jobs.lease import Lease

_log = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
"""So often a job may take its worker down with it; then it is `failed` and the workers live on."""
_PRUNE_EVERY_S = 60.0
_LOST_AFTER_ROUNDS = 5
_SETTLING_ROUNDS = 3
"""Nobody is declared dead before. Who starts, or was cut off, may not be the only one to: after a restart of
PostgreSQL the others need a moment, too, to lock again."""


@dataclass(frozen=True, kw_only=True)
class Started:
    """A job that somebody has begun and not ended."""

    id: str
    executor_id: str
    started_at: float
    """Seconds since the epoch by the clock of the database's host."""
    attempts: int


class JobTable(Protocol):
    """The rows of the engine, as far as upkeep needs them. Every call may raise Unavailable."""

    def started(self) -> list[Started]:
        """All jobs that run, or did when their worker died."""
        ...

    def begin_again(self, job: Started) -> None:
        """Put it back into the queue; its attempts are kept."""
        ...

    def give_up(self, job: Started) -> None:
        """Make it `failed`."""
        ...

    def tick(self, name: str, every_s: int, slot: int) -> None:
        """Queue the scheduled job of this slot of time unless it was, or an earlier one is not done."""
        ...

    def prune(self) -> None:
        """Delete what has ended long ago."""
        ...


class Upkeep:
    """The thread of one worker that looks after its lease and after the jobs of the dead."""

    def __init__(
        self,
        table: JobTable,
        lease: Lease,
        *,
        in_hand: Callable[[], frozenset[str]],
        every_s: float,
        stranded_s: float,
        lost: threading.Event,
    ) -> None:
        self._table = table
        self._lease = lease
        self._in_hand = in_hand
        self._stranded_s = stranded_s
        self._lost = lost
        self._rounds_without_lease = 0
        self._settling = _SETTLING_ROUNDS
        self._pruned_at = time.monotonic()
        self._ticking = _Repeating("gatekeeper-jobs-upkeep", self._round, lambda: every_s)

    def start(self) -> None:
        """Begin; the first round is at once."""
        self._ticking.start()

    def stop(self, timeout_s: float) -> None:
        """End the thread, waiting at most `timeout_s` seconds for the round that runs."""
        self._ticking.stop(timeout_s)

    def _round(self) -> None:
        match self._lease.keep():
            case "taken":
                self._count_lost()
                return
            case "renewed":
                self._settling = _SETTLING_ROUNDS
            case "held":
                self._settling = max(0, self._settling - 1)
        self._rounds_without_lease = 0
        if self._settling:
            return
        self._reap()
        if time.monotonic() - self._pruned_at >= _PRUNE_EVERY_S:
            self._pruned_at = time.monotonic()
            with self._lease.alone("prune") as held:
                if held:
                    self._table.prune()

    def _count_lost(self) -> None:
        """A peer that looks whether we live holds our lock for a moment; who holds it on is another us."""
        self._rounds_without_lease += 1
        if self._rounds_without_lease >= _LOST_AFTER_ROUNDS and not self._lost.is_set():
            # Two workers under one id would each take the other's jobs for their own.
            _log.critical("another worker runs as %s; this one has to end", self._lease.executor_id)
            self._lost.set()

    def _reap(self) -> None:
        """Begin again what no living worker has in hand.

        The owner's lock is held from before its jobs are listed until they are back in the queue. So no
        two workers take over from the same one, and it cannot come back and recover them meanwhile.
        """
        started = self._table.started()
        for owner in sorted({job.executor_id for job in started} - {self._lease.executor_id}):
            with self._lease.alone(owner) as held:
                if held:
                    for job in self._table.started():
                        if job.executor_id == owner:
                            self._take_over(job, f"its worker {owner} is gone")
        in_hand = self._in_hand()
        for job in started:
            if (
                job.executor_id == self._lease.executor_id
                and job.id not in in_hand
                and time.time() - job.started_at > self._stranded_s
            ):
                # Claimed and never begun: the database failed in between, or nothing here knows the job.
                self._take_over(job, "this worker claimed it and never began")

    def _take_over(self, job: Started, why: str) -> None:
        if job.attempts >= MAX_ATTEMPTS:
            _log.error("job %s given up after %d attempts: %s", job.id, job.attempts, why)
            self._table.give_up(job)
        else:
            _log.warning("job %s begins again after attempt %d: %s", job.id, job.attempts, why)
            self._table.begin_again(job)


class Schedule:
    """Queues jobs again and again, each on the full multiple of its seconds, without catching up.

    Every process may run one for the same jobs: the slot of time is in the id of the job, so the
    second to come finds it done. Clocks may differ; the slots are those of the fastest.
    """

    def __init__(self, table: JobTable) -> None:
        self._table = table
        self._every_s: dict[str, int] = {}
        self._last_slot: dict[str, int] = {}
        self._lock = threading.Lock()
        self._ticking = _Repeating("gatekeeper-jobs-schedule", self._tick, self._pause_s)

    def add(self, name: str, every_s: int) -> None:
        """From now on; a second call for the same name changes the seconds."""
        with self._lock:
            self._every_s[name] = every_s
            self._last_slot.pop(name, None)
            first = len(self._every_s) == 1
        if first:
            self._ticking.start()

    def stop(self, timeout_s: float) -> None:
        """End the thread."""
        self._ticking.stop(timeout_s)

    def _tick(self) -> None:
        now = time.time()
        with self._lock:
            due = [
                (name, every_s, int(now // every_s))
                for name, every_s in self._every_s.items()
                if self._last_slot.get(name) != int(now // every_s)
            ]
        for name, every_s, slot in due:
            self._table.tick(name, every_s, slot)
            with self._lock:
                self._last_slot[name] = slot

    def _pause_s(self) -> float:
        now = time.time()
        with self._lock:
            return min((every_s - now % every_s for every_s in self._every_s.values()), default=1.0)


class _Repeating:
    """A daemon thread that calls `work`, waits for `pause_s()`, and outlives a database that is away."""

    def __init__(self, name: str, work: Callable[[], None], pause_s: Callable[[], float]) -> None:
        self._work = work
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        if self._thread.ident is None and not self._stop.is_set():
            self._thread.start()

    def stop(self, timeout_s: float) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._work()
            except Unavailable as exc:
                _log.warning("%s: %s", self._thread.name, exc.message)
            except Exception:  # noqa: BLE001 - the edge of a thread, which would end without a word
                _log.exception("%s failed; it goes on", self._thread.name)
            self._stop.wait(max(0.05, self._pause_s()))
