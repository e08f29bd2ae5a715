"""The history of the tables, one for both engines: upgrade, downgrade, and what a server demands."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gatekeeper.store import statements as statements  # every table is declared with it
from gatekeeper.store.database import Connection, Database
from gatekeeper.store.errors import SchemaOutdated, StoreUnavailable
from gatekeeper.store.tables import Base

HEAD = "head"


def upgrade(database: Database, revision: str = HEAD) -> tuple[str | None, str | None]:
    """Bring the tables to `revision`; the revisions before and after. Two servers wait for each other.

    Raises:
        SchemaOutdated: the tables are of another version than any that this one knows.
        StoreUnavailable: the database is locked, full or gone, or a step failed. All stands as before.
    """
    return _run(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str) -> tuple[str | None, str | None]:
    """Take the tables back to `revision` (`base`: none at all), with what stands in them.

    Raises:
        SchemaOutdated, StoreUnavailable: as `upgrade`.
    """
    return _run(database, lambda config: command.downgrade(config, revision))


def current(database: Database) -> str | None:
    """The revision of the tables; None when there are none.

    Raises:
        StoreUnavailable: the database cannot be read now.
    """
    return database.read(_revision)


def newest() -> str:
    """The revision that this version wants."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise SchemaOutdated("this installation has no migrations", hint="install Gatekeeper again")
    return head


def demand_current(database: Database) -> None:
    """Do nothing when the tables are those of this version.

    Raises:
        SchemaOutdated: they are older, newer, or none.
    """
    found, wanted = current(database), newest()
    if found != wanted:
        raise SchemaOutdated(
            f"the tables have revision {found or 'none'}, this version wants {wanted}",
            hint="run `gatekeeper db upgrade` (or the version of Gatekeeper that made them)",
        )


def differences(database: Database) -> list[str]:
    """What the tables have that the code has not, and the other way round; empty when they agree."""

    def work(connection: Connection) -> list[str]:
        context = MigrationContext.configure(connection, opts={"render_as_batch": True, "compare_type": True})
        return [str(one) for one in compare_metadata(context, Base.metadata)]

    return database.read(work)


def _run(database: Database, act: Callable[[Config], None]) -> tuple[str | None, str | None]:
    config = _config()
    try:
        with database.engine.begin() as connection:
            if not database.is_sqlite:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(71, 0)")
            before = _revision(connection)
            config.attributes["connection"] = connection
            act(config)
            return before, _revision(connection)
    except CommandError as error:
        raise SchemaOutdated(
            f"the tables cannot be brought there: {error}",
            hint="use the version of Gatekeeper that made them",
        ) from error
    except (DBAPIError, PoolTimeout) as error:
        said = str(getattr(error, "orig", None) or error)
        raise StoreUnavailable(
            f"the tables cannot be changed: {said}; nothing was changed",
            hint="when the database is locked or full, run `gatekeeper db upgrade` again",
        ) from error


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
