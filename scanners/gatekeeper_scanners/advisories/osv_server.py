"""The query API of OSV on loopback, for the time of one scan, answered from the mirror alone.

    POST /v1/query        {"package": {"ecosystem", "name"}, "version"} -> {"vulns": [...]} or {}
    POST /v1/querybatch   {"queries": [...]} -> {"results": [{"vulns": [{"id", "modified"}]}, ...]}
    GET  /v1/vulns/{id}   the record as imported

Without a usable mirror every call is answered 503: an empty answer would read as "nothing known".
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import msgspec
from packaging.version import InvalidVersion, Version

from gatekeeper.run_record import Rating
from gatekeeper_scanners.advisories import matching
from gatekeeper_scanners.advisories.manifest import MirrorUnavailable
from gatekeeper_scanners.advisories.matching import Match
from gatekeeper_scanners.advisories.records import PYPI, Advisory, normal_name
from gatekeeper_scanners.advisories.store import Mirror

MAX_BODY_BYTES = 1024 * 1024
MAX_QUERIES = 1_000
_TIMEOUT_S = 30.0

T = TypeVar("T")


class Package(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The package asked for. A `purl` is not understood and is refused, never ignored."""

    ecosystem: str
    name: str


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One question. A question by commit, or for all versions, is refused."""

    package: Package
    version: str
    page_token: str | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Several questions at once."""

    queries: list[Query]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered to one question, for comparison with the report of the tool that asked."""

    name: str
    """Normalised."""
    version: str
    ids: tuple[str, ...]
    uncertain: tuple[str, ...]
    """Of `ids`: counted as affected because the record cannot be evaluated."""


class AnswerLog:
    """Every question answered with 200 so far, and the rating of every advisory answered. Thread-safe."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._answers: list[Answer] = []
        self._ratings: dict[str, Rating] = {}

    def add(self, answer: Answer, ratings: dict[str, Rating]) -> None:
        """Note one answer."""
        with self._guard:
            self._answers.append(answer)
            self._ratings.update(ratings)

    def answers(self) -> tuple[Answer, ...]:
        """All answers in the order in which they were given."""
        with self._guard:
            return tuple(self._answers)

    def ratings(self) -> dict[str, Rating]:
        """Ratings by advisory id."""
        with self._guard:
            return dict(self._ratings)


