"""File names as coverage tools write them, made into one spelling."""

import posixpath
import re
from collections.abc import Iterable

from gatekeeper.reports.interface import UnreadableReport

MAX_CHARS = 4096
_DRIVE = re.compile(r"[A-Za-z]:/")


def source_path(name: str, roots: Iterable[str] = ()) -> str:
    """`name` with forward slashes, no `.`, no inner `..`, relative to the longest of `roots` that holds it.

    A name under no root stays as it is: absolute, or relative to what only the sender knows. A leading `..`
    is kept, so that a name never turns into that of another file.

    Raises:
        UnreadableReport: `wrong-shape`, when the name is empty or longer than 4,096 characters.
    """
    if not name.strip() or len(name) > MAX_CHARS:
        what = (
            "without a name"
            if len(name) <= MAX_CHARS
            else f"whose name is longer than {MAX_CHARS} characters"
        )
        raise UnreadableReport("wrong-shape", detail=f"a file {what}")
    path = _clean(name)
    for root in sorted((_clean(root) for root in roots if _is_absolute(_clean(root))), key=len, reverse=True):
        inside = path.removeprefix(root.rstrip("/") + "/")
        if inside != path and inside and not inside.startswith("/"):
            return inside
    return path


def joined(roots: list[str], name: str) -> str:
    """`name` under the only root when that is a relative folder (coverage.py `relative_files`), else `name`.

    With several roots nobody can say under which one a relative name stands, so it is left alone.
    """
    root = _clean(roots[0]) if len(roots) == 1 and roots[0].strip() else "."
    if root == "." or _is_absolute(root) or _is_absolute(_clean(name)):
        return name
    return f"{root}/{name}"


def _clean(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/"))


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or bool(_DRIVE.match(path))
