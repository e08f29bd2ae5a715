"""The server of the demo: started on loopback, set up as an operator would, ended with the demo."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workshop import GATEKEEPER, PATIENCE_S, DemoStopped, Workshop

ANNOUNCED = "serves http://"


@dataclass(frozen=True)
class House:
    """A running server: its address, and the file with the administrator's one-time token."""

    url: str
    bootstrap: Path
    process: "subprocess.Popen[str]"


@contextmanager
def running(shop: Workshop, *, data: Path, port: int) -> Iterator[House]:
    """A server whose data is in `data`, until the block ends. Port 0 takes any that is free.

    Raises:
        DemoStopped: it did not start; what it said is shown.
    """
    words = (GATEKEEPER, "serve", "--port", str(port))
    shop.narrator.command(f"GATEKEEPER_DATA={data} gatekeeper serve --port {port} &")
    log = data.parent / "server.log"
    data.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        process = subprocess.Popen(
            [str(word) for word in words],
            env=shop.environ | {"GATEKEEPER_DATA": str(data), "GATEKEEPER_LOG_FORMAT": "json"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
        )
    try:
        yield House(url=_address(process, shop, log), bootstrap=data / "bootstrap", process=process)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S * 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _address(process: "subprocess.Popen[str]", shop: Workshop, log: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        shop.narrator.say(line.rstrip())
        if ANNOUNCED in line:
            return "http://" + line.split(ANNOUNCED, 1)[1].split()[0]
    process.wait()
    raise DemoStopped(
        f"the server did not start (exit code {process.returncode}):\n{log.read_text()[-2000:]}"
    )
