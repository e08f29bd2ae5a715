"""The query API of OSV on loopback, for the time of one scan, answered from the mirror alone.

    POST /v1/query        {"package": {"ecosystem", "name"}, "version"} -> {"vulns": [...]} or {}
    POST /v1/querybatch   {"queries": [...]} -> {"results": [{"vulns": [{"id", "modified"}]}, ...]}
    GET  /v1/vulns/{id}   the record as imported

Without a usable mirror every call is answered 503: an empty answer would read as "nothing known".
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from gatekeeper_scanners.advisories.manifest import MirrorUnavailable
from gatekeeper_scanners.advisories.osv_answers import AnswerLog, QueryRefused, answer_batch, answer_query
from gatekeeper_scanners.advisories.store import Mirror

MAX_BODY_BYTES = 1024 * 1024
_TIMEOUT_S = 30.0


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

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in http.server
        """Silence: stderr belongs to the command that the user started."""

    def _reply_with(self, answer: Callable[[Mirror], bytes]) -> None:
        try:
            mirror = self.server.mirror
            if isinstance(mirror, MirrorUnavailable):
                self.close_connection = True
                raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, mirror.message)
            status, body = HTTPStatus.OK, answer(mirror)
        except QueryRefused as refused:
            status, body = HTTPStatus.BAD_REQUEST, _refusal(HTTPStatus.BAD_REQUEST, str(refused))
        except _Refused as refused:
            status, body = refused.status, _refusal(refused.status, str(refused))
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
                return answer_query(body, mirror, self.server.log)
            case "/v1/querybatch":
                return answer_batch(body, mirror, self.server.log)
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


def _refusal(status: HTTPStatus, message: str) -> bytes:
    return msgspec.json.encode({"code": int(status), "message": message})
