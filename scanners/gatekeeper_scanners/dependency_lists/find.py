"""Which files of a target are dependency lists, and everything that they ask for."""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from gatekeeper_scanners.dependency_lists.interface import Collected, LeftOut, Pin
from gatekeeper_scanners.dependency_lists.locks import read_lock
from gatekeeper_scanners.dependency_lists.requirements_txt import RequirementFiles

_LOCKS = ("pylock.toml", "pylock.*.toml", "poetry.lock", "uv.lock", "Pipfile.lock")


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What the dependency lists of one target ask for."""

    lists: tuple[str, ...]
    """The lists, those nearest to the root first. Lists of tests and documentation are lists like others."""
    pins: tuple[Pin, ...]
    """Sorted, each once."""
    left_out: tuple[LeftOut, ...]
    """Sorted, each once."""


def dependencies_of(source: Path, files: tuple[str, ...]) -> Dependencies:
    """Everything that the lists among `files` (relative to `source`) ask for.

    Lists are `*requirements*.txt`, `*.txt` in a folder called `requirements`, and lock files. Not looked at:
    what says which versions may be installed and not which are (`pyproject.toml`, `*.in`, `setup.py`), and
    constraint files, except where a list names them.
    """
    lists = sorted(
        (name for name in files if _is_requirements(name) or _is_lock(name)),
        key=lambda name: (name.count("/"), name),
    )
    collected = Collected()
    requirements = RequirementFiles(source, frozenset(files), _own_names(source, files))
    for name in lists:
        if _is_lock(name):
            read_lock(source, name, collected)
        else:
            requirements.read(name, collected)
    return Dependencies(
        lists=tuple(lists),
        pins=tuple(sorted(collected.pins)),
        left_out=tuple(sorted(collected.left_out, key=lambda entry: entry.order)),
    )


def _is_requirements(name: str) -> bool:
    path = PurePosixPath(name)
    if path.suffix != ".txt" or path.name.startswith("constraints"):
        return False
    return fnmatchcase(path.name, "*requirements*.txt") or path.parent.name == "requirements"


def _is_lock(name: str) -> bool:
    return any(fnmatchcase(PurePosixPath(name).name, pattern) for pattern in _LOCKS)


def _own_names(source: Path, files: tuple[str, ...]) -> frozenset[str]:
    names = set()
    for name in files:
        if PurePosixPath(name).name == "pyproject.toml" and (own := _project_name(source / name)):
            names.add(str(canonicalize_name(own)))
    return frozenset(names)


def _project_name(path: Path) -> str | None:
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    tool = table.get("tool")
    for place in (table.get("project"), tool.get("poetry") if isinstance(tool, dict) else None):
        if isinstance(place, dict) and isinstance(place.get("name"), str):
            return str(place["name"])
    return None
