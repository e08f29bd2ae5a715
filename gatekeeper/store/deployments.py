"""Deployments, as somebody told of them."""

import msgspec
from sqlalchemy import BigInteger, Connection, literal, select

from gatekeeper.recorded import Deployment
from gatekeeper.store.columns import microseconds
from gatekeeper.store.statements import insert_new, table

_DEPLOYMENT = table("deployment")


def add(connection: Connection, deployment: Deployment) -> bool:
    """Keep a new one; False when there is one of this id."""
    return insert_new(connection, "deployment", msgspec.structs.asdict(deployment))


def page(
    connection: Connection, project_id: str, *, stage: str | None, before: tuple[int, str] | None, limit: int
) -> list[Deployment]:
    """Those of a project, the newest first, beginning before (at, id)."""
    at = _DEPLOYMENT.c.at
    wanted = select(_DEPLOYMENT).where(_DEPLOYMENT.c.project_id == project_id)
    if stage is not None:
        wanted = wanted.where(_DEPLOYMENT.c.stage == stage)
    if before is not None:
        instant = literal(before[0], BigInteger)  # the column's own type would take it for a datetime
        wanted = wanted.where((at < instant) | ((at == instant) & (_DEPLOYMENT.c.id < before[1])))
    found = connection.execute(wanted.order_by(at.desc(), _DEPLOYMENT.c.id.desc()).limit(limit)).mappings()
    return [Deployment(**row) for row in found]


def moment(deployment: Deployment) -> int:
    """Where it stands in a page, with its id: microseconds since 1970."""
    return microseconds(deployment.at)
