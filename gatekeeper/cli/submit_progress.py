"""How far a large upload is, on a terminal; nothing for small files and in a pipeline's log."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gatekeeper.cli.output import one_line
from gatekeeper.cli.terminal import is_terminal

SHOWN_FROM_BYTES = 4 * 1024 * 1024


@contextmanager
def progress(name: str, size_bytes: int) -> Iterator[Callable[[int], None] | None]:
    """A listener for the bytes of one file; the bar is gone when the block ends."""
    if size_bytes < SHOWN_FROM_BYTES or not is_terminal(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as display:
        task = display.add_task(escape(one_line(name, 60)), total=size_bytes)
        yield lambda count: display.advance(task, count)
