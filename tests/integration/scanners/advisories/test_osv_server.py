"""The OSV query API on loopback, asked over HTTP."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gatekeeper import clock
from gatekeeper.settings import Settings
from gatekeeper_scanners.advisories.importer import import_advisories
from gatekeeper_scanners.advisories.manifest import MirrorUnavailable
from gatekeeper_scanners.advisories.osv_answers import AnswerLog
from gatekeeper_scanners.advisories.osv_server import MAX_BODY_BYTES, serving
from gatekeeper_scanners.advisories.store import open_mirror

Call = Callable[..., tuple[int, Any]]


def call(url: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Status and decoded body of one request."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, body=data, headers=headers)
        response = connection.getresponse()
        assert response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def query(name: str, version: str, ecosystem: str = "PyPI") -> dict[str, Any]:
    """A question as pip-audit asks it."""
    return {"package": {"name": name, "ecosystem": ecosystem}, "version": version}


@pytest.fixture
def log() -> AnswerLog:
    """What the server was asked."""
    return AnswerLog()


@pytest.fixture
def url(mirrored: Settings, log: AnswerLog) -> Iterator[str]:
    """A server over the records of the tests."""
    with open_mirror(mirrored.advisories) as mirror, serving(mirror, log) as base:
        yield base


def test_a_query_answers_every_affecting_record(url: str, log: AnswerLog) -> None:
    """Two records describe the problem; the log keeps question, answer and rating."""
    status, answer = call(url, "POST", "/v1/query", query("Flask", "2.3.0"))
    assert (status, [vuln["id"] for vuln in answer["vulns"]]) == (
        200,
        ["GHSA-m2qf-hxjv-5gpq", "PYSEC-2023-62"],
    )
    [noted] = log.answers()
    assert (noted.name, noted.version, noted.ids) == (
        "flask",
        "2.3.0",
        ("GHSA-m2qf-hxjv-5gpq", "PYSEC-2023-62"),
    )
    assert {rating.cvss for rating in log.ratings().values()} == {"7.5"}


def test_an_unaffected_version_answers_an_empty_object(url: str, log: AnswerLog) -> None:
    """As OSV does; it is noted that the question was asked. Withdrawn records never match."""
    assert call(url, "POST", "/v1/query", query("flask", "2.3.2")) == (200, {})
    assert call(url, "POST", "/v1/query", query("requests", "2.31.0")) == (200, {})
    assert [answer.ids for answer in log.answers()] == [(), ()]


def test_what_is_served_is_what_pip_audit_can_read(url: str) -> None:
    """The name as asked, one range with all events, dates with six decimals."""
    _, answer = call(url, "POST", "/v1/query", query("flask", "2.3.0"))
    github = answer["vulns"][0]
    assert github["modified"] == "2024-02-16T08:11:45.123457Z"
    assert github["affected"] == [
        {
            "package": {"ecosystem": "PyPI", "name": "flask"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.3.0"}, {"fixed": "2.3.2"}]}],
            "versions": [],
        }
    ]


def test_a_batch_answers_in_order(url: str) -> None:
    """Ids and dates alone, an empty object where nothing is known."""
    status, answer = call(
        url, "POST", "/v1/querybatch", {"queries": [query("nothing", "1"), query("jinja2", "2.10")]}
    )
    assert status == 200
    assert answer == {
        "results": [{}, {"vulns": [{"id": "PYSEC-2019-217", "modified": "2021-11-22T04:57:52.000000Z"}]}]
    }


def test_a_record_is_served_whole_by_id(url: str, records: Path) -> None:
    """Withdrawn ones too."""
    status, answer = call(url, "GET", "/v1/vulns/GKT-2024-1")
    assert status == 200
    assert answer == json.loads((records / "GKT-2024-1.json").read_bytes())
    assert call(url, "GET", "/v1/vulns/NONE-1")[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/query", b"{", 400),
        ("POST", "/v1/query", b"[" * 100_000, 400),
        ("POST", "/v1/query", {"package": {"name": "x", "ecosystem": "PyPI"}}, 400),
        ("POST", "/v1/query", {"commit": "0" * 40}, 400),
        ("POST", "/v1/query", {"package": {"purl": "pkg:pypi/x@1"}}, 400),
        ("POST", "/v1/query", query("x", "1", "npm"), 400),
        ("POST", "/v1/query", query("x", "1") | {"page_token": "2"}, 400),
        ("POST", "/v1/querybatch", {"queries": [query("x", "1")] * 1_001}, 400),
        ("POST", "/v1/other", {}, 404),
        ("GET", "/", None, 404),
    ],
)
def test_what_is_not_understood_is_refused_and_not_noted(
    url: str, log: AnswerLog, method: str, path: str, body: Any, status: int
) -> None:
    """An unknown question must not be answered "nothing known"."""
    found, answer = call(url, method, path, body)
    assert (found, answer["code"]) == (status, status)
    assert log.answers() == ()


def test_a_body_over_the_limit_is_not_read(url: str) -> None:
    """The claimed length is enough."""
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(
            f"POST /v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode()
        )
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")
    assert call(url, "POST", "/v1/query", query("flask", "9"))[0] == 200


def test_only_this_machine_can_reach_it(url: str) -> None:
    """It listens on 127.0.0.1 and nowhere else, and is gone after the block."""
    assert url.startswith("http://127.0.0.1:")
    with serving(MirrorUnavailable("advisories-missing", "none"), AnswerLog()) as other:
        port = int(other.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)


@pytest.mark.parametrize("state", ["missing", "partial", "damaged"])
def test_a_mirror_that_cannot_be_used_answers_503(
    tmp_path: Path, records: Path, log: AnswerLog, state: str
) -> None:
    """To every call, with the reason; an empty answer would read as clean."""
    folder = tmp_path / "mirror"
    if state != "missing":
        import_advisories(records, folder, now=clock.now(), is_partial=state == "partial")
    if state == "damaged":
        [file] = folder.rglob("records.sqlite")
        file.write_bytes(b"")
    with pytest.raises(MirrorUnavailable) as refused:
        open_mirror(folder)
    with serving(refused.value, log) as base:
        for method, path, body in (
            ("POST", "/v1/query", query("flask", "2.3.0")),
            ("POST", "/v1/querybatch", {"queries": []}),
            ("GET", "/v1/vulns/PYSEC-2023-62", None),
        ):
            status, answer = call(base, method, path, body)
            assert status == 503
            assert state in answer["message"] or "there is no advisory mirror" in answer["message"]
    assert log.answers() == ()
