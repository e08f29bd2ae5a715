"""What `scanners/<tool>/` says of a tool: manifest, pinned requirements and their digest."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gatekeeper.canonical import digest_of_bytes

_PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """`scanners/<tool>/manifest.toml` and the requirement file beside it."""

    name: str
    title: str
    homepage: str
    module: str
    """Started as `python -I -m <module>`."""
    package: str
    """The distribution whose pin is the version of the tool."""
    files: tuple[str, ...]
    """Patterns (`fnmatch`) of the files that the tool reads: on the file name; with a folder in them
    (`docs/*.txt`), on the end of the path."""
    niceness: int
    """How far it gives way to the other scanners, 0-19. The slowest has 0: it ends the scan."""
    requirements: Path

    @property
    def requirements_digest(self) -> str:
        """`sha256:<hex>` of the pinned, hashed requirement file."""
        return digest_of_bytes(self.requirements.read_bytes())

    @property
    def version(self) -> str:
        """The pinned version of the tool.

        Raises:
            ValueError: the requirement file does not pin the tool.
        """
        pin = re.search(
            rf"^{re.escape(self.package)}==(\S+)", self.requirements.read_text("utf-8"), re.MULTILINE
        )
        if pin is None:
            raise ValueError(f"{self.requirements} does not pin {self.package}")
        return pin[1]


def tools_folder() -> Path:
    """The folder with one folder per tool: inside the wheel, or `scanners/` of a source checkout."""
    installed = _PACKAGE / "_tools"
    return installed if installed.is_dir() else _PACKAGE.parent


@cache
def manifest_in(folder: Path) -> Manifest:
    """The manifest in `folder`, whose name is the name of the tool.

    Raises:
        FileNotFoundError, tomllib.TOMLDecodeError, KeyError: the folder is damaged.
    """
    table = tomllib.loads((folder / "manifest.toml").read_text("utf-8"))
    return Manifest(
        name=folder.name,
        title=table["title"],
        homepage=table["homepage"],
        module=table["module"],
        package=table["package"],
        files=tuple(table["files"]),
        niceness=int(table.get("niceness", 0)),
        requirements=folder / "requirements.txt",
    )
