"""Uploads: whatever comes, the caller learns what it was, or nothing is kept."""

import asyncio
import gzip
import hashlib
import io
import os
import random
import time
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from fastapi import FastAPI, Request

from gatekeeper.service.settings import ServerSettings
from gatekeeper_api import body as body_module
from gatekeeper_api.app import create_app
from gatekeeper_api.body import prepare_spool, spooled
from gatekeeper_api.routing import api_router
from gatekeeper_api.services import Services

Ask = Callable[..., httpx.Response]
REPORT = b"<testsuite name='a'>" + b"<testcase name='b'/>" * 500 + b"</testsuite>"
MIB = 1024 * 1024


def noise(count: int) -> bytes:
    """Bytes that do not shrink, always the same."""
    return random.Random(7).randbytes(count)  # noqa: S311 - test data


def application(settings: ServerSettings) -> FastAPI:
    """An application whose one route takes an upload and says what it got."""
    router = api_router("evidence", "/evidence")

    @router.post("")
    async def take(request: Request) -> dict[str, Any]:
        upload = await spooled(request, settings)
        try:
            return {
                "report": upload.report and upload.report.read_bytes().hex(),
                "record": upload.record and upload.record.read_text(),
                "record_sha256": upload.record_sha256,
                "commit": upload.commit and upload.commit.decode(),
                "sha256": upload.sha256,
                "size": upload.size,
                "wire": upload.wire_bytes,
                "filename": upload.filename,
                "code": upload.problem and upload.problem.code,
                "params": upload.problem and upload.problem.params,
                "modes": sorted({oct(path.stat().st_mode & 0o777) for path in upload.folder.iterdir()}),
            }
        finally:
            upload.discard()

    return create_app(settings, Services(routers=(router,)))


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    """Small limits, so that small bodies reach them."""
    return ServerSettings(
        data=tmp_path,
        max_body_bytes=2 * MIB,
        max_decoded_bytes=16 * MIB,
        ratio_free_bytes=MIB,
        max_record_bytes=4096,
        max_commit_bytes=1024,
        drain_bytes=4 * MIB,
    )


@pytest.fixture
def send(settings: ServerSettings, ask: Ask) -> Callable[..., httpx.Response]:
    """`send(content, encoding=, ...)`: one upload; afterwards the spool is empty, however it ended."""
    app = application(settings)

    def sent(content: object = None, encoding: str | None = None, **options: Any) -> httpx.Response:
        headers = {**({"content-encoding": encoding} if encoding else {}), **options.pop("headers", {})}
        answered = ask(app, "POST", "/api/v1/evidence", content=content, headers=headers, **options)
        assert list(settings.spool.iterdir()) == []
        return answered

    return sent


def chunks(data: bytes, size: int) -> AsyncIterator[bytes]:
    """`data` without a declared length."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    return pieces()


ENCODED = {
    None: REPORT,
    "identity": REPORT,
    "gzip": gzip.compress(REPORT),
    "x-gzip": gzip.compress(REPORT),
    "GZIP": gzip.compress(REPORT[:1000]) + gzip.compress(b"") + gzip.compress(REPORT[1000:]),
    "zstd": zstandard.compress(REPORT),
    "Zstd": zstandard.compress(REPORT[:1000]) + zstandard.compress(b"") + zstandard.compress(REPORT[1000:]),
}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_a_report_arrives_in_any_encoding_and_in_any_pieces(
    send: Callable[..., httpx.Response], encoding: str | None, size: int
) -> None:
    """Decoded, with the digest of the decoded bytes, in a file for us alone."""
    found = send(chunks(ENCODED[encoding], size), encoding).json()
    assert bytes.fromhex(found["report"]) == REPORT
    assert found["sha256"] == hashlib.sha256(REPORT).hexdigest()
    assert (found["size"], found["wire"]) == (len(REPORT), len(ENCODED[encoding]))
    assert (found["code"], found["modes"]) == (None, ["0o600"])


def test_an_empty_body_is_an_empty_report(send: Callable[..., httpx.Response]) -> None:
    """The reader says what that means."""
    found = send(b"").json()
    assert (found["report"], found["size"], found["code"]) == ("", 0, None)


@pytest.mark.parametrize("encoding", [None, "gzip", "zstd"])
def test_a_form_brings_the_record_and_the_commit(
    send: Callable[..., httpx.Response], encoding: str | None
) -> None:
    """Each by itself; the digest is that of the report, whatever surrounds it."""
    form = httpx.Request(
        "POST",
        "http://gate",
        files={"report": ("a/junit.xml", REPORT), "record": b"{}", "commit": b"tree 1"},  # type: ignore[dict-item]
    )
    encode = {None: bytes, "gzip": gzip.compress, "zstd": zstandard.compress}[encoding]
    headers = {"content-type": form.headers["content-type"]}
    found = send(encode(form.read()), encoding, headers=headers).json()
    assert bytes.fromhex(found["report"]) == REPORT
    assert found["sha256"] == hashlib.sha256(REPORT).hexdigest()
    assert (found["filename"], found["record"], found["commit"]) == ("junit.xml", "{}", "tree 1")
    assert found["record_sha256"] == hashlib.sha256(b"{}").hexdigest()
    cut = form.read()[:-9]
    broken = send(cut, headers=headers).json()
    assert (broken["code"], broken["report"], broken["record"]) == ("malformed", None, "{}")
    assert broken["sha256"] == hashlib.sha256(cut).hexdigest()


def test_large_bodies_arrive_whole(send: Callable[..., httpx.Response]) -> None:
    """Through the thread, in more than one batch."""
    data = noise(2 * MIB - 3)
    found = send(chunks(data, 100_000)).json()
    assert found["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "compress"])
def test_another_encoding_is_a_mistake_of_the_request(
    send: Callable[..., httpx.Response], encoding: str
) -> None:
    """415, before anything is read."""
    refused = send(REPORT, encoding)
    assert (refused.status_code, refused.json()["code"]) == (415, "unknown-encoding")
    assert encoding in refused.json()["detail"]


def flipped(data: bytes) -> bytes:
    """One bit of the middle is another."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]


