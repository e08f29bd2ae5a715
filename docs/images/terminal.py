"""Makes a picture of a command in a terminal: `python docs/images/terminal.py PICTURE.svg COMMAND...`.

The command runs for real, in a pseudo-terminal of 100 columns; what it prints becomes an SVG, in its colours.
"""

import io
import os
import pty
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 100


def printed(command: list[str]) -> str:
    """Everything that `command` prints to a terminal, with its escape sequences."""
    pieces: list[bytes] = []

    def read(descriptor: int) -> bytes:
        data = os.read(descriptor, 65_536)
        pieces.append(data)
        return b"" if not data else b" "

    environ = {"COLUMNS": str(COLUMNS), "LINES": "80", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    os.environ.update(environ)
    pty.spawn(command, read)
    return b"".join(pieces).decode().replace("\r\n", "\n")


def main() -> None:
    """Run the command and write the picture."""
    picture, command = Path(sys.argv[1]), sys.argv[2:]
    text = printed(command)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ " + " ".join([Path(command[0]).name, *command[1:]]), style="bold"))
    console.print(Text.from_ansi(text))
    picture.write_text(console.export_svg(title=Path(command[0]).name), encoding="utf-8")


if __name__ == "__main__":
    main()
