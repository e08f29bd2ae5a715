"""Links of artifacts to their sources: written once."""

from sqlalchemy import Connection, select

from gatekeeper.project import Build
from gatekeeper.store.convert import build_of, build_row
from gatekeeper.store.statements import insert_new, table

_BUILD = table("build")


def add(connection: Connection, build: Build) -> bool:
    """Keep the link; False when the artifact has one already."""
    return insert_new(connection, "build", build_row(build))


def of_artifact(connection: Connection, project_id: str, artifact: str) -> Build | None:
    """The link of the artifact; None while nobody linked it."""
    wanted = select(_BUILD).where(_BUILD.c.project_id == project_id, _BUILD.c.artifact == artifact)
    row = connection.execute(wanted).mappings().first()
    return build_of(row) if row else None
