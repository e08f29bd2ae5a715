"""Structured logs on stderr: few named events, the id of the request, and nothing that is secret."""

import asyncio
import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

import msgspec
import structlog
from structlog.typing import Processor, WrappedLogger

REQUEST_ID: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
"""The id of the request that this task answers. Threads of `asyncio.to_thread` see it too."""

REDACTED = "[redacted]"
_SECRET_KEY = re.compile(
    r"authorization|token|secret|password|passwd|cookie|api_?key|credential", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"gks?_[A-Za-z0-9]+_[A-Za-z0-9_-]{6,}"  # our tokens and sessions; the public part alone may be logged
    r"|eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)?"  # JWS and JWE begin with {" in base64url
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user and password of a URL
)
_MAX_DEPTH = 6
_LEVELS = {
    "uvicorn": logging.INFO,
    "uvicorn.error": logging.WARNING,
    "alembic": logging.WARNING,
    "httpx": logging.WARNING,  # at INFO it logs whole URLs, with their queries
    "httpcore": logging.WARNING,
    "python_multipart": logging.ERROR,  # it warns of what is answered as a problem anyway
}

EventDict = MutableMapping[str, Any]
Access = Callable[..., None]
"""Logs the event `http.request` with the fields it is given. Only for the event loop."""


def configure(form: Literal["json", "text"] | None, stream: TextIO | None = None) -> Access:
    """Send the events of structlog and of `logging` (uvicorn's among them) to `stream` (default: stderr).

    `form` None is text on a terminal, else JSON. Replaces what was configured before. Returns what writes the
    one line of each request.
    """
    out = stream or sys.stderr
    is_text = form == "text" or (form is None and out.isatty())
    render: Processor = structlog.dev.ConsoleRenderer(colors=out.isatty()) if is_text else _json
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request_id,
    ]
    errors: list[Processor] = [] if is_text else [structlog.processors.format_exc_info]
    structlog.configure(
        processors=[*shared, *errors, redact, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(allow=())],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *errors, redact, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name, level in _LEVELS.items():
        own = logging.getLogger(name)
        own.handlers.clear()
        own.propagate = True
        own.setLevel(level)
    return text_access if is_text else _json_access(out)


def text_access(**fields: str | float) -> None:
    """The line of a request through structlog, as it is configured."""
    structlog.get_logger("gatekeeper.http").info("http.request", **fields)


def _json_access(out: TextIO) -> Access:
    """Writes the same line as structlog would, for a quarter: the gate is asked thousands of times a second.

    It redacts nothing: its fields are a route template, numbers, and an id that the middleware has checked.
    What was answered in one turn of the event loop is written at once, before the next turn.
    """
    encode = msgspec.json.Encoder().encode
    waiting: list[str] = []

    def write() -> None:
        lines = "".join(waiting)
        waiting.clear()
        out.write(lines)
        out.flush()

    def access(**fields: str | float) -> None:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        about = {"event": "http.request", "level": "info", "timestamp": now, "request_id": REQUEST_ID.get()}
        waiting.append(encode({**fields, **about}).decode() + "\n")
        if len(waiting) == 1:
            asyncio.get_running_loop().call_soon(write)

    return access


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The event without secrets: by the name of a key, and by how a value looks, also inside others."""
    return {key: _clean(key, value, 0) for key, value in event.items()}


def is_secret(text: str) -> bool:
    """True when `text` holds what looks like one of our tokens, a JWT or a password in a URL."""
    return _SECRET_VALUE.search(text) is not None


def scrubbed(text: str) -> str:
    """`text` with what looks like a secret redacted."""
    return _SECRET_VALUE.sub(REDACTED, text)


def _clean(key: str, value: object, depth: int) -> object:
    if _SECRET_KEY.search(key):
        return REDACTED
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    if depth >= _MAX_DEPTH:
        return "..."
    if isinstance(value, dict):
        return {str(name): _clean(str(name), inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean("", inner, depth + 1) for inner in value]
    if key == "exc_info":  # the renderer for terminals wants the objects; it is for developers
        return value
    return scrubbed(str(value))


def _add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if (request_id := REQUEST_ID.get()) is not None:
        event["request_id"] = request_id
    return event


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return msgspec.json.encode(event, enc_hook=str).decode()
