"""The files that a person names: every one of them becomes an input, a note or a refusal, never nothing."""

import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.errors import UsageError

STDIN = "-"
MAX_FILES = 10_000
RECORD_SUFFIX = ".run.json"
"""The runner's record of a scan, beside the report `<tool>.json`."""

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})=(.+)", re.DOTALL)


class NoSuchFile(UsageError):
    """A path on the command line leads nowhere."""

    code = "no-such-file"


@dataclass(frozen=True, kw_only=True)
class Given:
    """One file to read."""

    path: Path | None
    """None for standard input."""
    name: str = "default"
    """The slot name: `e2e` in `e2e=report.xml`."""
    job: str
    """The path as seen from the working directory, with forward slashes: the same file, the same slot."""

    @property
    def is_record(self) -> bool:
        """True for the runner's record of a scan, which is read together with its report."""
        return self.path is not None and self.path.name.endswith(RECORD_SUFFIX)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The files in a stable order, and what a person should know about how they were found."""

    files: tuple[Given, ...]
    notes: tuple[str, ...] = ()


def select(arguments: Sequence[str], *, cwd: Path) -> Selection:
    """The files behind `arguments`: paths, `NAME=PATH`, `-`, and folders with everything in them.

    A folder gives all its files, at any depth, sorted; hidden ones and linked folders are left out and noted.
    A file named twice is read once; a `NAME=` for it wins over a folder that also holds it.

    Raises:
        NoSuchFile: a path does not exist.
        UsageError: one file has two names, a folder is empty or holds a pipe or device, or there are too many
            files.
    """
    found: dict[str, Given] = {}
    named: set[str] = set()
    notes: list[str] = []
    for argument in arguments:
        name, text = _split(argument, cwd)
        for given in _expand(text, name or "default", cwd, notes):
            if name is None and given.job in found:
                continue
            if name is not None and given.job in named and found[given.job].name != name:
                other = found[given.job].name
                raise UsageError(f"{given.job} is given under two names, {other!r} and {name!r}")
            if name is not None:
                named.add(given.job)
            found[given.job] = given
    if len(found) > MAX_FILES:
        raise UsageError(
            f"{len(found):,} files; the limit is {MAX_FILES:,}", hint="name the reports instead of a folder"
        )
    return Selection(files=tuple(found[job] for job in sorted(found)), notes=tuple(notes))


def _split(argument: str, cwd: Path) -> tuple[str | None, str]:
    found = _NAMED.fullmatch(argument)
    if found is None or (cwd / argument).exists():
        return None, argument
    return found[1], found[2]


def _expand(text: str, name: str, cwd: Path, notes: list[str]) -> Iterable[Given]:
    if text == STDIN:
        yield Given(path=None, name=name, job=STDIN)
        return
    path = cwd / text
    if not path.exists():
        raise NoSuchFile(f"{text} does not exist", hint="every path must lead to a file or a folder")
    if not path.is_dir():
        yield Given(path=path, name=name, job=_job(path, cwd))
        return
    inside = list(_files_in(path, text, notes))
    if not inside:
        raise UsageError(f"the folder {text} holds no files", hint="an empty folder proves nothing")
    yield from (Given(path=file, name=name, job=_job(file, cwd)) for file in inside)


def _files_in(folder: Path, text: str, notes: list[str]) -> Iterable[Path]:
    hidden = linked = 0
    for root, folders, files in os.walk(folder):
        here = Path(root)
        linked += sum((here / inner).is_symlink() for inner in folders)
        hidden += sum(inner.startswith(".") for inner in (*folders, *files))
        folders[:] = sorted(inner for inner in folders if not inner.startswith("."))
        yield from (_plain(here / file, text) for file in sorted(files) if not file.startswith("."))
    if hidden:
        notes.append(f"{text}: {hidden:,} hidden files or folders were not read; name them to have them read")
    if linked:
        notes.append(f"{text}: {linked:,} linked folders were not followed; name them to have them read")


def _plain(path: Path, folder: str) -> Path:
    """`path`, unless opening it could wait for ever: a pipe without writer. Closed files are met later."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return path
    if not stat.S_ISREG(mode):
        raise UsageError(
            f"{path.name!r} in the folder {folder} is a pipe, socket or device, not a report",
            hint="take it away, or name the files of the folder one by one",
        )
    return path


def _job(path: Path, cwd: Path) -> str:
    """The path from `cwd`. Distinct files have distinct jobs, or one would replace the other."""
    job = Path(os.path.relpath(path, cwd)).as_posix()
    try:
        job.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"the file name {job!r} is not UTF-8", hint="rename the file") from error
    return f"./{job}" if job == STDIN else job
