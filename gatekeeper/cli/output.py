"""Where words go: data to stdout, talk to stderr, nothing that a report says can steer the terminal."""

import os
import re
import stat
import sys
from contextlib import suppress
from json import dumps
from pathlib import Path
from typing import TextIO

from gatekeeper.errors import UsageError


class CannotWrite(UsageError):
    """The file that was asked for cannot be written."""

    code = "cannot-write"


_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls, among them ESC and CSI
    "\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # invisible, and text direction
    "\ud800-\udfff\U000e0000-\U000e007f]"  # lone surrogates, tags
)


def clean(text: str) -> str:
    """`text` without characters that move the cursor, colour, hide or reorder what a terminal shows.

    Each becomes U+FFFD, so that something removed is still seen. Tab and newline stay.
    """
    return _UNSAFE.sub("\ufffd", text)


def escaped(json: str) -> str:
    """The JSON text with the characters that `clean` replaces as escapes: the same values, and harmless.

    JSON itself escapes only the first 32; a terminal obeys U+009B as it obeys ESC [.
    """
    return _UNSAFE.sub(lambda found: dumps(found[0])[1:-1], json)


def one_line(text: str, limit: int = 200) -> str:
    """`text` cleaned, on one line, cut to `limit` characters with an ellipsis."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= limit else flat[: limit - 3].rstrip() + "..."


def say(text: str, *, hint: str = "") -> None:
    """Talk: a message, and the next action when there is one, on stderr."""
    _write(sys.stderr, clean(text) + "\n" + (f"hint: {clean(hint)}\n" if hint else ""))


def put(text: str) -> None:
    """Data: `text` as it is, on stdout. A reader that has left early is no error, the answer stands."""
    _write(sys.stdout, text)


def put_or_save(text: str, path: Path | None) -> None:
    """`text` to stdout, or to the file `path`, which is replaced in one step or not at all.

    A link stays and its target is replaced; a pipe or device such as /dev/stdout is written to.

    Raises:
        CannotWrite: the file or its folder is closed to us, or the disk is full.
    """
    if path is None:
        put(text)
        return
    target = _target(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        if _is_special(path):
            path.write_bytes(text.encode())
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(text.encode())
        part.replace(target)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Take away the file `path`, if there is one; pipes and devices stay, and links to what is gone.

    Raises:
        CannotWrite: it is a folder, or closed to us.
    """
    try:
        if not _is_special(path):
            _target(path).unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error


def _target(path: Path) -> Path:
    """Where links lead: /dev/stdout must not become a file."""
    return Path(os.path.realpath(path))


def _is_special(path: Path) -> bool:
    """True for a pipe, device or socket, which can be written to but not replaced."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def close_stdout() -> None:
    """Flush; when the reader has left, give the interpreter's own last flush a place to go."""
    if sys.stdout is None:  # started with the stream closed, as in `gatekeeper >&-`
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop(sys.stdout)


def speaks_utf8(stream: TextIO) -> bool:
    """True when box characters and check marks arrive as such."""
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    encoding = stream.encoding or "ascii"
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        _drop(stream)


def _drop(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
