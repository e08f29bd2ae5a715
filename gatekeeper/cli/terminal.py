"""What the terminal behind a stream can show."""

import os
import shutil
from collections.abc import Mapping
from typing import TextIO

from gatekeeper.cli.output import speaks_utf8
from gatekeeper.cli.render.screen import Screen

MAX_WIDTH = 120
"""Longer lines are hard to read, however wide the window is."""

FILE = Screen(width=100, color=False, unicode=True)
"""For a view that is written to a file."""


def screen_of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Screen:
    """Colour only on a terminal and never against `NO_COLOR`; `FORCE_COLOR` asks for it in a pipe."""
    width = shutil.get_terminal_size(fallback=(100, 24)).columns
    return Screen(
        width=max(40, min(width, MAX_WIDTH)),
        color=_wants_color(stream, environ),
        unicode=speaks_utf8(stream),
    )


def is_terminal(stream: TextIO | None) -> bool:
    """True when a person looks on; a closed stream, a pipe and a file are none."""
    return stream is not None and stream.isatty()


def table_width(stream: TextIO | None, *, indent: int = 0) -> int | None:
    """The columns that a table may take on the terminal behind `stream`; None for a pipe or a file."""
    return screen_of(stream).width - indent if stream is not None and is_terminal(stream) else None


def _wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()
