"""Floor of a gate query: FastAPI, one indexed read, the stored bytes. Asks nobody who he is, checks nothing.

Reads the very rows that Gatekeeper reads, with the same kind of connection: read-only sqlite3 on the event
loop, or a psycopg pool with the statement prepared. Same uvicorn, same options.
"""

import sqlite3
import sys
from collections.abc import Awaitable, Callable

import uvicorn
from fastapi import FastAPI, Response
from psycopg_pool import AsyncConnectionPool

from gatekeeper_api.serving import listening

_ROW = "SELECT body FROM gate_state WHERE project_id = {0} AND stage = {0} AND key = {0}"
Read = Callable[[tuple[str, str, str]], Awaitable[bytes]]


def sqlite_reader(path: str) -> Read:
    """Reads in the event loop."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    statement = _ROW.format("?")

    async def read(key: tuple[str, str, str]) -> bytes:
        return bytes(connection.execute(statement, key).fetchone()[0])

    return read


def postgres_reader(url: str) -> Read:
    """Reads through a pool."""
    options = {"autocommit": True, "prepare_threshold": 0}
    pool = AsyncConnectionPool(url, min_size=1, max_size=8, open=False, kwargs=options)
    statement, opened = _ROW.format("%s").encode(), list[bool]()

    async def read(key: tuple[str, str, str]) -> bytes:
        if not opened:
            await pool.open()
            opened.append(True)
        async with pool.connection() as connection:
            row = await (await connection.execute(statement, key, prepare=True)).fetchone()
        assert row is not None
        return bytes(row[0])

    return read


def main(url: str, project_id: str) -> None:
    """Serve until told to end; the port that was free is printed."""
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False})
    if url.startswith("sqlite:///"):
        read = sqlite_reader(url.removeprefix("sqlite:///"))
    else:
        read = postgres_reader(url.replace("+psycopg", ""))

    @app.get("/api/v1/gate")
    async def gate(stage: str, commit: str) -> Response:
        return Response(await read((project_id, stage, f"c:{commit}")), media_type="application/json")

    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )
    with listening("127.0.0.1", 0) as listener:
        print(f"serves http://127.0.0.1:{listener.getsockname()[1]} ", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


main(*sys.argv[1:])
