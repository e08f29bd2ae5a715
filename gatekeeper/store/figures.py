"""What metrics say of the database: summary rows, and never a count over history."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from gatekeeper.evidence import State
from gatekeeper.store.statements import table

_PROJECT = table("project")
_COUNT = table("decision_count")
_SUMMARY = table("finding_summary")
_RECEIPT = table("receipt")

MAX_ROWS = 50_000
MAX_PROJECTS = 1_000
NEWEST_RECEIPTS = 50
"""Receipts of each project in which the newest evidence of a kind is looked for."""


@dataclass(frozen=True)
class Counted:
    """Recorded decisions with one outcome, and the newest of them."""

    project: str
    stage: str
    outcome: str
    count: int
    score: str | None
    recorded_at: datetime


def decisions(connection: Connection) -> list[Counted]:
    """How many decisions were recorded, by project path, stage and outcome."""
    wanted = (
        select(
            _PROJECT.c.path,
            _COUNT.c.stage,
            _COUNT.c.outcome,
            _COUNT.c["count"],
            _COUNT.c.score,
            _COUNT.c.recorded_at,
        )
        .join(_PROJECT, _PROJECT.c.id == _COUNT.c.project_id)
        .limit(MAX_ROWS)
    )
    return [Counted(*row) for row in connection.execute(wanted)]


def findings(connection: Connection) -> list[tuple[str, str, str, int]]:
    """(project path, kind, severity, open findings)."""
    wanted = (
        select(_PROJECT.c.path, _SUMMARY.c.kind, _SUMMARY.c.severity, _SUMMARY.c.open)
        .join(_PROJECT, _PROJECT.c.id == _SUMMARY.c.project_id)
        .limit(MAX_ROWS)
    )
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(wanted)]


def newest_evidence(connection: Connection) -> list[tuple[str, str, datetime]]:
    """(project path, kind, when the newest whole report was received) of the first `MAX_PROJECTS` projects.

    Only the newest receipts of each project are looked at, over their index by counter: a kind that was not
    among them has no entry.
    """
    some = select(_PROJECT).order_by(_PROJECT.c.path).limit(MAX_PROJECTS).subquery()
    newest = func.max(_RECEIPT.c.received_at, type_=_RECEIPT.c.received_at.type)
    wanted = (
        select(some.c.path, _RECEIPT.c.kind, newest)
        .join(
            _RECEIPT,
            (_RECEIPT.c.project_id == some.c.id) & (_RECEIPT.c.counter > some.c.counter - NEWEST_RECEIPTS),
        )
        .where(_RECEIPT.c.state == str(State.OK), _RECEIPT.c.kind.is_not(None), _RECEIPT.c.fork.is_(None))
        .group_by(some.c.path, _RECEIPT.c.kind)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(wanted)]
