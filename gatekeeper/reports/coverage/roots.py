"""File names of a coverage report, relative to the folders below which it says they are."""

import re
from collections.abc import Iterable

from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.paths import normal_path

MAX_CHARS = 4096
_DRIVE = re.compile(r"[A-Za-z]:/")


class Roots:
    """The folders below which a report says its files are (`<source>` of Cobertura)."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        folders = {normal_path(name) for name in names if name.strip()}
        self._absolute = {folder for folder in folders if _is_absolute(folder)}
        # With several roots nobody can say under which one a relative name stands.
        only = next(iter(folders)) if len(folders) == 1 else "."
        self._prefix = "" if only == "." or _is_absolute(only) else f"{only}/"

    def path(self, name: str) -> str:
        """`name` with forward slashes, no `.` and no inner `..`, relative to the longest root that holds it.

        A relative name is put below the only root when that is a relative folder (coverage.py with
        `relative_files`). A name under no root stays as it is: absolute, or relative to what only the sender
        knows. A leading `..` is kept, so that a name never turns into that of another file.

        Raises:
            UnreadableReport: `wrong-shape`, when the name is empty or longer than 4,096 characters.
        """
        if not name.strip():
            raise UnreadableReport("wrong-shape", detail="a file without a name")
        if len(name) > MAX_CHARS:
            detail = f"the name of a file is longer than {MAX_CHARS} characters"
            raise UnreadableReport("wrong-shape", detail=detail)
        path = normal_path(name)
        if not _is_absolute(path):
            return normal_path(self._prefix + path) if self._prefix else path
        return self._inside(path) if self._absolute else path

    def _inside(self, path: str) -> str:
        slash = path.rfind("/")
        while slash > 1:
            if path[:slash] in self._absolute:
                return path[slash + 1 :]
            slash = path.rfind("/", 0, slash)
        is_below_top = "/" in self._absolute and path[:1] == "/" and path[1:2] not in ("", "/")
        return path[1:] if is_below_top else path


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or bool(_DRIVE.match(path))
