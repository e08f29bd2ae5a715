"""The gate query whose answer is at hand, beside the bare endpoint that reads the same row."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from service.figures import Ratio, Round, Rounds, p99_missed, shown
from service.servers import Bare, Client, Gatekeeper
from service.world import Stored, World
from service.wrk import Figures, Load

CONNECTIONS = (1, 16, 64)
MIN_RATIO = 0.7
MAX_P99_MS = 10
"""At 16 connections."""
MIN_FLATNESS = 0.85
"""Of the rate with many stored decisions by that with few."""
_CHECKED = 20
_TURNS = 4
"""Of each server in a round."""
_OVERDUE_S = 0.2
"""A server that held still has timers to catch up with."""

Row = tuple[int, str, int]
"""(decisions, server, connections)."""
BARE, OURS = "bare FastAPI", "gatekeeper"


def hits(world: World, rounds: int, seconds: float) -> tuple[Table, list[str]]:
    """The table, and what misses the goals."""
    for stored in (world.few, world.many):
        _demand_equal(stored, world.token)
    found = measured(world, rounds, seconds)
    return _table(world, found), list(_missed(world, found))


def measured(world: World, rounds: int, seconds: float) -> dict[Row, Rounds]:
    """All rows. The servers take turns, and the others hold still meanwhile.

    A round gives each server four turns of `seconds`, forth and back, not a long one: what slows the machine
    for a while then slows all of them.
    """
    servers: list[tuple[Stored, str, Gatekeeper | Bare]] = [
        one
        for stored in (world.few, world.many)
        for one in ((stored, BARE, stored.bare), (stored, OURS, stored.gatekeeper))
    ]
    for _, _, server in servers:
        server.pause()
    runs: dict[Row, list[Round]] = {}
    for number in range(-1, rounds):  # the one before the first fills the caches
        for connections in CONNECTIONS:
            found: dict[Row, list[_Turn]] = {}
            for turn in range(_TURNS if number >= 0 else 1):
                for stored, name, server in servers if turn % 2 == 0 else reversed(servers):
                    server.resume()
                    time.sleep(_OVERDUE_S)
                    done = _turn(stored, server, world.token, connections, seconds)
                    server.pause()
                    found.setdefault((stored.decisions, name, connections), []).append(done)
            if number >= 0:
                for row, parts in found.items():
                    runs.setdefault(row, []).append(_round(parts))
    for _, _, server in servers:
        server.resume()
    return {row: Rounds(done) for row, done in runs.items()}


@dataclass(frozen=True)
class _Turn:
    """What one server did in one turn."""

    figures: Figures
    cpu_s: float
    peak_mb: float


def _turn(stored: Stored, server: Gatekeeper | Bare, token: str, connections: int, seconds: float) -> _Turn:
    load = Load(url=server.url, token=token, paths=stored.paths)
    load.greet()
    server.forget_peak()
    before = server.cpu_s
    figures = load.run(connections=connections, seconds=seconds)
    if figures.refused or figures.broken:
        raise RuntimeError(f"{server.url} refused {figures.refused} and broke {figures.broken} requests")
    return _Turn(figures, server.cpu_s - before, server.peak_mb)


def _round(turns: Sequence[_Turn]) -> Round:
    requests = sum(one.figures.requests for one in turns)
    return Round(
        rate=requests / sum(one.figures.seconds for one in turns),
        p50_ms=median(one.figures.p50_ms for one in turns),
        p99_ms=median(one.figures.p99_ms for one in turns),
        cpu_ms=sum(one.cpu_s for one in turns) * 1000 / requests,
        peak_mb=max(one.peak_mb for one in turns),
    )


def _demand_equal(stored: Stored, token: str) -> None:
    """Both must answer with the same bytes, or the comparison says nothing."""
    ours, bare = Client(stored.gatekeeper.url, token), Client(stored.bare.url)
    for path in stored.paths.read_text().splitlines()[:_CHECKED]:
        found = ours.call("GET", path)
        if found[0] != 200 or found != bare.call("GET", path):
            raise RuntimeError(f"{path} is answered differently: {found} and {bare.call('GET', path)}")
    ours.close()
    bare.close()


def _table(world: World, found: dict[Row, Rounds]) -> Table:
    size = len(Client(world.few.bare.url).call("GET", world.few.paths.read_text().splitlines()[0])[1])
    table = Table(
        title=f"Gate query, hit, {world.engine} (answers of {size} bytes)",
        title_justify="left",
        title_style="bold",
    )
    for heading in ("stored", "conn.", "server"):
        table.add_column(heading, justify="left" if heading == "server" else "right")
    for heading in ("req/s", "spread", "x bare", "spread", "p50 ms", "p99 ms", "worst", "CPU µs", "peak MB"):
        table.add_column(heading, justify="right")
    for stored in (world.few, world.many):
        for connections in CONNECTIONS:
            bare = found[stored.decisions, BARE, connections]
            for name in (BARE, OURS):
                rounds = found[stored.decisions, name, connections]
                ratio = rounds.over(bare)
                table.add_row(
                    f"{stored.decisions:,}",
                    str(connections),
                    name,
                    f"{rounds.rate:,.0f}",
                    f"{rounds.spread:.0%}",
                    f"{ratio.median:.2f}",
                    shown(ratio.spread) if name == OURS else "",
                    f"{rounds.p50_ms:.2f}",
                    f"{rounds.p99_ms:.2f}",
                    f"{rounds.worst_p99_ms:.2f}",
                    f"{rounds.cpu_ms * 1000:.0f}",
                    f"{rounds.peak_mb:.0f}",
                )
    return table


def _missed(world: World, found: dict[Row, Rounds]) -> Iterator[str]:
    few, many = world.few.decisions, world.many.decisions
    for connections in CONNECTIONS:
        at = f"gate query, {world.engine}, {connections} connections"
        for stored in (few, many):
            ours = found[stored, OURS, connections]
            bare = ours.over(found[stored, BARE, connections])
            yield from bare.missed(f"{at}, {stored:,} decisions, x bare", at_least=MIN_RATIO)
            if connections == 16:
                yield from p99_missed(f"{at}, {stored:,} decisions", ours, at_most_ms=MAX_P99_MS)
        flat = flatness(world, found, connections)
        yield from flat.missed(f"{at}, {many:,} by {few:,} decisions", at_least=MIN_FLATNESS)


def flatness(world: World, found: dict[Row, Rounds], connections: int) -> Ratio:
    """The rates with many stored decisions by those with few."""
    many = found[world.many.decisions, OURS, connections]
    return many.over(found[world.few.decisions, OURS, connections])