@contextmanager
def serving(mirror: Mirror | MirrorUnavailable, log: AnswerLog) -> Iterator[str]:
    """The base URL (`http://127.0.0.1:<port>`) of a server that runs until the block ends.

    Only this machine can reach it. The mirror stays open; closing it is the caller's part.
    """
    server = _Server(mirror, log)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Threads of clients that keep a connection open must not hold up the end of a scan.
    block_on_close = False

    def __init__(self, mirror: Mirror | MirrorUnavailable, log: AnswerLog) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mirror = mirror
        self.log = log


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_S
    # Head and body leave together: sent apart, each answer waits 40 ms for a delayed acknowledgement.
    wbufsize = -1
    server: _Server

    def do_POST(self) -> None:  # the name that http.server calls
        self._reply_with(self._post)

    def do_GET(self) -> None:
        self._reply_with(self._get)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silence: stderr belongs to the command that the user started."""

    def _reply_with(self, answer: Any) -> None:
        try:
            mirror = self.server.mirror
            if isinstance(mirror, MirrorUnavailable):
                self.close_connection = True
                raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, mirror.message)
            status, body = HTTPStatus.OK, answer(mirror)
        except _Refused as refused:
            status, body = (
                refused.status,
                msgspec.json.encode({"code": int(refused.status), "message": str(refused)}),
            )
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _post(self, mirror: Mirror) -> bytes:
        body = self._body()
        match self.path:
            case "/v1/query":
                return _encode(_answer(_decode(body, Query), mirror, self.server.log))
            case "/v1/querybatch":
                queries = _decode(body, Batch).queries
                if len(queries) > MAX_QUERIES:
                    raise _Refused(
                        HTTPStatus.BAD_REQUEST, f"{len(queries)} queries; the limit is {MAX_QUERIES}"
                    )
                return _encode({"results": [_brief(_answer(q, mirror, self.server.log)) for q in queries]})
            case _:
                raise _Refused(HTTPStatus.NOT_FOUND, "there is /v1/query, /v1/querybatch and /v1/vulns/{id}")

    def _get(self, mirror: Mirror) -> bytes:
        name = self.path.removeprefix("/v1/vulns/")
        payload = mirror.payload(name) if name != self.path else None
        if payload is None:
            raise _Refused(HTTPStatus.NOT_FOUND, "no such advisory")
        return payload

    def _body(self) -> bytes:
        claimed = self.headers.get("Content-Length", "")
        if not claimed.isdecimal() or len(claimed) > 9:
            self.close_connection = True
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "a body with Content-Length is needed")
        if int(claimed) > MAX_BODY_BYTES:
            self.close_connection = True
            raise _Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body has {claimed} bytes; the limit is {MAX_BODY_BYTES}",
            )
        return self.rfile.read(int(claimed))


def _decode(body: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as exc:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"not a query: {exc}") from exc


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _answer(query: Query, mirror: Mirror, log: AnswerLog) -> dict[str, Any]:
    if query.page_token:
        raise _Refused(HTTPStatus.BAD_REQUEST, "answers are never paged")
    package = query.package
    if package.ecosystem != PYPI:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"only versions of {PYPI} can be compared here")
    found = mirror.affecting(ecosystem=package.ecosystem, name=package.name, version=query.version)
    log.add(
        Answer(
            name=normal_name(package.ecosystem, package.name),
            version=query.version,
            ids=tuple(advisory.id for advisory, _ in found),
            uncertain=tuple(advisory.id for advisory, answer in found if answer is Match.UNCERTAIN),
        ),
        {advisory.id: mirror.rating(advisory.id) for advisory, _ in found},
    )
    vulns = [_served(advisory, package) for advisory, _ in found]
    return {"vulns": vulns} if vulns else {}


def _brief(answer: dict[str, Any]) -> dict[str, Any]:
    vulns = [
        {key: vuln[key] for key in ("id", "modified") if key in vuln} for vuln in answer.get("vulns", ())
    ]
    return {"vulns": vulns} if vulns else {}


def _served(advisory: Advisory, package: Package) -> dict[str, Any]:
    """The advisory as pip-audit 2.10 can read it without losing or breaking anything.

    It compares names literally and takes fixes from one range of one entry only. It stops with a traceback at
    a fix that is no version, at a date with nine decimals or an offset, and at an entry without a package. It
    drops a record whose schema it does not know. So: one entry for the package, under the name that was asked
    for, with one range of all its events; dates in one form; no null anywhere.
    """
    entries = matching.entries_for(advisory, package.ecosystem, package.name)
    events = [
        {key: value}
        for entry in entries
        for affected in matching.version_ranges(entry)
        for event in affected.events
        for key, value in msgspec.to_builtins(event).items()
        if key != "fixed" or _is_version(value)
    ]
    versions = [version for entry in entries for version in entry.versions or ()]
    affected = {
        "package": {"ecosystem": package.ecosystem, "name": package.name},
        "ranges": [{"type": "ECOSYSTEM", "events": events}] if events else [],
        "versions": versions,
    }
    served: dict[str, Any] = {
        "id": advisory.id,
        "schema_version": advisory.schema_version or "1.0.0",
        "aliases": advisory.aliases or [],
        "affected": [affected],
    }
    for name, at in (("modified", advisory.modified_at), ("published", advisory.published_at)):
        if at is not None:
            served[name] = _instant(at)
    for name in ("summary", "details"):
        if text := getattr(advisory, name):
            served[name] = text
    return served


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
