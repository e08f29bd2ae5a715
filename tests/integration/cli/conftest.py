"""A small server of the HTTP API on loopback, in memory: it reads and judges with the real parts.

It has the routes that the command line asks, and can be told to misbehave (`faults`, `script`).
"""

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from gatekeeper import pipeline
from gatekeeper.canonical import digest_of_bytes
from gatekeeper.cli.policy_files import policy_at
from gatekeeper.decision import Decision
from gatekeeper.evidence import Evidence, plain
from gatekeeper.pipeline import Received
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.run_records import record_from
from gatekeeper.reports.source import ReportSource
from gatekeeper.subject import Source, Subject

TOKEN = "gk_1_" + "s" * 43
GATEKEEPER = Path(sys.executable).with_name("gatekeeper")

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeServer:
    """The state behind the routes. Requests are handled one by one."""

    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    faults: int = 0
    """So many requests get a closed connection first."""
    script: deque[Answer] = field(default_factory=deque)
    """Answers that are given first, whatever is asked."""
    hold_after: int | None = None
    """After so many requests, answers come no more."""
    pending: int = 0
    """So many questions to the gate come too early."""
    decisions: dict[str, Decision] = field(default_factory=dict)
    sets: dict[str, set[str]] = field(default_factory=dict)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def seen_at(self, path: str) -> list[Seen]:
        """The requests to one path of the API."""
        return [request for request in self.seen if request.path == f"/api/v1{path}"]

    def answer(self, request: Seen) -> Answer | None:
        """What is answered; None closes the connection."""
        with self.lock:
            self.seen.append(request)
            if self.hold_after is not None and len(self.seen) > self.hold_after:
                self.released.wait(30)
                return None
            if self.faults:
                self.faults -= 1
                return None
            if self.script:
                return self.script.popleft()
            if request.path == "/readyz":
                return _json(200, {"status": "ready"})
            if request.headers.get("authorization") != f"Bearer {TOKEN}":
                return problem(401, "not-authenticated", "nobody knows this token", hint="use another")
            name = request.path.removeprefix("/api/v1/").replace("/", "_")
            if name.startswith("decisions_"):
                found = self.decisions.get(name.removeprefix("decisions_"))
                return (
                    _json(200, plain(found)) if found else problem(404, "decision-not-found", "no decision")
                )
            route = getattr(self, f"{request.method.lower()}_{name}", None)
            return route(request) if route else problem(404, "not-found", f"no route {request.path}")

    def post_evidence(self, request: Seen) -> Answer:
        """Read what came, as the server's pipeline would."""
        parts = _parts(request)
        query = request.query
        source = Source(tree=query["tree"], commit=query["commit"])
        report, record = parts.get("report"), parts.get("record")
        read = None
        if report is not None:
            stream = ReportSource(io.BytesIO(report), name=query.get("filename", ""), limits=DEFAULT_LIMITS)
            read = read_report(stream)
        received = Received(
            report=read,
            sha256=digest_of_bytes(report if report is not None else record or b"").removeprefix("sha256:"),
            name=query["name"],
            job=query.get("job", ""),
            record=record_from(record, place="record") if record is not None else None,
        )
        if "set" in query:
            self.sets.setdefault(query["set"], set()).add(query["part"])
        shown = self._receipt(received, request, len(report or b""))
        if received.kind is None:
            return problem(422, "report-unreadable", "it cannot be read", evidence=shown)
        subject = Subject(project=query["project"], source=source)
        made = pipeline.evidence_from(
            received, subject=subject, received_at=datetime.now(UTC), order=len(self.evidence)
        )
        self.evidence.append(made)
        shown |= {
            "kind": made.kind,
            "state": made.document.state,
            "problems": [plain(item) | {"text": item.code} for item in made.document.problems],
            "metrics": {
                name: value if isinstance(value, int) else f"{100 * value.n / value.d:.2f}"
                for name, value in made.document.metrics.items()
            },
        }
        return _json(201, shown)

    def _receipt(self, received: Received, request: Seen, size: int) -> dict[str, Any]:
        query = request.query
        return {
            "id": f"ev_{len(self.evidence)}",
            "project": query["project"],
            "kind": received.kind,
            "name": received.name,
            "job": received.job,
            "format": received.report.format if received.report else None,
            "state": "unreadable",
            "problems": [plain(item) for item in received.report.problems] if received.report else [],
            "metrics": {},
            "trust": "claimed",
            "counter": len(self.evidence) + 1,
            "sha256": received.sha256,
            "bytes": size,
            "commit": query["commit"],
            "tree": query["tree"],
            "set": query.get("set"),
            "received_at": datetime.now(UTC),
            "accepted": received.kind is not None,
        }

    def post_sets_close(self, request: Seen) -> Answer:
        """Close a set with what it has."""
        asked = json.loads(request.body)
        parts = {int(part.split("/")[0]) for part in self.sets.get(asked["set"], set())}
        total = max((int(part.split("/")[1]) for part in self.sets.get(asked["set"], set())), default=0)
        missing = sorted(set(range(1, total + 1)) - parts)
        return _json(
            200,
            {
                "project": asked["project"],
                "tree": asked["tree"],
                "name": asked["set"],
                "parts": total,
                "received": sorted(parts),
                "missing": missing,
                "state": "incomplete" if missing else "complete",
            },
        )

    def post_builds(self, request: Seen) -> Answer:
        """Link what is asked."""
        asked = json.loads(request.body)
        return _json(201, asked | {"trust": "claimed", "linked_at": datetime.now(UTC)})

    def get_gate(self, request: Seen) -> Answer:
        """Judge without recording."""
        if self.pending:
            self.pending -= 1
            return self._too_early(request.query)
        decision = self._decision(request.query)
        reasons = [
            {
                "rule": rule.id,
                "status": rule.status,
                "mode": rule.mode,
                "code": rule.message.code,
                "params": plain(rule.message.params),
                "text": rule.message.text,
            }
            for rule in decision.rules
            if rule.status in ("fail", "missing", "error")
        ]
        gate = {name: plain(decision)[name] for name in ("stage", "allowed", "outcome", "score", "subject")}
        gate |= {"project": decision.subject.project, "state": "decided", "reasons": reasons, "pending": []}
        is_asked = request.query.get("http_status") == "true"
        return _json(409 if is_asked and not decision.allowed else 200, gate)

    def post_decisions(self, request: Seen) -> Answer:
        """Judge and keep."""
        asked = json.loads(request.body)
        if self.pending:
            self.pending -= 1
            return self._too_early(asked)
        decision = self._decision(asked)
        self.decisions[decision.id] = decision
        return _json(201, plain(decision))

    def _too_early(self, asked: dict[str, str]) -> Answer:
        pending = [{"code": "set-open", "params": {}, "text": "the set unit waits for part 2"}]
        gate = {"project": asked["project"], "stage": asked["stage"], "state": "pending", "allowed": False}
        return _json(202, gate | {"pending": pending, "retry_after_s": 0.2}, {"Retry-After": "1"})

    def _decision(self, asked: dict[str, str]) -> Decision:
        source = Source(tree=asked["tree"], commit=asked["commit"]) if "tree" in asked else None
        subject = Subject(project=asked["project"], source=source, artifact=asked.get("artifact"))
        policy = policy_at(Path("base"))
        inputs = pipeline.resolve_inputs(
            subject=subject,
            stage=asked["stage"],
            as_of=datetime.now(UTC),
            policy=policy,
            evidence=self.evidence,
        )
        made = pipeline.decide(inputs, policy=policy, evidence=self.evidence)
        return msgspec.structs.replace(made, id=f"dec_{len(self.decisions) + 1}")

    def get_whoami(self, _: Seen) -> Answer:
        """The holder of the token."""
        return _json(200, {"principal": "token:gk_1", "method": "token", "scopes": ["evidence:write"]})

    def post_tokens(self, request: Seen) -> Answer:
        """Make one."""
        asked = json.loads(request.body)
        token = {key: asked[key] for key in ("name", "scopes", "projects", "refs", "kinds")}
        token |= {"id": "tok_1", "created_at": datetime.now(UTC), "expires_at": datetime.now(UTC)}
        return _json(201, {"token": token, "secret": "gk_tok1_secret"})


