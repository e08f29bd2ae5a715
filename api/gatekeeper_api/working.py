"""`gatekeeper worker`: a process that does jobs and answers nobody."""

from contextlib import ExitStack

from gatekeeper.service.settings import ServerSettings
from gatekeeper_api import jobs
from gatekeeper_api.assemble import NoParser, opened, server_of


def work(settings: ServerSettings) -> None:
    """Do jobs until a signal comes.

    Raises:
        SchemaOutdated, StoreUnavailable: the database cannot be used.
        ServiceError: `worker-running`: another process does the jobs of this SQLite file.
    """
    with ExitStack() as stack:
        database = opened(settings, stack)
        server = server_of(settings, database, NoParser())
        jobs.run(jobs.engine_of(settings, database), server)
