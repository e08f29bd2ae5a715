"""What every reader of dependency lists returns: exact versions, and whatever could not be made one."""

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name
from packaging.version import Version

MAX_LIST_BYTES = 16 * 1024 * 1024
_SHOWN_CHARS = 100
_USERINFO = re.compile(r"//[^/@\s]*@")
_AFTER_PATH = re.compile(r"[?].*")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]")


@dataclass(frozen=True, order=True)
class Pin:
    """One exact version. `name` is normalised (PEP 503), `version` too (PEP 440)."""

    name: str
    version: str


@dataclass(frozen=True)
class LeftOut:
    """An entry that names code from elsewhere, but no version that advisories could be compared with."""

    place: str
    """`requirements.txt:12`, or the name of the list alone."""
    entry: str
    """As written, without credentials, cut to 100 characters."""
    reason: str

    @property
    def order(self) -> tuple[str, int, str]:
        """By list, line, entry."""
        name, _, line = self.place.rpartition(":")
        return (name, int(line), self.entry) if line.isdecimal() else (self.place, 0, self.entry)


@dataclass
class Collected:
    """What has been read so far."""

    pins: set[Pin] = field(default_factory=set)
    left_out: set[LeftOut] = field(default_factory=set)

    def pin(self, name: str, version: str, place: str) -> None:
        """Add an exact version; one that is not PEP 440 is left out."""
        try:
            self.pins.add(Pin(canonicalize_name(name, validate=True), str(Version(version))))
        except ValueError:  # also for a number of more digits than Python converts
            self.leave_out(place, f"{name}=={version}", "not a valid name and version")

    def leave_out(self, place: str, entry: str, reason: str) -> None:
        """Add an entry that cannot be audited."""
        self.left_out.add(LeftOut(place, shown(entry), reason))


def shown(entry: str) -> str:
    """`entry` fit for a record that others read: no credentials, no query, no control characters."""
    bare = _AFTER_PATH.sub("", _USERINFO.sub("//", entry)) if "//" in entry else entry
    text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", bare).strip()
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 3] + "..."


def inside(folder: PurePosixPath, path: str) -> PurePosixPath | None:
    """`path`, as written in a list that lies in `folder`, relative to the target; None when it leads out."""
    if path.startswith("/") or "\\" in path:
        return None
    parts: list[str] = []
    for part in (*folder.parts, *PurePosixPath(path).parts):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)
