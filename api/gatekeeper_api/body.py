"""Uploads: a body goes to a file while it is counted, decoded and hashed; it is never held in memory.

What is wrong with the content is a finding about the slot, not an exception: a refused upload after a good
one must become the slot's current receipt, so the caller gets an `Upload` with a `problem` and records that.
Only mistakes of the request itself (an unknown encoding, a form without report) are raised.
"""

import asyncio
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from gatekeeper.service.errors import Unavailable
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.intake import Intake
from gatekeeper_api.intake import Upload as Upload

RAW_RECEIVE = "gatekeeper.raw_receive"
"""In the scope: the `receive` without the limit for JSON."""
HANG_UP = "gatekeeper.hang_up"
"""In the scope: the body was not read to its end, so the connection ends after the answer."""

_BATCH_BYTES = 1024 * 1024
"""Bytes for one visit to a thread: the loop answers the gate meanwhile, and a hop costs 0.1 ms."""
_INLINE_BYTES = 64 * 1024
_DRAIN_S = 10.0
_NICE = 10
_STALE_S = 3600.0


async def spooled(request: Request, settings: ServerSettings) -> Upload:
    """The body of `request`: raw, or a form with the parts `report`, `record` and `commit`.

    Raises:
        UnknownEncoding, BadForm: the request is wrong; nothing was kept.
        ClientDisconnect: the sender left in the middle; nothing was kept.
        HTTPException: 408, the sender was silent for longer than `body_idle_s`.
        Unavailable: the spool folder is full or gone.
    """
    folder: Path | None = None
    intake: Intake | None = None
    try:
        folder = _folder_in(settings.spool)
        intake = Intake(request, folder, settings)
        await _read(request.scope, intake, settings)
        return intake.upload()
    except BaseException as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise Unavailable(f"the upload cannot be kept: {error.strerror or error}") from error
        raise
    finally:
        if intake is not None:
            intake.close()


def prepare_spool(settings: ServerSettings) -> None:
    """Make the spool folder, for us alone, and remove what a killed server left more than an hour ago.

    Raises:
        Unavailable: it cannot be made.
    """
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)  # `parents` below are for everybody
        settings.spool.mkdir(mode=0o700, exist_ok=True)
        for left in settings.spool.iterdir():
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _STALE_S:
                    shutil.rmtree(left, ignore_errors=True)
    except OSError as error:
        raise Unavailable(
            f"the folder {settings.spool} cannot be used: {error.strerror or error}",
            hint="set GATEKEEPER_DATA",
        ) from error


def bounded(scope: Scope, receive: Receive, limit: int) -> Receive:
    """`receive` for a body that is read whole: more than `limit` bytes are refused with 413."""
    seen = 0

    async def limited() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            scope[HANG_UP] = True
            raise HTTPException(
                413, f"the body has more than {limit:,} bytes, the limit here (GATEKEEPER_MAX_JSON_BYTES)"
            )
        return message

    return limited


async def _read(scope: Scope, intake: Intake, settings: ServerSettings) -> None:
    """Feed the body to `intake`, large pieces in a thread; then drain what it does not want, bounded."""
    if intake.is_refused and intake.is_beyond_draining:
        scope[HANG_UP] = True
        return
    pending = bytearray()
    give_up_at = float("inf")
    async for chunk in _chunks(scope, settings.body_idle_s):
        pending += chunk
        if len(pending) >= _BATCH_BYTES:
            await _aside(intake.feed, bytes(pending))
            pending.clear()
        if intake.is_refused and give_up_at == float("inf"):
            give_up_at = time.monotonic() + _DRAIN_S
        if intake.is_refused and (intake.is_beyond_draining or time.monotonic() > give_up_at):
            scope[HANG_UP] = True
            break
    if len(pending) <= _INLINE_BYTES and intake.is_cheap:
        intake.feed(bytes(pending))
        intake.finish()
    else:
        await _aside(intake.feed, bytes(pending))
        await _aside(intake.finish)


async def _aside(work: Callable[..., None], *args: bytes) -> None:
    """Do `work` in one of the few threads for uploads."""
    await asyncio.get_running_loop().run_in_executor(_THREADS, work, *args)


def _give_way() -> None:
    """Let the thread of the event loop go first: on Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it: then uploads compete, and still arrive
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


_THREADS = ThreadPoolExecutor(
    max_workers=max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="spool", initializer=_give_way
)
"""One core stays for the loop: hashing and unpacking 16 uploads at once made the gate wait for 100 ms."""


async def _chunks(scope: Scope, idle_s: int) -> AsyncIterator[bytes]:
    receive: Receive = scope.get(RAW_RECEIVE, _no_body)
    while True:
        try:
            async with asyncio.timeout(idle_s):
                message = await receive()
        except TimeoutError as error:
            scope[HANG_UP] = True
            raise HTTPException(
                408, f"nothing of the body came for {idle_s} s, the limit (GATEKEEPER_BODY_IDLE_S)"
            ) from error
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _folder_in(spool: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="up-", dir=spool))
    except FileNotFoundError:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="up-", dir=spool))