UNREADABLE: dict[str, tuple[str, bytes]] = {
    "gzip cut": ("gzip", gzip.compress(REPORT)[:-4]),
    "gzip cut in the header": ("gzip", gzip.compress(REPORT)[:5]),
    "gzip second member cut": ("gzip", gzip.compress(REPORT) + gzip.compress(REPORT)[:20]),
    "gzip damaged": ("gzip", flipped(gzip.compress(noise(5000)))),
    "gzip that is not": ("gzip", REPORT),
    "gzip followed by something": ("gzip", gzip.compress(REPORT) + b"tail"),
    "gzip of nothing": ("gzip", b""),
    "zlib instead": ("gzip", zlib.compress(REPORT)),
    "zstd cut": ("zstd", zstandard.compress(REPORT)[:-4]),
    "zstd damaged": ("zstd", flipped(zstandard.ZstdCompressor(write_checksum=True).compress(noise(5000)))),
    "zstd that is not": ("zstd", REPORT),
    "zstd followed by something": ("zstd", zstandard.compress(REPORT) + b"tail"),
    "zstd of nothing": ("zstd", b""),
}


@pytest.mark.parametrize(("encoding", "content"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_broken_stream_is_a_finding_and_not_an_exception(
    send: Callable[..., httpx.Response], encoding: str, content: bytes
) -> None:
    """So that it becomes the current receipt of its slot; the digest is that of the wire."""
    found = send(content, encoding).json()
    assert (found["code"], found["report"]) == ("malformed", None)
    assert found["sha256"] == hashlib.sha256(content).hexdigest()


BOMBS = {
    "gzip": ("gzip", gzip.compress(bytes(200 * MIB))),
    "zstd": ("zstd", zstandard.compress(bytes(900 * MIB))),
    "gzip in many members": ("gzip", gzip.compress(bytes(8 * MIB)) * 30),
}


@pytest.mark.parametrize(("encoding", "content"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_stopped(tmp_path: Path, ask: Ask, encoding: str, content: bytes) -> None:
    """By its ratio, long before it is unpacked; the refusal names the limit."""
    app = application(ServerSettings(data=tmp_path))
    options = {"content": content, "headers": {"content-encoding": encoding}}
    found = ask(app, "POST", "/api/v1/evidence", **options).json()
    assert found["code"] == "hostile"
    assert "GATEKEEPER_MAX_RATIO" in found["params"]["detail"]
    assert found["size"] < 60 * MIB


def test_a_report_that_is_too_large_once_decoded_is_told(tmp_path: Path, ask: Ask) -> None:
    """Not hostile: its ratio is ordinary."""
    settings = ServerSettings(data=tmp_path, max_decoded_bytes=MIB)
    content = gzip.compress(noise(MIB // 2) + bytes(MIB))
    found = ask(
        application(settings),
        "POST",
        "/api/v1/evidence",
        content=content,
        headers={"content-encoding": "gzip"},
    ).json()
    assert (found["code"], found["params"]["limit"]) == ("too-large", MIB)
    assert found["params"]["setting"] == "GATEKEEPER_MAX_DECODED_BYTES"


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_a_finding_and_is_drained(
    send: Callable[..., httpx.Response], declared: bool
) -> None:
    """The sender hears the answer; it has the value, the limit and the setting."""
    data = noise(3 * MIB)
    answered = send(data if declared else chunks(data, 65536))
    found = answered.json()
    assert (found["code"], found["report"]) == ("too-large", None)
    assert found["params"]["bytes"] > found["params"]["limit"] == 2 * MIB
    assert found["params"]["setting"] == "GATEKEEPER_MAX_BODY_BYTES"
    assert "connection" not in answered.headers
    assert found["sha256"] == hashlib.sha256(data).hexdigest()


def test_what_is_too_long_to_drain_ends_the_connection(send: Callable[..., httpx.Response]) -> None:
    """An endless sender costs the limit and the drain, and no more."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 65536
            yield bytes(65536)

    answered = send(endless())
    assert answered.json()["code"] == "too-large"
    assert answered.headers["connection"] == "close"
    assert read < 9 * MIB


def test_what_is_declared_far_too_long_is_not_read_at_all(send: Callable[..., httpx.Response]) -> None:
    """A client that waits for `100 Continue` never sends it."""
    answered = send(chunks(b"", 1), headers={"content-length": str(10**12)})
    assert (answered.json()["code"], answered.json()["wire"]) == ("too-large", 0)
    assert answered.json()["params"]["bytes"] == 10**12
    assert answered.headers["connection"] == "close"


def by_hand(app: FastAPI, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the application sends when exactly these messages come, then nothing ever again."""

    async def run() -> list[dict[str, Any]]:
        left, sent = list(messages), []

        async def receive() -> dict[str, Any]:
            if left:
                return left.pop(0)
            return await asyncio.Event().wait()  # type: ignore[return-value]

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/api/v1/evidence",
            "query_string": b"",
            "headers": [(b"transfer-encoding", b"chunked")],
        }
        await app(scope, receive, send)  # type: ignore[arg-type]
        return sent

    return asyncio.run(run())


def test_a_sender_that_leaves_leaves_nothing(settings: ServerSettings) -> None:
    """No receipt can come of half a body."""
    part = {"type": "http.request", "body": REPORT, "more_body": True}
    sent = by_hand(application(settings), [part, part, {"type": "http.disconnect"}])
    assert sent[0]["status"] == 499
    assert list(settings.spool.iterdir()) == []


def test_a_silent_sender_is_not_waited_for(tmp_path: Path) -> None:
    """408 after the limit, and nothing is kept."""
    settings = ServerSettings(data=tmp_path, body_idle_s=1)
    sent = by_hand(application(settings), [{"type": "http.request", "body": REPORT, "more_body": True}])
    assert sent[0]["status"] == 408
    assert b"GATEKEEPER_BODY_IDLE_S" in sent[1]["body"]
    assert (b"connection", b"close") in sent[0]["headers"]
    assert list(settings.spool.iterdir()) == []


def test_a_spool_that_cannot_be_written_is_503(tmp_path: Path, ask: Ask) -> None:
    """And no defect."""
    (tmp_path / "file").touch()
    app = application(ServerSettings(data=tmp_path / "file"))
    refused = ask(app, "POST", "/api/v1/evidence", content=REPORT)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")


def test_a_full_disk_is_503_and_leaves_nothing(
    settings: ServerSettings, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a report."""

    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("gatekeeper_api.forms.os.fdopen", lambda *_: Full())
    refused = ask(application(settings), "POST", "/api/v1/evidence", content=REPORT)
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert "No space left" in refused.json()["detail"]
    assert list(settings.spool.iterdir()) == []


def test_what_a_killed_server_left_is_removed_after_an_hour(settings: ServerSettings) -> None:
    """What is younger may belong to another server in the same folder."""
    prepare_spool(settings)
    assert settings.spool.stat().st_mode & 0o777 == 0o700
    for name, age in (("up-old", 2 * body_module._STALE_S), ("up-new", 10.0)):
        folder = settings.spool / name
        folder.mkdir()
        (folder / "report").touch()
        os.utime(folder, (time.time() - age,) * 2)
    prepare_spool(settings)
    assert [left.name for left in settings.spool.iterdir()] == ["up-new"]
