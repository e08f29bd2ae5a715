"""`gatekeeper db`: the tables of the server's database, made and checked."""

from collections.abc import Iterator
from contextlib import contextmanager

from gatekeeper.errors import UsageError
from gatekeeper.service.settings import ServerSettings
from gatekeeper.store import migrations
from gatekeeper.store.database import Database, database_at
from gatekeeper.store.errors import SchemaOutdated


def upgrade(settings: ServerSettings) -> str:
    """Bring the tables to this version; says from where to where."""
    with _opened(settings) as database:
        before, after = migrations.upgrade(database)
    if before == after:
        return f"the tables are those of this version already: revision {after}"
    return f"the tables have revision {after} now (before: {before or 'none'})"


def check(settings: ServerSettings) -> str:
    """Says the revision when the tables are those of this version.

    Raises:
        SchemaOutdated: they are not, or somebody has changed them.
    """
    with _opened(settings) as database:
        migrations.demand_current(database)
        if different := migrations.differences(database):
            raise SchemaOutdated(
                f"the tables differ from those of this version: {different[0][:300]}",
                hint="somebody changed them by hand; `gatekeeper db upgrade` of an empty database makes them",
            )
        return f"the tables are those of this version: revision {migrations.current(database)}"


def downgrade(settings: ServerSettings, revision: str, *, is_confirmed: bool) -> str:
    """Take the tables back to `revision`; says from where to where.

    Raises:
        UsageError: nobody confirmed that data may be lost, or there is no such revision.
    """
    if not is_confirmed:
        raise UsageError(
            f"going back to revision {revision!r} deletes what its tables cannot hold",
            hint="copy the database, stop the servers, and say --yes",
        )
    with _opened(settings) as database:
        before, after = migrations.downgrade(database, revision)
    return f"the tables have revision {after or 'none'} now (before: {before or 'none'})"


@contextmanager
def _opened(settings: ServerSettings) -> Iterator[Database]:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = database_at(settings.database_url.get_secret_value())
    try:
        yield database
    finally:
        database.close()
