"""Paths as a report writes them -> forward slashes, no `.`, no `..` where it can be resolved."""

import posixpath


def normal_path(path: str) -> str:
    r"""`path` with forward slashes, without `./`, doubled slashes and inner `..`; case and spaces are kept.

    `.\src\a.py` and `src//a.py` give `src/...`; a leading `/`, a drive letter or `..` stays, since guessing
    a root could make two files one.
    """
    if not ("\\" in path or "./" in path or "//" in path or path.endswith(("/", "/.", "/.."))):
        return path
    return posixpath.normpath(path.replace("\\", "/"))
