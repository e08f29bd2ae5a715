"""pip's requirements format, read as pip 26 reads it, line by line, without pip.

A line that pins one exact version is audited whatever its marker says: it is installed somewhere. What names
the project's own code (`-e .`, a folder of the target) is no dependency. Everything else is left out by name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from gatekeeper_scanners.dependency_lists.interface import MAX_LIST_BYTES, Collected, Pin, inside

_COMMENT = re.compile(r"(^|\s+)#.*$")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_INCLUDE = re.compile(r"(-r|--requirement|-c|--constraint)[\s=]*(.+)")
_EDITABLE = re.compile(r"(-e|--editable)[\s=]*(.+)")
_EXTRAS = re.compile(r"\[[^\]]*\]$")
_ARCHIVE = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
_SETTINGS = (
    "-i", "--index-url", "--pypi-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--no-binary",
    "--only-binary", "--prefer-binary", "--require-hashes", "--pre", "--trusted-host", "--use-feature",
)  # fmt: skip
_MAX_FILE_READS = 20_000
"""Files read for all lists together; lists that include each other widely could ask for millions."""

_ELSEWHERE = "comes from a file or address, not from an index"


@dataclass
class _List:
    """One list with everything that it includes."""

    collected: Collected
    read: set[tuple[str, bool]] = field(default_factory=set)
    """(file, whether as constraints)."""
    constraints: set[Pin] = field(default_factory=set)
    loose: list[tuple[str, str, str]] = field(default_factory=list)
    """(place, entry, normalised name) of requirements without an exact version."""


class RequirementFiles:
    """The requirement files of one target.

    `own_names` are the normalised names of its own projects: asking for one without a version asks for the
    project itself.
    """

    def __init__(self, source: Path, files: frozenset[str], own_names: frozenset[str]) -> None:
        self._source = source
        self._files = files
        self._own_names = own_names
        self._cache: dict[str, list[tuple[int, str]] | None] = {}
        self._reads = 0

    def read(self, name: str, into: Collected) -> None:
        """Collect what the list `name` asks for, with what it includes.

        Each list stands for itself: what is pinned only by constraints of another list is not pinned in it.
        """
        listed = _List(collected=into)
        self._file(name, listed, is_constraint=False)
        versions: dict[str, list[str]] = {}
        for pin in sorted(listed.constraints):
            versions.setdefault(pin.name, []).append(pin.version)
        for place, entry, wanted in listed.loose:
            for version in versions.get(wanted, ()):
                into.pin(wanted, version, place)
            if wanted not in versions and wanted not in self._own_names:
                into.leave_out(place, entry, "no exact version")

    def _file(self, name: str, listed: _List, *, is_constraint: bool) -> None:
        if (name, is_constraint) in listed.read:
            return
        listed.read.add((name, is_constraint))
        self._reads += 1
        if self._reads > _MAX_FILE_READS:
            listed.collected.leave_out(name, name, f"more than {_MAX_FILE_READS:,} files to read")
            return
        if name not in self._cache:
            text = _text(self._source / name)
            self._cache[name] = None if text is None else list(logical_lines(text))
        lines = self._cache[name]
        if lines is None:
            listed.collected.leave_out(name, name, "the list cannot be read as text")
            return
        for number, line in lines:
            place = f"{name}:{number}"
            if found := _INCLUDE.fullmatch(line):
                constrains = is_constraint or found[1] in ("-c", "--constraint")
                self._include(found[2], name, place, listed, is_constraint=constrains)
            elif is_constraint:
                listed.constraints |= _pins(line)
            else:
                _requirement(line, name, place, listed)

    def _include(self, path: str, name: str, place: str, listed: _List, *, is_constraint: bool) -> None:
        inner = inside(PurePosixPath(name).parent, path)
        if inner is None or str(inner) not in self._files:
            listed.collected.leave_out(place, path, "the file is not among the dependency lists")
        else:
            self._file(str(inner), listed, is_constraint=is_constraint)


def _requirement(line: str, name: str, place: str, listed: _List) -> None:
    editable = _EDITABLE.fullmatch(line)
    if line.startswith("-") and not editable:
        if re.split(r"[\s=]", line, maxsplit=1)[0] not in _SETTINGS:
            listed.collected.leave_out(place, line, "an option that is not known")
        return
    text = _without_options(editable[2] if editable else line)
    if _VARIABLE.search(text):
        listed.collected.leave_out(place, text, "depends on an environment variable")
    elif editable or _is_place(text):
        if not _is_own_folder(text, PurePosixPath(name).parent):
            listed.collected.leave_out(place, text, _ELSEWHERE)
    else:
        _named(text, place, listed)


def _named(text: str, place: str, listed: _List) -> None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        listed.collected.leave_out(place, text, "not a valid requirement")
        return
    version = _exact(requirement)
    if requirement.url is not None:
        listed.collected.leave_out(place, text, _ELSEWHERE)
    elif version is not None:
        listed.collected.pin(requirement.name, version, place)
    else:
        listed.loose.append((place, text, canonicalize_name(requirement.name)))


def _pins(line: str) -> set[Pin]:
    scratch = Collected()
    try:
        requirement = Requirement(_without_options(line))
    except InvalidRequirement:
        return set()
    version = _exact(requirement)
    if version is not None and requirement.url is None:
        scratch.pin(requirement.name, version, "")
    return scratch.pins


def _exact(requirement: Requirement) -> str | None:
    exact = [s.version for s in requirement.specifier if s.operator in ("==", "===") and "*" not in s.version]
    return exact[0] if len(exact) == 1 else None


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_LIST_BYTES + 1)
        if len(data) > MAX_LIST_BYTES:
            return None
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first line: continued, without comments, never empty."""
    first, parts = 0, list[str]()
    for number, raw in enumerate(text.splitlines(), start=1):
        first = first if parts else number
        is_comment = raw.lstrip().startswith("#")
        if raw.endswith("\\") and not is_comment:
            parts.append(raw.strip("\\"))
            continue
        # pip puts a space before a comment that ends a continued line, so that it is seen as one.
        parts.append(f" {raw}" if is_comment else raw)
        if line := _COMMENT.sub("", "".join(parts)).strip():
            yield first, line
        parts = []
    if line := _COMMENT.sub("", "".join(parts)).strip():
        yield first, line


def _without_options(line: str) -> str:
    """The requirement before options of its own, such as `--hash=...`."""
    words = line.split()
    options = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    return " ".join(words[:options])


def _is_place(text: str) -> bool:
    """A path or an address without a name before it; `name @ address` is a requirement."""
    head = text.split(";", 1)[0].split(" @ ", 1)[0].strip()
    return "/" in head or head.startswith((".", "file:")) or head.lower().endswith(_ARCHIVE)


def _is_own_folder(text: str, folder: PurePosixPath) -> bool:
    bare = _EXTRAS.sub("", text.split(";", 1)[0].strip()).removeprefix("file:")
    if "://" in text or bare.startswith("//") or bare.lower().endswith(_ARCHIVE):
        return False
    return inside(folder, bare) is not None
