"""Tables for people and for `grep`."""

import io

import pytest
from inline_snapshot import snapshot

from gatekeeper.cli.tables import text_table
from gatekeeper.cli.terminal import table_width

HEADER = ("metric", "what it counts")
ROWS = [
    ("tests.total", "test cases that the report lists"),
    ("tests.failed", "cases with a failed assertion"),
]


def test_a_pipe_gets_one_line_per_row() -> None:
    """Nothing wraps where `grep` and `awk` read."""
    assert table_width(io.StringIO()) is None
    assert table_width(None) is None
    lines = text_table(HEADER, ROWS).splitlines()
    assert lines[1] == "tests.total   test cases that the report lists"
    assert len(lines) == 3


def test_a_narrow_terminal_gets_cells_that_wrap() -> None:
    """The first column stays whole, the others stay under their header."""
    assert text_table(HEADER, ROWS, width=36) == snapshot("""\
metric        what it counts
tests.total   test cases that the
              report lists
tests.failed  cases with a failed
              assertion
""")


@pytest.mark.parametrize("width", [1, 20])
def test_a_window_that_is_too_narrow_loses_nothing(width: int) -> None:
    """Columns keep a least width; every word is still there."""
    words = text_table(HEADER, ROWS, width=width).split()
    assert sorted(words) == sorted(" ".join([*HEADER, *(cell for row in ROWS for cell in row)]).split())
