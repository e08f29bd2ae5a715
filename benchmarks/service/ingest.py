"""Uploads: what a large report costs, in statements too, and how many small ones are taken in a second."""

import hashlib
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from measure import MAX_SPREAD, spread_of
from rich.table import Table
from sqlalchemy import Engine, event

from gatekeeper import clock
from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.service import policies, projects
from gatekeeper.service.parsing.pool import ParserLimits, ParserPool
from gatekeeper.service.server import Server
from gatekeeper.service.submission import Received, Submission
from gatekeeper.service.submit import submit as submitted
from gatekeeper.store import migrations
from gatekeeper.store.blobs import blob_store
from gatekeeper.store.database import database_at
from service import reports, seed
from service.figures import Round, Rounds, shown
from service.postgres import Postgres
from service.servers import Client, query
from service.world import BUILT, World, submit
from service.wrk import Load

MAX_CPU_S = 2
MAX_STATEMENTS = 20
CLIENTS = (1, 8)
SMALL_TESTS = 20
_FIRST, _NEXT, _AGAIN = "first report", "report of the next build", "identical upload again"
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_OUTSIDE = ("BEGIN", "SAVEPOINT", "RELEASE", "PRAGMA")


@dataclass(kw_only=True)
class Uploaded:
    """One kind of upload of the large report, over the rounds."""

    cpu_s: list[float] = field(default_factory=list)
    database_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Statements:
    """What one upload asked of the database."""

    all: int
    writes: int


def ingest(
    world: World, rounds: int, seconds: float, findings: int, postgres: Postgres | None
) -> tuple[list[Table], list[str]]:
    """The tables, and what misses the goals."""
    report = reports.Sent(name="codeql", data=reports.sarif(findings))
    counted = statements(report, postgres)
    large = _large(world, rounds, report)
    tables = [
        _large_table(world, large, counted, report, findings),
        _small_table(world, _small(world, rounds, seconds)),
    ]
    return tables, list(_missed(world, large, counted, findings))


def _large(world: World, rounds: int, report: reports.Sent) -> dict[str, Uploaded]:
    client = world.client(world.many)
    found = {name: Uploaded() for name in (_FIRST, _NEXT, _AGAIN)}
    for number in range(rounds + 1):
        # A slot of its own in each round: the first report makes rows, that of the next build finds them.
        sent = replace(report, name=f"codeql-{number}")
        one, other = seed.builds(2, of=100 + number)
        for name, build, status in ((_FIRST, one, 201), (_NEXT, other, 201), (_AGAIN, other, 200)):
            _upload(world, client, found[name] if number else Uploaded(), sent, build, status)
    client.close()
    return found


def _upload(
    world: World, client: Client, found: Uploaded, sent: reports.Sent, build: seed.Build, status: int
) -> None:
    server = world.many.gatekeeper
    server.forget_peak()
    cpu_s, database_s, began = server.cpu_s, world.database_cpu_s, time.perf_counter()
    if (got := submit(client, BUILT, build, sent, run="1")) != status:
        raise RuntimeError(f"the upload was answered with {got}, not {status}")
    found.wall_s.append(time.perf_counter() - began)
    found.cpu_s.append(server.cpu_s - cpu_s)
    found.database_s.append(world.database_cpu_s - database_s)
    found.peak_mb.append(server.peak_mb)


def _small(world: World, rounds: int, seconds: float) -> dict[int, Rounds]:
    """Reports of a few tests, each one new, from so many clients."""
    runs: dict[int, list[Round]] = {clients: [] for clients in CLIENTS}
    server = world.many.gatekeeper
    with tempfile.TemporaryDirectory(prefix="gatekeeper-bench-") as folder:
        paths = Path(folder) / "paths"
        builds = seed.builds(200, of=99)
        paths.write_text(
            "".join(
                query(
                    "/api/v1/evidence",
                    {"project": BUILT, "commit": one.commit, "tree": one.tree, "name": "unit", "ref": "main"},
                )
                + "\n"
                for one in builds
            )
        )
        load = Load(url=server.url, token=world.token, paths=paths, body=reports.junit(SMALL_TESTS, mark="@"))
        for number in range(rounds):
            for clients in CLIENTS:
                server.forget_peak()
                before = server.cpu_s
                figures = load.run(connections=clients, seconds=seconds, label=f"{number}{clients}")
                if figures.refused or figures.broken:
                    raise RuntimeError(f"{figures.refused} uploads were refused, {figures.broken} broke off")
                runs[clients].append(
                    Round(
                        rate=figures.rate,
                        p50_ms=figures.p50_ms,
                        p99_ms=figures.p99_ms,
                        cpu_ms=(server.cpu_s - before) * 1000 / figures.requests,
                        peak_mb=server.peak_mb,
                    )
                )
    return {clients: Rounds(done) for clients, done in runs.items()}


