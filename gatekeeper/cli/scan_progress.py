"""What a scan is doing, on stderr: a live line per scanner on a terminal, one line per event elsewhere."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from gatekeeper.cli.output import one_line, say, speaks_utf8
from gatekeeper.cli.scan_summary import ENDING_WORDS
from gatekeeper_scanners.scan_result import Progress, Step


@contextmanager
def progress() -> Iterator[Callable[[Progress], None]]:
    """A listener for the block; what a live display showed stays on the screen."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _Lines()
        return
    console = Console(stderr=True, highlight=False)
    display = _Display()
    with Live(display, console=console, refresh_per_second=8):
        yield display


class _Lines:
    """Plain lines for logs, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, news: Progress) -> None:
        say(f"[{time.monotonic() - self._started:6.1f}s] {news.tool}: {_words(news)}")


class _Display:
    """A line per scanner, redrawn. Called from the threads of the scan and from the one that draws."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news: dict[str, tuple[Progress, float]] = {}
        self._started = time.monotonic()
        # Drawn on stderr, whose encoding decides which signs arrive.
        self._spinner = Spinner("dots" if speaks_utf8(sys.stderr) else "line")

    def __call__(self, news: Progress) -> None:
        with self._lock:
            self._news[news.tool] = (news, time.monotonic())

    def __rich__(self) -> Table:
        with self._lock:
            rows = list(self._news.values())
        table = Table.grid(padding=(0, 2))
        for news, since in rows:
            is_done = news.step is Step.DONE
            seconds = (since if is_done else time.monotonic()) - self._started
            sign = Text(" ") if is_done else self._spinner
            table.add_row(sign, Text(news.tool), Text(_words(news)), Text(f"{seconds:.0f}s", style="dim"))
        return table


def _words(news: Progress) -> str:
    text = one_line(news.text)
    if news.step is Step.DONE:
        return ENDING_WORDS.get(news.text, text)
    return f"reading {text}" if news.step is Step.RUNNING else text
