"""The sessions of `gatekeeper login`: one for each server, in a file that only its owner can read."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from gatekeeper.errors import UsageError
from gatekeeper.settings import config_folder

NAME = "sessions.json"
_MAX_BYTES = 1024 * 1024


class SessionFile(UsageError):
    """The file with the sessions cannot be used."""

    code = "session-file"


def path_from(environ: Mapping[str, str]) -> Path:
    """Where the file is, or would be."""
    return config_folder(environ, home=Path.home()) / NAME


def kept(path: Path, url: str) -> str | None:
    """The secret of the session with the server at `url`; None when there is none.

    Raises:
        SessionFile: it cannot be read, or others can read it too.
    """
    return _read(path).get(url)


def keep(path: Path, url: str, secret: str | None) -> None:
    """Keep the secret for that server, in place of the one before; None forgets it.

    Raises:
        SessionFile: the file cannot be read or written.
    """
    found = {name: value for name, value in _read(path).items() if name != url}
    if secret is not None:
        found[url] = secret
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            json.dump(found, stream)
        part.replace(path)
    except OSError as error:
        raise SessionFile(f"{path} cannot be written: {error.strerror or error}") from error


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            data = stream.read(_MAX_BYTES)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SessionFile(f"{path} cannot be read: {error.strerror or error}") from error
    if mode & 0o077:
        raise SessionFile(
            f"{path} can be read by others (mode {mode:o})",
            hint=f"rm {path}, have your sessions ended on the server, and log in again",
        )
    damaged = SessionFile(f"{path} is damaged", hint=f"rm {path} and log in again")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise damaged from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise damaged
    return found
