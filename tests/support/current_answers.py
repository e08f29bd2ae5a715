"""Holds what gate queries would be told against what the facts say."""

import asyncio

import msgspec
import sqlalchemy as sa

from gatekeeper.caller import Caller
from gatekeeper.decision import Decision
from gatekeeper.errors import GatekeeperError
from gatekeeper.service.answers import Gate
from gatekeeper.service.questions import Asked, judged, known
from gatekeeper.service.server import Server
from gatekeeper.store.gate_reader import GateReader, gate_reader_at


def fresh(server: Server, caller: Caller, asked: Asked) -> Decision:
    """The decision that the facts of now lead to; nothing is recorded, and nothing stored is used."""
    found = server.database.read(lambda connection: known(server, connection, caller, asked))
    assert not found.pending(server.clock()), "too early to ask"
    return judged(server, found, server.clock()).decision


def current_answers(server: Server) -> dict[tuple[str, str, str], Gate]:
    """What the gate query finds at hand, by project path, stage and key."""
    wanted = sa.text("SELECT p.path, g.stage, g.key FROM gate_state g JOIN project p ON p.id = g.project_id")
    keys = server.database.read(lambda c: [tuple(row) for row in c.execute(wanted)])
    return asyncio.run(_held(gate_reader_at(server.database.url), keys))


def wrong_answers(server: Server, caller: Caller) -> list[str]:
    """The answers at hand that are not those of a fresh evaluation; each with both."""
    wrong = []
    for (project, stage, key), held in current_answers(server).items():
        kind, _, value = key.partition(":")
        names = {"commit": value} if kind == "c" else {"artifact": value}
        if kind == "a" and held.subject.source is not None:
            names["commit"] = held.subject.source.commit  # of the commits of its tree, the one asked about
        try:
            now = fresh(server, caller, Asked(project=project, stage=stage, **names))
            said = (now.allowed, now.outcome, now.question, now.subject)
        except GatekeeperError as error:
            said = (error.code,)
        if said != (held.allowed, held.outcome, held.question, held.subject):
            wrong.append(f"{project} {stage} {key}: at hand {held}, by the facts {said}")
    return wrong


async def _held(reader: GateReader, keys: list[tuple[str, ...]]) -> dict[tuple[str, str, str], Gate]:
    found = {}
    try:
        for project, stage, key in keys:
            if (held := await reader.current(project, stage, key)) is not None:
                gate = msgspec.json.decode(held.body, type=Gate)
                assert (gate.allowed, gate.decision) == (held.allowed, held.decision_id)
                found[project, stage, key] = gate
    finally:
        await reader.close()
    return found
