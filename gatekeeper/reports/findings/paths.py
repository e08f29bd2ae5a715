"""Paths as a report writes them -> relative, forward slashes, no `.` or `..` where they can be resolved."""


def normal_path(path: str) -> str:
    r"""`path` with forward slashes, without `./`, doubled slashes and inner `..`; case and spaces are kept.

    `.\src\a.py` and `src//a.py` give `src/...`; a leading `/`, a drive letter or `..` stays, since guessing
    a root could make two files one.
    """
    if not ("\\" in path or "./" in path or "//" in path or path.endswith("/.")):
        return path
    text = path.replace("\\", "/")
    parts: list[str] = []
    for part in text.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        else:
            parts.append(part)
    return ("/" if text.startswith("/") else "") + "/".join(parts)
