"""A Gatekeeper server as its users run it: `gatekeeper serve` in a process, on a folder of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from gatekeeper.client.address import address_of
from gatekeeper.client.client import Client

GATEKEEPER = Path(sys.executable).with_name("gatekeeper")
WITHIN_S = 60
LOG = "server.log"


class GateServer:
    """One server. `start` and `stop` may be repeated; the address changes, the data stay."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.data = folder / "data"
        self.log = folder / LOG
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")},
            "GATEKEEPER_DATA": str(self.data),
            "GATEKEEPER_PORT": "0",
            "GATEKEEPER_PARSER_CHILDREN": "1",
            **settings,
        }
        self.base = ""
        self.said: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._admin = ""

    @property
    def admin(self) -> str:
        """A lasting token that may do everything, made with the one of the bootstrap file."""
        if not self._admin:
            with self.client((self.data / "bootstrap").read_text().strip()) as client:
                self._admin = client.create_token(name="admin", scopes=["admin"], projects=["*"]).secret
        return self._admin

    def token(self, *scopes: str, projects: tuple[str, ...] = ("*",), **more: Any) -> str:
        """A new token with these scopes."""
        with self.client() as client:
            return client.create_token(name="test", scopes=scopes, projects=projects, **more).secret

    def client(self, token: str | None = None) -> Client:
        """The typed client; by default with `admin`."""
        return Client(address_of(self.base, credential=token or self.admin))

    def http(self, token: str | None = "") -> httpx.Client:
        """A plain client; by default with `admin`, with None as a stranger."""
        headers = {} if token is None else {"Authorization": f"Bearer {token or self.admin}"}
        return httpx.Client(base_url=self.base, headers=headers, timeout=WITHIN_S, trust_env=False)

    def command(self, *args: str) -> subprocess.CompletedProcess[str]:
        """`gatekeeper ARGS` with the settings of this server, run to its end."""
        return subprocess.run(
            [GATEKEEPER, *args], env=self.environ, capture_output=True, text=True, timeout=WITHIN_S
        )

    def start(self) -> "GateServer":
        """Return when it answers."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [GATEKEEPER, "serve"], stdout=subprocess.PIPE, stderr=log, text=True, env=self.environ
            )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found, f"it does not start: {self.log.read_text()[-3000:]}"
        self.base = found[0]
        os.set_blocking(self.process.stdout.fileno(), False)
        return self

    def notes(self) -> str:
        """What it said on stdout after its address."""
        assert self.process is not None
        assert self.process.stdout is not None
        time.sleep(0.2)
        return self.process.stdout.read() or ""

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int | None:
        """End it; its exit code."""
        if self.process is None:
            return None
        self.process.send_signal(how)
        try:
            code = self.process.wait(WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()
        self.process = None
        return code


@contextmanager
def gate_server(folder: Path, **settings: str) -> Iterator[GateServer]:
    """A server that runs while the `with` lasts, on SQLite and a folder unless `settings` say otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    server = GateServer(folder, settings)
    try:
        yield server.start()
    finally:
        server.stop(signal.SIGKILL)


@contextmanager
def worker(server: GateServer) -> Iterator[subprocess.Popen[bytes]]:
    """`gatekeeper worker` with the settings of `server`, doing jobs."""
    log = server.log.with_name("worker.log")
    with log.open("ab") as stream:
        process = subprocess.Popen([GATEKEEPER, "worker"], stdout=stream, stderr=stream, env=server.environ)
    try:
        deadline = time.monotonic() + WITHIN_S
        while "worker started" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        code = process.wait(WITHIN_S)
    assert code == 0, log.read_text()
