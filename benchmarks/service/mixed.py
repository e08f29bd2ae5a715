"""The gate while everything happens at once, uploads, decisions and jobs; and while nothing does."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rich.table import Table

from service import reports, seed
from service.figures import Round, Rounds, p99_missed
from service.seed import Build
from service.servers import Client, settle
from service.world import BUILT, STAGE, World, submit
from service.wrk import Figures, Load

UPLOADS = 16
MAX_P99_MS = 50
_CONNECTIONS, _PAUSE_MS = 16, 80
"""16 pipelines that each ask about twelve times a second: what one asks late, another asks in time."""
_WRITE_EVERY_S = 0.25
_TESTS = 20


@dataclass(kw_only=True)
class Work:
    """What was done beside the gate queries of a round."""

    uploads_s: float = 0.0
    """Until the last of the large uploads was answered."""
    writes: int = 0
    """Small reports and decisions that were acknowledged."""


def mixed(world: World, rounds: int, seconds: float, megabytes: float) -> tuple[Table, list[str]]:
    """The table, and what misses the goal. `seconds` is how long the idle server is asked."""
    load = Load(url=world.many.gatekeeper.url, token=world.token, paths=world.many.paths, pause_ms=_PAUSE_MS)
    sent = reports.large(megabytes)
    idle: list[Round] = []
    busy: list[Round] = []
    work: list[Work] = []
    for server in (world.few.gatekeeper, world.few.bare, world.many.bare):
        server.pause()
    try:
        for number in range(rounds):
            settle(world.many.gatekeeper)
            idle.append(_idle(world, load, seconds))
            done = Work()
            busy.append(_busy(world, load, _marked(sent, number), number, done))
            work.append(done)
        settle(world.many.gatekeeper)
    finally:
        for server in (world.few.gatekeeper, world.few.bare, world.many.bare):
            server.resume()
    found = {"nothing else": Rounds(idle), "with everything": Rounds(busy)}
    goal = f"gate query, {world.engine}, while {UPLOADS} uploads of {megabytes:g} MB run"
    return _table(world, found, work, megabytes), list(
        p99_missed(goal, found["with everything"], at_most_ms=MAX_P99_MS)
    )


def _idle(world: World, load: Load, seconds: float) -> Round:
    server = world.many.gatekeeper
    load.greet()
    server.forget_peak()
    before = server.cpu_s
    figures = load.run(connections=_CONNECTIONS, seconds=seconds)
    return _round(figures, server.cpu_s - before, server.peak_mb)


def _busy(world: World, load: Load, sent: Sequence[reports.Sent], number: int, done: Work) -> Round:
    server = world.many.gatekeeper
    load.greet()
    server.forget_peak()
    before = server.cpu_s
    with load.during(connections=_CONNECTIONS) as figures, _writes(world, number, done):
        began = time.perf_counter()
        _together([_Upload(world, number, at, sent[at % len(sent)]) for at in range(UPLOADS)])
        done.uploads_s = time.perf_counter() - began
    return _round(figures[0], server.cpu_s - before, server.peak_mb)


def _round(figures: Figures, cpu_s: float, peak_mb: float) -> Round:
    if figures.refused or figures.broken:
        raise RuntimeError(f"{figures.refused} gate queries were refused, {figures.broken} broke off")
    return Round(
        rate=figures.rate,
        p50_ms=figures.p50_ms,
        p99_ms=figures.p99_ms,
        cpu_ms=cpu_s * 1000,
        peak_mb=peak_mb,
        worst_ms=figures.max_ms,
    )


class _Upload(threading.Thread):
    """One large upload, from a pipeline of its own."""

    def __init__(self, world: World, number: int, at: int, sent: reports.Sent) -> None:
        super().__init__()
        self._world, self._sent = world, replace(sent, name=f"{sent.name}-{at}")
        (self._build,) = seed.builds(1, of=1000 + UPLOADS * number + at)
        self.failure: Exception | None = None

    def run(self) -> None:
        client = self._world.client(self._world.many)
        try:
            submit(client, BUILT, self._build, self._sent, run="1")
        except Exception as error:  # noqa: BLE001 - raised by whoever waits
            self.failure = error
        finally:
            client.close()


def _together(threads: Sequence[_Upload]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures := [thread.failure for thread in threads if thread.failure]:
        raise RuntimeError(f"{len(failures)} uploads failed: {failures[0]}") from failures[0]


@contextmanager
def _writes(world: World, number: int, done: Work) -> Iterator[None]:
    """Small reports of builds that were asked about before, which makes jobs, and decisions about others."""
    ended, failures = threading.Event(), list[Exception]()

    def work() -> None:
        client = world.client(world.many)
        try:
            at = 0
            while not ended.wait(_WRITE_EVERY_S):
                at += 1
                _write(client, world, number, at)
                done.writes += 2
        except Exception as error:  # noqa: BLE001 - raised below
            failures.append(error)
        finally:
            client.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if failures:
        raise RuntimeError(f"a small write failed: {failures[0]}") from failures[0]


def _write(client: Client, world: World, number: int, at: int) -> None:
    asked = world.stale[(number * 101 + at) % len(world.stale)]
    data = reports.junit(_TESTS, mark=f"-{number}-{at}").encode()
    submit(client, BUILT, asked, reports.Sent(name="unit", data=data), run=f"{number}.{at}")
    _decide(client, world.fresh[(number * 101 + at) % len(world.fresh)])


def _decide(client: Client, build: Build) -> None:
    question = {"project": BUILT, "stage": STAGE, "commit": build.commit}
    status, body = client.call("POST", "/api/v1/decisions", question)
    if status not in (200, 201):
        raise RuntimeError(f"a decision was answered with {status}: {body[:500]!r}")


def _marked(sent: Sequence[reports.Sent], number: int) -> list[reports.Sent]:
    """The same reports with other bytes, so that each round keeps and reads new ones."""
    # White space after the end is none of JSON's and XML's business.
    return [replace(one, data=one.data + b" " * (number + 1)) for one in sent]


def _table(world: World, found: dict[str, Rounds], work: Sequence[Work], megabytes: float) -> Table:
    table = Table(
        title=f"Gate query under load, {world.engine}: {UPLOADS} uploads of {megabytes:g} MB at once, "
        f"small reports, decisions and jobs; {world.many.decisions:,} decisions stored",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("beside the queries")
    for heading in (
        "req/s",
        "p50 ms",
        "p99 ms",
        "worst p99",
        "slowest ms",
        "CPU s",
        "peak MB",
        "uploads s",
        "writes",
    ):
        table.add_column(heading, justify="right")
    for name, rounds in found.items():
        is_busy = name != "nothing else"
        table.add_row(
            name,
            f"{rounds.rate:.0f}",
            f"{rounds.p50_ms:.1f}",
            f"{rounds.p99_ms:.1f}",
            f"{rounds.worst_p99_ms:.1f}",
            f"{max(one.worst_ms for one in rounds.all):.0f}",
            f"{rounds.cpu_ms / 1000:.1f}",
            f"{rounds.peak_mb:.0f}",
            f"{max(one.uploads_s for one in work):.1f}" if is_busy else "",
            str(sum(one.writes for one in work)) if is_busy else "",
        )
    return table
