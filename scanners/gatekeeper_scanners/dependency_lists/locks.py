"""Lock files: pylock.toml (PEP 751), poetry.lock, uv.lock and Pipfile.lock.

Every entry is read, whatever its marker, group or extra: it is installed somewhere.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gatekeeper_scanners.dependency_lists.interface import MAX_LIST_BYTES, Collected, inside

_OWN_FOLDER = ("directory", "editable", "virtual")
_ELSEWHERE = ("vcs", "archive", "git", "url", "path", "file", "hg", "svn", "bzr")


def read_lock(source: Path, name: str, collected: Collected) -> None:
    """Collect what the lock file `name` pins. One that cannot be read is left out as a whole."""
    try:
        entries = list(_entries(source, name))
    except (OSError, ValueError, RecursionError) as exc:
        collected.leave_out(name, name, f"the list cannot be read: {_short(exc)}")
        return
    for entry in entries:
        _collect(entry, name, collected)


def _entries(source: Path, name: str) -> Iterator[Mapping[str, Any]]:
    """The tables of the packages, under the words of the format.

    Raises:
        ValueError: not TOML or JSON, not the shape, too large.
    """
    with (source / name).open("rb") as stream:
        data = stream.read(MAX_LIST_BYTES + 1)
    if len(data) > MAX_LIST_BYTES:
        raise ValueError(f"larger than {MAX_LIST_BYTES:,} bytes")
    if name.endswith("Pipfile.lock"):
        yield from _pipfile(json.loads(data))
        return
    table = tomllib.loads(data.decode("utf-8-sig"))
    packages = table.get("packages", table.get("package", []))
    if not isinstance(packages, list) or not all(isinstance(entry, dict) for entry in packages):
        raise ValueError("`package` is no list of tables")
    if not packages and not table.keys() & {"lock-version", "version", "metadata"}:
        raise ValueError("it lists no packages and is no lock file")
    yield from packages


def _pipfile(document: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(document, dict):
        raise ValueError("not an object")
    for section, packages in document.items():
        if section == "_meta":
            continue
        if not isinstance(packages, dict) or not all(isinstance(entry, dict) for entry in packages.values()):
            raise ValueError(f"{section!r} is no table of packages")
        for name, entry in packages.items():
            version = entry.get("version")
            exact = version[2:] if isinstance(version, str) and version.startswith("==") else None
            where = {"directory": entry["path"]} if entry.get("editable") and "path" in entry else entry
            yield {"name": name, "version": exact, "source": where}


def _collect(entry: Mapping[str, Any], name: str, collected: Collected) -> None:
    package, version = entry.get("name"), entry.get("version")
    if not isinstance(package, str):
        collected.leave_out(name, repr(package), "a package without a name")
        return
    where = _where_from(entry)
    own = next((where[key] for key in _OWN_FOLDER if key in where), None)
    if own is not None:
        if inside(PurePosixPath(name).parent, str(own)) is None:
            collected.leave_out(name, package, "comes from a folder outside the project")
    elif any(key in where for key in _ELSEWHERE):
        collected.leave_out(name, package, "comes from a file or address, not from an index")
    elif not isinstance(version, str):
        collected.leave_out(name, package, "no exact version")
    else:
        collected.pin(package, version, name)


def _where_from(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where it comes from: uv says it by key, poetry by `type` and `url`, PEP 751 beside the name."""
    source = entry.get("source")
    if isinstance(source, dict):
        kind = source.get("type")
        return {str(kind): source.get("url", "")} if isinstance(kind, str) else source
    beside = {key: entry[key] for key in ("vcs", "archive", "directory") if key in entry}
    if isinstance(folder := beside.get("directory"), dict):
        return {"directory": folder.get("path", "")}
    return beside


def _short(exc: Exception) -> str:
    return str(exc).split("\n", 1)[0][:120]
