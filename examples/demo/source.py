"""The shop under version control: each state is a commit, and each commit has a tree."""

import hashlib
import shutil
import tarfile
from io import BytesIO
from pathlib import Path

from workshop import Workshop

_IDENTITY = ("-c", "user.name=Shop Team", "-c", "user.email=shop@example.com", "-c", "commit.gpgsign=false")


class Repository:
    """The folder `shop` as a git repository; without git, its states are named by a digest of its files."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self.has_git = shutil.which("git") is not None
        if self.has_git:
            (shop.folder / "shop" / ".gitignore").write_text("__pycache__/\n.coverage*\n")
            shop.output_of("git", "init", "-q", "-b", "main", cwd="shop")

    def commit(self, message: str) -> str:
        """Make a commit of everything; its id."""
        if not self.has_git:
            self._shop.narrator.say("(there is no git here; a digest of the files stands for the commit)")
            return self._digest()
        self._shop.run("git", "add", "-A", cwd="shop")
        self._shop.run("git", *_IDENTITY, "commit", "-q", "-m", message, cwd="shop")
        return self._shop.output_of("git", "rev-parse", "HEAD", cwd="shop")

    def flags(self) -> tuple[str, ...]:
        """What commands need to be told: nothing where git says it."""
        return () if self.has_git else ("--commit", self._digest(), "--tree", self._digest())

    def build(self, target: Path) -> str:
        """Pack the shop as what would be deployed; its digest, `sha256:...`."""
        packed = BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path in self._files():
                entry = archive.gettarinfo(str(path), arcname=path.relative_to(self._root).as_posix())
                entry.uid = entry.gid = 0
                entry.uname = entry.gname = ""
                entry.mtime = 0  # the same files, the same digest
                with path.open("rb") as stream:
                    archive.addfile(entry, stream)
        target.write_bytes(packed.getvalue())
        return "sha256:" + hashlib.sha256(packed.getvalue()).hexdigest()

    @property
    def _root(self) -> Path:
        return self._shop.folder / "shop"

    def _files(self) -> list[Path]:
        skipped = {".git", "__pycache__"}
        found = (path for path in self._root.rglob("*") if path.is_file())
        return sorted(path for path in found if not skipped & set(path.relative_to(self._root).parts))

    def _digest(self) -> str:
        hasher = hashlib.sha1(usedforsecurity=False)
        for path in self._files():
            hasher.update(path.relative_to(self._root).as_posix().encode() + b"\0" + path.read_bytes())
        return hasher.hexdigest()
