"""Plays the half-year against a server, through its public API, build after build."""

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from clock import StoryClock
from company import BEGINS_AT, Build, builds, projects
from exported import export

from gatekeeper.client.address import address_of
from gatekeeper.client.client import AsyncClient
from gatekeeper.client.upload import ReportFile, Upload
from gatekeeper.decision import Decision
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.app import create_app
from gatekeeper_api.assemble import assembled

POLICY = Path(__file__).with_name("company.yaml")
URL = "http://127.0.0.1:1"
"""Nothing listens there: requests go to the application in this process."""
_TIGHTENED_DAYS = {45: ('">= 60", warn: ">= 50"', '">= 65", warn: ">= 55"'), 110: ("65", "70")}


@dataclass(kw_only=True)
class Done:
    """What was played."""

    builds: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    decisions: list[str] = field(default_factory=list)
    """Ids, in their order."""
    exported: int = 0
    played_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class House:
    """A running server."""

    clock: StoryClock
    app: Any

    def client(self, token: str) -> AsyncClient:
        """Asks it with this token."""
        address = address_of(URL, credential=token, allow_http=True)
        return AsyncClient(address, transport=httpx.ASGITransport(self.app))


@asynccontextmanager
async def house(data: Path) -> AsyncIterator[House]:
    """A server of this process on the story's time."""
    clock = StoryClock(BEGINS_AT - timedelta(hours=1))
    settings = ServerSettings(data=data, embedded_worker=False, parser_children=1, log_requests=False)
    app = create_app(settings, assembled(settings, now=clock))
    async with app.router.lifespan_context(app):
        yield House(clock=clock, app=app)


async def play(output: Path, *, decisions: int, seed: int, tell: Callable[[Done], None]) -> Done:
    """At least so many recorded decisions, in `output/server` and `output/export`.

    `tell` hears of every build.
    """
    data = output / "server"
    began = time.monotonic()
    async with house(data) as server:
        admin, pipelines = await _set_up(data, server)
        story = _Story(server.clock, admin, pipelines)
        for build in _enough(seed, decisions, story.done):
            await story.play(build)
            tell(story.done)
        story.done.played_s = time.monotonic() - began
        story.done.exported = await export(server.app, admin.address, output / "export")
        return story.done


def texts(text: str) -> Iterator[tuple[int, str]]:
    """The policy of the company over time: (day, YAML)."""
    yield 0, text
    for day, (old, new) in _TIGHTENED_DAYS.items():
        text = text.replace(old, new)
        yield day, text


def tried() -> dict[str, str]:
    """Two policies to try on it, by file name: the newest with more coverage, the first with less sca."""
    *_, (_, newest) = versions = list(texts(POLICY.read_text()))
    _, first = versions[0]
    return {
        "tightened.yaml": newest.replace('">= 70", warn: ">= 55"', '">= 75", warn: ">= 70"'),
        "loosened.yaml": first.replace('sca.unknown, pass: "== 0"', 'sca.unknown, pass: "<= 1"'),
    }


class _Story:
    def __init__(self, clock: StoryClock, admin: AsyncClient, pipelines: dict[str, AsyncClient]) -> None:
        self.done = Done()
        self._clock, self._admin, self._pipelines = clock, admin, pipelines
        self._policies = list(texts(POLICY.read_text()))

    async def play(self, build: Build) -> None:
        """One build, from its reports to the last stage that lets it in."""
        self._clock.forward_to(build.at)
        await self._publish(build)
        client = self._pipelines[build.ref.partition("/")[0]]
        for name, data in build.reports.items():
            await client.submit(_upload(build, name, data))
        if len(build.stages) > 1:
            await client.link(
                project=build.project,
                commit=build.commit,
                tree=build.tree,
                artifact=build.artifact,
                ref=build.ref,
            )
        for stage in build.stages:
            is_in = await self._enter(client, build, stage)
            if not is_in and build.again is not None and stage == build.stages[0]:
                await client.submit(_upload(build, "unit", build.again, attempt="2"))
                is_in = await self._enter(client, build, stage)
            if not is_in:
                break
        self.done.builds += 1

    async def _enter(self, client: AsyncClient, build: Build, stage: str) -> bool:
        artifact = build.artifact if stage != "develop" and len(build.stages) > 1 else None
        # After some hours in the stage before; what is asked at once was decided a moment ago.
        found = await client.decide(
            project=build.project, stage=stage, commit=build.commit, tree=build.tree, artifact=artifact
        )
        if not isinstance(found, Decision):
            raise RuntimeError(f"{build.project} {stage}: no decision but {found}")
        if found.id not in self.done.decisions[-8:]:
            self.done.decisions.append(found.id)
            self.done.outcomes[found.outcome] = self.done.outcomes.get(found.outcome, 0) + 1
        return found.allowed

    async def _publish(self, build: Build) -> None:
        while self._policies and build.at >= BEGINS_AT + timedelta(days=self._policies[0][0]):
            day, text = self._policies.pop(0)
            await self._admin.import_policy(text.encode(), reason=f"as planned for day {day}")
            if day == 0:
                for one in projects(0):
                    await self._admin.create_project(
                        path=one.path, policy="company", protected_refs=("main", "hotfix/*")
                    )


async def _set_up(data: Path, server: House) -> tuple[AsyncClient, dict[str, AsyncClient]]:
    """The administrator, and a pipeline for each kind of ref."""
    async with server.client((data / "bootstrap").read_text().strip()) as first:
        words = {"name": "admin", "scopes": ["admin"], "projects": ["*"], "expires_in_days": 366}
        admin = server.client((await first.create_token(**words)).secret)
    pipelines = {}
    for name, refs in (("main", ["main"]), ("hotfix", ["hotfix/*"]), ("feature", ["feature/*"])):
        made = await admin.create_token(
            name=f"{name} pipelines",
            scopes=["evidence:write", "decision:write", "gate:read"],
            projects=["*"],
            refs=refs,
            expires_in_days=366,
        )
        pipelines[name] = server.client(made.secret)
    return admin, pipelines


def _enough(seed: int, decisions: int, done: Done) -> Iterator[Build]:
    """Builds until there are enough decisions: the half-year is over then, give or take some days."""
    count = max(2, decisions * 2 // 5)
    while len(done.decisions) < decisions:
        yield from builds(seed, count)
        count, seed = max(2, (decisions - len(done.decisions)) // 2), seed + 1


def _upload(build: Build, name: str, data: bytes, attempt: str = "1") -> Upload:
    return Upload(
        project=build.project,
        commit=build.commit,
        tree=build.tree,
        report=ReportFile(
            content=data,
            name=f"{name}.{'xml' if name == 'unit' else 'json'}",
            sha256=hashlib.sha256(data).hexdigest(),
        ),
        name=name,
        ref=build.ref,
        run=build.commit[:8],
        attempt=attempt,
        job="build",
    )
