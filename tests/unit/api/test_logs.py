"""Logs: JSON lines without secrets, from us and from the libraries."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from gatekeeper_api import logs

TOKEN = "gk_3f9a_" + "Zm9v" * 10
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture
def stream() -> io.StringIO:
    """What was logged since."""
    stream = io.StringIO()
    logs.configure("json", stream)
    return stream


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines as objects."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_time_level_and_request(stream: io.StringIO) -> None:
    """The id is that of the request that is being answered."""
    token = logs.REQUEST_ID.set("req-1")
    structlog.get_logger().info("decision.recorded", decision="dec_1", rules=12)
    logs.REQUEST_ID.reset(token)
    (event,) = events(stream)
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "decision.recorded",
        "decision": "dec_1",
        "rules": 12,
        "level": "info",
        "request_id": "req-1",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization": f"Bearer {TOKEN}"},
        {"Token": "hunter2"},
        {"s3_secret_access_key": "hunter2"},
        {"headers": {"Authorization": "hunter2"}},
        {"headers": [["x", f"Bearer {TOKEN}"]]},
        {"detail": f"it says {TOKEN}, and {JWT}"},
        {"url": "postgresql://gate:hunter2@db/gate"},
        {"error": ValueError(f"bad {JWT}")},
        {"nested": {"a": {"b": {"c": {"d": {"e": {"f": {"password": "hunter2"}}}}}}}},
        {"raw": TOKEN.encode()},
        {"detail": "the session gks_3f9a_" + "Zm9v" * 10},
        {"headers": {"Cookie": "__Host-gatekeeper=hunter2"}},
        {"csrf_token": "hunter2", "old_password": "hunter2"},
    ],
    ids=str,
)
def test_secrets_are_redacted_by_name_and_by_look(stream: io.StringIO, fields: dict[str, Any]) -> None:
    """At any depth, in any type."""
    structlog.get_logger().info("event", **fields)
    text = stream.getvalue()
    assert "hunter2" not in text
    assert "Zm9vZm9v" not in text
    assert "c2lnbmF0dXJl" not in text
    assert events(stream)[0]["event"] == "event"


def test_what_is_no_secret_stays(stream: io.StringIO) -> None:
    """The public part of a token, digests, paths."""
    fields = {
        "principal": "token:gk_3f9a",
        "sha256": "ab" * 32,
        "path": "https://gate/x",
        "count": 3,
        "ok": True,
    }
    structlog.get_logger().info("event", **fields)
    assert fields.items() <= events(stream)[0].items()


def test_a_traceback_is_logged_and_redacted(stream: io.StringIO) -> None:
    """An exception may quote what it was given."""
    try:
        raise RuntimeError(f"cannot use {TOKEN}")
    except RuntimeError:
        structlog.get_logger().exception("http.defect")
    (event,) = events(stream)
    assert "Traceback" in event["exception"]
    assert "cannot use [redacted]" in event["exception"]


def test_libraries_log_the_same_way(stream: io.StringIO) -> None:
    """The chatter of uvicorn stays away, its warnings come; lines of httpx with whole URLs do not."""
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("httpx").info("GET https://ci/?token=1")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received: %s", TOKEN)
    (event,) = events(stream)
    assert event["event"] == "Invalid HTTP request received: [redacted]"
    assert event["level"] == "warning"


def test_a_terminal_gets_text() -> None:
    """And the words are the same."""
    stream = io.StringIO()
    access = logs.configure("text", stream)
    access(route="/api/v1/gate")
    structlog.get_logger().info("event", token=TOKEN)
    assert "http.request" in stream.getvalue()
    assert "token=[redacted]" in stream.getvalue()
    assert "{" not in stream.getvalue()
