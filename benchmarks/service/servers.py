"""Gatekeeper as its users run it, the bare endpoint beside it, and a small client for both."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from service.processes import Tree

GATEKEEPER = str(Path(sys.executable).parent / "gatekeeper")
BARE = Path(__file__).resolve().parent.parent / "peers" / "gate_bare.py"
_SERVES = r"serves (http://[\d.:]+)"
_WORKS = r"(worker started)"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one server keeps what it knows."""

    data: Path
    database_url: str
    blobs: Path

    @property
    def environ(self) -> dict[str, str]:
        """The environment of its processes: nothing of ours gets into the figures."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEKEEPER_")}
        return kept | {
            "GATEKEEPER_DATA": str(self.data),
            "GATEKEEPER_DATABASE_URL": self.database_url,
            "GATEKEEPER_BLOBS": str(self.blobs),
            "GATEKEEPER_PORT": "0",
            "GATEKEEPER_LOG_FORMAT": "json",
        }

    @property
    def is_sqlite(self) -> bool:
        """True for the embedded engine."""
        return self.database_url.startswith("sqlite")


class Client:
    """One keep-alive connection, for one thread."""

    def __init__(self, url: str, token: str = "") -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=300)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(
        self, method: str, path: str, body: bytes | dict[str, Any] | None = None, **query: object
    ) -> tuple[int, bytes]:
        """Status and body of the answer, whatever it is."""
        words = {name: str(value) for name, value in query.items() if value is not None}
        sent, headers = body, dict(self._headers)
        if isinstance(body, dict):
            sent, headers = json.dumps(body).encode(), headers | {"Content-Type": "application/json"}
        assert sent is None or isinstance(sent, bytes)
        self._connection.request(method, f"{path}?{urlencode(words)}" if words else path, sent, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def demand(
        self, method: str, path: str, body: bytes | dict[str, Any] | None = None, **query: object
    ) -> Any:
        """The JSON of an answer that succeeded.

        Raises:
            RuntimeError: it did not.
        """
        status, text = self.call(method, path, body, **query)
        if status not in (200, 201):
            raise RuntimeError(f"{method} {path} was answered with {status}: {text[:1000]!r}")
        return json.loads(text)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Gatekeeper:
    """`gatekeeper serve`, and `gatekeeper worker` where the jobs are done by another process."""

    def __init__(self, place: Place) -> None:
        self.place = place
        place.data.mkdir(parents=True, exist_ok=True)
        for name in ("serve.log", "worker.log"):
            (place.data / name).unlink(missing_ok=True)
        if not place.is_sqlite:
            subprocess.run([GATEKEEPER, "db", "upgrade"], env=place.environ, check=True, capture_output=True)
        self.tree = Tree([GATEKEEPER, "serve"], log=place.data / "serve.log", environ=place.environ)
        self.worker: Tree | None = None
        try:
            self.url = self.tree.said(_SERVES)
            if not place.is_sqlite:
                log = place.data / "worker.log"
                self.worker = Tree([GATEKEEPER, "worker"], log=log, environ=place.environ)
                self.worker.said(_WORKS)
        except BaseException:
            self.end()
            raise

    @property
    def trees(self) -> tuple[Tree, ...]:
        """All its processes."""
        return (self.tree, self.worker) if self.worker else (self.tree,)

    @property
    def cpu_s(self) -> float:
        """Processor seconds of all its processes so far, its children's too; not the database's."""
        return sum(tree.cpu_s for tree in self.trees)

    @property
    def peak_mb(self) -> float:
        """The sum of the peaks of its processes since `forget_peak`."""
        return sum(tree.peak_mb for tree in self.trees)

    def forget_peak(self) -> None:
        """Begin to look for the peak anew."""
        for tree in self.trees:
            tree.forget_peak()

    def pause(self) -> None:
        """Let it hold still."""
        for tree in self.trees:
            tree.pause()

    def resume(self) -> None:
        """Let it go on."""
        for tree in self.trees:
            tree.resume()

    def end(self) -> None:
        """End it as an operator would."""
        for tree in self.trees:
            tree.end()

    def administrator(self) -> Client:
        """Who may do everything for the next hour: the holder of the bootstrap token."""
        return Client(self.url, (self.place.data / "bootstrap").read_text().strip())


class Bare:
    """The bare endpoint over the same database."""

    def __init__(self, place: Place, project_id: str, log: Path) -> None:
        log.unlink(missing_ok=True)
        self.tree = Tree(
            [sys.executable, "-P", str(BARE), place.database_url, project_id], log=log, environ=place.environ
        )
        try:
            self.url = self.tree.said(_SERVES)
        except BaseException:
            self.end()
            raise

    @property
    def cpu_s(self) -> float:
        """Processor seconds so far."""
        return self.tree.cpu_s

    @property
    def peak_mb(self) -> float:
        """The peak of its memory since `forget_peak`."""
        return self.tree.peak_mb

    def forget_peak(self) -> None:
        """Begin to look for the peak anew."""
        self.tree.forget_peak()

    def pause(self) -> None:
        """Let it hold still."""
        self.tree.pause()

    def resume(self) -> None:
        """Let it go on."""
        self.tree.resume()

    def end(self) -> None:
        """End it."""
        self.tree.end()


def settle(server: Gatekeeper, *, within_s: float = 60) -> None:
    """Return when the server has done what was due and is as idle as it gets.

    Raises:
        RuntimeError: it still works after that time.
    """
    give_up_at = time.monotonic() + within_s
    before = server.cpu_s
    while time.monotonic() < give_up_at:
        time.sleep(0.5)
        now = server.cpu_s
        if now - before < 0.1:
            return
        before = now
    raise RuntimeError(f"{server.url} is still busy after {within_s:g} s")


def query(path: str, words: Mapping[str, object]) -> str:
    """The path with its query."""
    return f"{path}?{urlencode({name: str(value) for name, value in words.items()})}"