def problem(status: int, code: str, detail: str, hint: str = "", **more: Any) -> Answer:
    """An error of the API."""
    content = {"type": code, "title": code, "status": status, "detail": detail, "code": code, "hint": hint}
    made = _json(status, content | {"request_id": "req_1"} | more)
    return status, {"Content-Type": "application/problem+json"}, made[2]


def _json(status: int, content: Any, headers: dict[str, str] | None = None) -> Answer:
    return status, {"Content-Type": "application/json", **(headers or {})}, msgspec.json.encode(content)


def _parts(request: Seen) -> dict[str, bytes]:
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        is_gzip = request.headers.get("content-encoding") == "gzip"
        return {"report": gzip.decompress(request.body) if is_gzip else request.body}
    whole = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
    parts = {}
    for part in whole.get_payload():
        name = part.get_param("name", header="content-disposition")
        parts[name] = part.get_payload(decode=True)
    return parts


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: FakeServer

    def _serve(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, url.path, query, headers, self._body())
        answer = self.state.answer(seen)
        if answer is None:
            self.close_connection = True
            return
        status, more, body = answer
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A server that runs during the test."""
    state = FakeServer()
    handler = type("Handler", (_Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        http.daemon_threads = True
        state.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield state
        state.released.set()
        http.shutdown()
        thread.join()


@dataclass
class Desk:
    """A checkout with one commit, and the command in a process of its own, as a pipeline runs it."""

    folder: Path
    environ: dict[str, str]
    command: Path = GATEKEEPER

    def git(self, *arguments: str) -> str:
        """What git says."""
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self.environ, capture_output=True, text=True, check=True
        ).stdout.strip()

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """`gatekeeper ARGUMENTS`."""
        return subprocess.run(
            [self.command, *arguments],
            cwd=self.folder,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def desk(tmp_path: Path, server: FakeServer) -> Desk:
    """A checkout of pay/api that knows the server."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
        "GATEKEEPER_URL": server.url,
        "GATEKEEPER_TOKEN": TOKEN,
        "GATEKEEPER_TIMEOUT": "20s",
    }
    made = Desk(folder=folder, environ=environ)
    made.git("init", "-q", "-b", "main")
    made.git("remote", "add", "origin", "https://gitlab.example.com/pay/api.git")
    (folder / "app.py").write_text("x = 1\n")
    made.git("add", ".")
    made.git("commit", "-q", "-m", "one")
    return made