def statements(report: reports.Sent, postgres: Postgres | None) -> dict[str, Statements]:
    """How many statements each kind of upload takes: the same use case, in this process, alone.

    BEGIN, COMMIT and savepoints are not counted; a statement for many rows counts once.
    """
    found: dict[str, Statements] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatekeeper-bench-")))
        url = postgres.create("counted") if postgres else f"sqlite:///{folder}/counted.sqlite"
        database = database_at(url)
        stack.callback(database.close)
        migrations.upgrade(database)
        pool = stack.enter_context(ParserPool(scratch=folder, children=1, limits=ParserLimits()))
        server = Server(database=database, blobs=blob_store(folder / "blobs"), parser=pool, clock=clock.now)
        root = Caller(
            principal="bench",
            method=Method.TOKEN,
            scopes=frozenset({Scope.ADMIN, Scope.EVIDENCE_WRITE, Scope.PROJECT_CREATE}),
            projects=("*",),
            refs=("main",),
        )
        policies.publish_shipped(server)
        projects.create(server, root, path=BUILT)
        seen: list[str] = []

        def note(_c: Any, _u: Any, statement: str, *_more: Any) -> None:
            if not statement.startswith(_OUTSIDE):
                seen.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        stack.callback(event.remove, Engine, "before_cursor_execute", note)
        path = folder / "report"
        path.write_bytes(report.data)
        received = Received(
            report=path,
            filename="",
            sha256=hashlib.sha256(report.data).hexdigest(),
            size_bytes=len(report.data),
        )
        one, other = seed.builds(2, of=100)
        for name, build in ((_FIRST, one), (_NEXT, other), (_AGAIN, other)):
            seen.clear()
            submission = Submission(
                project=BUILT, commit=build.commit, tree=build.tree, name=report.name, ref="main", run="1"
            )
            submitted(server, root, submission, received)
            found[name] = Statements(
                all=len(seen), writes=sum(one.lstrip().upper().startswith(_WRITES) for one in seen)
            )
    if postgres:
        postgres.execute("DROP DATABASE counted WITH (FORCE)")
    return found


def _large_table(
    world: World,
    large: dict[str, Uploaded],
    counted: dict[str, Statements],
    report: reports.Sent,
    findings: int,
) -> Table:
    table = Table(
        title=f"Upload of {findings:,} findings ({len(report.data) / 1e6:.0f} MB of SARIF), {world.engine}",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("upload")
    for heading in ("CPU s", "spread", "database CPU s", "wall s", "peak MB", "statements", "writes"):
        table.add_column(heading, justify="right")
    for name, one in large.items():
        # What takes a tenth of a second or less is counted in ticks of the clock and is no goal.
        spread = shown(spread_of(one.cpu_s)) if name != _AGAIN else f"{spread_of(one.cpu_s):.0%}"
        table.add_row(
            name,
            f"{median(one.cpu_s):.2f}",
            spread,
            f"{median(one.database_s):.2f}" if world.database else "(in it)",
            f"{median(one.wall_s):.2f}",
            f"{max(one.peak_mb):.0f}",
            str(counted[name].all),
            str(counted[name].writes),
        )
    return table


def _small_table(world: World, found: dict[int, Rounds]) -> Table:
    table = Table(
        title=f"Uploads of {SMALL_TESTS} tests, each new, {world.engine}",
        title_justify="left",
        title_style="bold",
    )
    for heading in ("clients", "per s", "spread", "p50 ms", "p99 ms", "CPU ms", "peak MB"):
        table.add_column(heading, justify="right")
    for clients, rounds in found.items():
        table.add_row(
            str(clients),
            f"{rounds.rate:.0f}",
            shown(rounds.spread),
            f"{rounds.p50_ms:.1f}",
            f"{rounds.p99_ms:.1f}",
            f"{rounds.cpu_ms:.1f}",
            f"{rounds.peak_mb:.0f}",
        )
    return table


def _missed(
    world: World, large: dict[str, Uploaded], counted: dict[str, Statements], findings: int
) -> Iterator[str]:
    what = f"upload of {findings:,} findings, {world.engine}"
    for name in (_FIRST, _NEXT):
        cpu_s = large[name].cpu_s
        if spread_of(cpu_s) > MAX_SPREAD and max(cpu_s) > MAX_CPU_S:
            yield f"{what}, {name}: no result, the rounds differ by {spread_of(cpu_s):.0%}"
        elif median(cpu_s) > MAX_CPU_S:
            yield f"{what}, {name}: {median(cpu_s):.2f} CPU s, goal {MAX_CPU_S}"
        if counted[name].all > MAX_STATEMENTS:
            yield f"{what}, {name}: {counted[name].all} statements, goal {MAX_STATEMENTS}"
    if counted[_AGAIN].writes:
        yield f"{what}, {_AGAIN}: {counted[_AGAIN].writes} writes, goal 0"
