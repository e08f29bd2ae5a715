"""The servers of one engine, one with few stored decisions and one with many, and what they were asked."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from service import reports, seed
from service.postgres import Postgres
from service.processes import Tree
from service.seed import Build
from service.servers import Bare, Client, Gatekeeper, Place, query

STAGE = "test"
ASKED, BUILT = "pay/api", "pay/web"
"""The project whose stored decisions are asked for, and the one that is built all day."""
_PATHS = 50_000
MODEL = Build(commit="c0" * 20, tree="7e" * 20)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything."""

    few: int
    many: int
    stale: int
    """Builds with an old answer: what is asked of them misses."""
    fresh: int
    """Builds with evidence that were never asked about."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A database with so many decisions, its server, and the bare endpoint over the same rows."""

    decisions: int
    gatekeeper: Gatekeeper
    bare: Bare
    paths: Path
    """Gate queries whose answers are at hand, in a random order."""


@dataclass(frozen=True, kw_only=True)
class World:
    """All servers of one engine."""

    engine: str
    few: Stored
    many: Stored
    token: str
    stale: tuple[Build, ...]
    fresh: tuple[Build, ...]
    database: Tree | None
    """The processes of the database, where it has some."""

    @property
    def database_cpu_s(self) -> float:
        """Processor seconds of the database's own processes so far; 0 where it has none."""
        return self.database.cpu_s if self.database else 0.0

    def client(self, stored: Stored) -> Client:
        """A connection of the pipeline."""
        return Client(stored.gatekeeper.url, self.token)


@contextmanager
def world(folder: Path, size: Size, postgres: Postgres | None, say: Callable[[str], None]) -> Iterator[World]:
    """The servers of SQLite, or of `postgres`, while the `with` lasts."""
    say("building")
    blobs = folder / "blobs"
    few = Place(data=folder / "few", database_url=_url(folder, "few", postgres), blobs=blobs)
    token = _built(few)
    if postgres is None:
        shutil.copytree(few.data, folder / "many")
        many_url = _url(folder, "many", None)
    else:
        many_url = postgres.create("many", like="few")
    many = Place(data=folder / "many", database_url=many_url, blobs=blobs)
    ids = _project_ids(few)
    stale, fresh = seed.builds(size.stale, of=2), seed.builds(size.fresh, of=3)
    with ExitStack() as stack:
        stored = []
        for place, count in ((few, size.few), (many, size.many)):
            say(f"storing {count:,} decisions")
            found = seed.builds(count, of=1)
            with seed.seeding(place) as engine:
                seed.copy_decisions(engine, ids[ASKED], MODEL, found, are_small=True)
                if place is many:
                    seed.copy_decisions(engine, ids[BUILT], MODEL, stale, are_small=False)
                    seed.copy_evidence(engine, ids[BUILT], MODEL, stale, place)
                    seed.make_stale(engine, ids[BUILT], stale)
                    seed.copy_evidence(engine, ids[BUILT], MODEL, fresh, place)
            paths = folder / f"paths-{count}"
            paths.write_text("".join(f"{_asks(one)}\n" for one in found[:: max(1, count // _PATHS)]))
            gatekeeper = Gatekeeper(place)
            stack.callback(gatekeeper.end)
            bare = Bare(place, ids[ASKED], folder / f"bare-{count}.log")
            stack.callback(bare.end)
            stored.append(Stored(decisions=count, gatekeeper=gatekeeper, bare=bare, paths=paths))
        yield World(
            engine="PostgreSQL" if postgres else "SQLite",
            few=stored[0],
            many=stored[1],
            token=token,
            stale=tuple(stale),
            fresh=tuple(fresh),
            database=postgres.tree if postgres else None,
        )


def submit(client: Client, project: str, build: Build, sent: reports.Sent, **words: object) -> int:
    """Send a report of the build; the status of the answer, 201 or 200.

    Raises:
        RuntimeError: it was refused.
    """
    told = {"project": project, "commit": build.commit, "tree": build.tree, "name": sent.name, "ref": "main"}
    status, body = client.call("POST", query("/api/v1/evidence", told | words), sent.data)
    if status not in (200, 201):
        raise RuntimeError(f"the report {sent.name} was answered with {status}: {body[:1000]!r}")
    return status


def _url(folder: Path, name: str, postgres: Postgres | None) -> str:
    return f"sqlite:///{folder}/{name}/gatekeeper.sqlite" if postgres is None else postgres.create(name)


def _built(place: Place) -> str:
    """Let a server receive the reports of one build in both projects, and decide; the pipeline's token."""
    server = Gatekeeper(place)
    try:
        administrator = server.administrator()
        token = administrator.demand(
            "POST",
            "/api/v1/tokens",
            {
                "name": "pipeline",
                "scopes": ["evidence:write", "gate:read", "decision:write"],
                "projects": ["*"],
                "refs": ["main"],
            },
        )["secret"]
        pipeline = Client(server.url, token)
        for path in (ASKED, BUILT):
            administrator.demand("POST", "/api/v1/projects", {"path": path})
            for sent in reports.typical():
                submit(pipeline, path, MODEL, sent)
            question = {"project": path, "stage": STAGE, "commit": MODEL.commit}
            decided = pipeline.demand("POST", "/api/v1/decisions", question)
            if decided["outcome"] != "pass":
                raise RuntimeError(f"the typical build does not pass: {decided['rules']}")
        return str(token)
    finally:
        server.end()


def _project_ids(place: Place) -> dict[str, str]:
    with seed.seeding(place) as engine:
        return {row[0]: row[1] for row in engine.execute("SELECT path, id FROM project")}


def _asks(build: Build) -> str:
    return query("/api/v1/gate", {"project": ASKED, "stage": STAGE, "commit": build.commit})
