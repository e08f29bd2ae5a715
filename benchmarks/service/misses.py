"""What is not at hand: a gate query after a change, and decisions about builds that nobody asked about."""

import time
from collections.abc import Callable, Sequence

from rich.table import Table

from service.clients import timed
from service.figures import Round, Rounds, shown
from service.seed import Build
from service.servers import Client, query
from service.world import BUILT, STAGE, World

CLIENTS = (1, 8)
_ASK_AGAIN_S = 0.02
_TITLE = "Misses: 200 tests, coverage of 200 files, 50 findings, 40 dependencies"


def misses(world: World, rounds: int) -> tuple[Table, list[str]]:
    """The table. There is no goal: what a miss may take is judged under load, by the gate's p99."""
    later = [0]

    def look(client: Client, build: Build) -> None:
        """Ask until it is answered, sooner than a patient client would."""
        asked = {"project": BUILT, "stage": STAGE, "commit": build.commit}
        while (status := client.call("GET", query("/api/v1/gate", asked))[0]) == 202:
            later[0] += 1
            time.sleep(_ASK_AGAIN_S)
        _demand(200, status)

    def decide(client: Client, build: Build) -> None:
        asked = {"project": BUILT, "stage": STAGE, "commit": build.commit}
        _demand(201, client.call("POST", "/api/v1/decisions", asked)[0])

    kinds: dict[str, tuple[Sequence[Build], Callable[[Client, Build], None]]] = {
        "GET /gate, answer of before": (world.stale, look),
        "POST /decisions, new build": (world.fresh, decide),
    }
    found: dict[tuple[str, int], Rounds] = {}
    told: dict[tuple[str, int], int] = {}
    share = min(len(world.stale), len(world.fresh)) // (rounds * len(CLIENTS))
    runs: dict[tuple[str, int], list[Round]] = {}
    for number in range(rounds):
        for place, clients in enumerate(CLIENTS):
            for name, (builds, do) in kinds.items():
                later[0] = 0
                first = (number * len(CLIENTS) + place) * share
                one = _one(world, builds[first : first + share], do, clients)
                runs.setdefault((name, clients), []).append(one)
                told[name, clients] = told.get((name, clients), 0) + later[0]
    found = {row: Rounds(done) for row, done in runs.items()}
    return _table(world, found, told, share), []


def _one(world: World, builds: Sequence[Build], do: Callable[[Client, Build], None], clients: int) -> Round:
    server = world.many.gatekeeper
    server.forget_peak()
    before = server.cpu_s
    done = timed(server.url, world.token, builds, do, clients=clients)
    return Round(
        rate=done.rate,
        p50_ms=done.at(50),
        p99_ms=done.at(99),
        cpu_ms=(server.cpu_s - before) * 1000 / len(builds),
        peak_mb=server.peak_mb,
    )


def _demand(wanted: int, status: int) -> None:
    if status != wanted:
        raise RuntimeError(f"answered with {status}, not {wanted}")


def _table(
    world: World, found: dict[tuple[str, int], Rounds], told: dict[tuple[str, int], int], share: int
) -> Table:
    table = Table(
        title=f"{_TITLE}; {world.engine}, {world.many.decisions:,} decisions stored, {share} builds a round",
        title_justify="left",
        title_style="bold",
    )
    for heading in ("question", "clients"):
        table.add_column(heading, justify="left" if heading == "question" else "right")
    for heading in ("per s", "spread", "p50 ms", "p99 ms", "told to wait", "CPU ms", "peak MB"):
        table.add_column(heading, justify="right")
    for (name, clients), rounds in found.items():
        table.add_row(
            name,
            str(clients),
            f"{rounds.rate:.0f}",
            shown(rounds.spread),
            f"{rounds.p50_ms:.1f}",
            f"{rounds.p99_ms:.1f}",
            str(told[name, clients]),
            f"{rounds.cpu_ms:.1f}",
            f"{rounds.peak_mb:.0f}",
        )
    return table
