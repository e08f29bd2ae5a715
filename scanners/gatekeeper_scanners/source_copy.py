"""A private copy of the files that scanners read, so that nothing else of the target can reach them.

The copy makes a scan safe and complete at once: symbolic links, devices and the target's own scanner
configuration (`.bandit`, `.semgrepignore`) are not in it, every tool sees the same bytes, and a tool that
writes into its input does not touch the target.
"""

import os
import shutil
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

EXCLUDED_FOLDERS = (
    ".git",
    ".hg",
    ".mypy_cache",
    ".tox",
    ".venv",
    "__pycache__",
    "build",
    "dist",
    "node_modules",
    "venv",
)
"""Folder names left out at any depth: fetched or built content, not the project's own source."""

_CONFIGURATION = frozenset({".bandit", ".semgrepignore"})
_FOLLOW_NOTHING = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True, kw_only=True)
class CopyLimits:
    """Bounds of the copy; what lies beyond is counted as not scanned."""

    max_files: int = 500_000
    max_file_bytes: int = 16 * 1024 * 1024
    max_total_bytes: int = 4 * 1024 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class SourceCopy:
    """What was copied, and what should have been. Paths are relative with forward slashes, sorted."""

    root: Path
    files: tuple[str, ...]
    unread: tuple[str, ...]
    """Wanted files that were not copied: not readable, too large, beyond the limits."""
    unread_folders: tuple[str, ...]
    """Folders that could not be listed; what is in them is unknown."""
    links_out: tuple[str, ...]
    """Symbolic links that lead out of the target to a folder or to a wanted file."""


def copy_source(
    target: Path,
    root: Path,
    *,
    patterns: tuple[str, ...],
    leave_out: Collection[Path] = (),
    limits: CopyLimits = CopyLimits(),
) -> SourceCopy:
    """Copy the regular files of `target` whose name matches one of `patterns` into the empty folder `root`.

    `leave_out` are folders that are skipped (the reports of an earlier run, our own caches). Names are
    compared as they are written. Nothing is followed, so nothing outside `target` is read.

    Raises:
        OSError: the copy cannot be written (disk full).
    """
    files: list[str] = []
    unread: list[str] = []
    unread_folders: list[str] = []
    links_out: list[str] = []
    total = 0
    for entry in _walk(target, leave_out, unread_folders):
        relative = Path(entry.path).relative_to(target)
        name = relative.as_posix()
        if entry.is_symlink():
            if _leaves(entry, target) and (entry.is_dir() or matches(name, patterns)):
                links_out.append(name)
        elif matches(name, patterns):
            room = min(limits.max_file_bytes, limits.max_total_bytes - total)
            size = _copy(entry.path, root / relative, room) if len(files) < limits.max_files else None
            if size is None:
                unread.append(name)
            else:
                total += size
                files.append(name)
    return SourceCopy(
        root=root,
        files=tuple(sorted(files)),
        unread=tuple(sorted(unread)),
        unread_folders=tuple(sorted(unread_folders)),
        links_out=tuple(sorted(links_out)),
    )


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """True when the relative `path` matches a pattern and is no configuration of a scanner.

    A pattern is compared with the file name; one with a folder in it, with the end of the path.
    """
    name = path.rpartition("/")[2]
    return name not in _CONFIGURATION and any(
        fnmatchcase(f"/{path}", f"*/{pattern}") if "/" in pattern else fnmatchcase(name, pattern)
        for pattern in patterns
    )


def _walk(target: Path, leave_out: Collection[Path], unread_folders: list[str]) -> Iterator[os.DirEntry[str]]:
    """Files and links below `target`, without descending into links and excluded folders."""
    pending = [os.fspath(target)]
    skipped = set(map(os.fspath, leave_out))
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            unread_folders.append(Path(folder).relative_to(target).as_posix())
            continue
        for entry in entries:
            if entry.name in EXCLUDED_FOLDERS and entry.is_dir():
                continue
            if not entry.is_dir(follow_symlinks=False):
                yield entry
            elif entry.path not in skipped:
                pending.append(entry.path)


def _leaves(link: os.DirEntry[str], target: Path) -> bool:
    """True when the link leads to something that exists outside the target."""
    try:
        return not Path(link.path).resolve(strict=True).is_relative_to(target)
    except (OSError, RuntimeError):  # it dangles, or leads in a circle
        return False


def _copy(source: str, destination: Path, max_bytes: int) -> int | None:
    """The size copied; None when it is not a readable regular file of at most `max_bytes`."""
    try:
        descriptor = os.open(source, _FOLLOW_NOTHING)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as reader:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > max_bytes:
            return None
        destination.parent.mkdir(parents=True, exist_ok=True)
        with destination.open("xb") as writer:
            shutil.copyfileobj(reader, writer, 1024 * 1024)
    return found.st_size
