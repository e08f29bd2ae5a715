"""How a command gets a password: typed without being shown, or from a file. Never from the command line."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.errors import UsageError

PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="A file whose first line is the password; - reads it from stdin. Default: it is asked for.",
        allow_dash=True,
    ),
]
_MAX_BYTES = 64 * 1024


def password_from(file: Path | None, *, prompt: str = "Password: ", twice: bool = False) -> str:
    """The password.

    Raises:
        UsageError: the file cannot be read, the two that were typed differ, or there is nobody to ask.
    """
    if file is not None:
        return _first_line(file)
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked for the password", hint="--password-file FILE, or - for stdin")
    typed = getpass.getpass(prompt)
    if twice and getpass.getpass("Again: ") != typed:
        raise UsageError("the two passwords differ")
    return typed


def code_from() -> str | None:
    """A code of the second factor, where somebody can be asked."""
    if not sys.stdin.isatty():
        return None
    return getpass.getpass("Code of the second factor: ").strip() or None


def _first_line(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read(_MAX_BYTES) if str(file) == "-" else _start_of(file)
        lines = data.decode().splitlines()
    except OSError as error:
        raise UsageError(f"the password file {file} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the password file {file} is no UTF-8") from error
    if not lines or not lines[0]:
        raise UsageError(f"the password file {file} is empty")
    return lines[0]


def _start_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_MAX_BYTES)
