"""What git says about the working directory: the source, whether it is changed, the ref, a project name.

The repository may be a stranger's, so nothing that its configuration names is run: no hooks, no fsmonitor, no
filters, no pager, no prompts, and nothing of our environment that would point git elsewhere.
"""

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.subject import Source

_TIMEOUT_S = 20
_MAX_COMMIT_BYTES = 64 * 1024
"""What a server takes as proof; a longer message than that goes without."""
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")
_KEPT = ("PATH", "HOME", "SYSTEMROOT", "TMPDIR")


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A work tree at a commit."""

    source: Source
    ref: str | None
    """The branch; None when none is checked out, as in most pipelines."""
    folder: str
    """Name of the top folder."""
    is_changed: bool
    """True when tracked files differ from the commit: reports of this tree are not reports of the source."""


@dataclass(frozen=True, kw_only=True)
class NoCheckout:
    """Why git could not say what the source is."""

    reason: str


def checkout(folder: Path) -> Checkout | NoCheckout:
    """What git knows of `folder`; never raises for a folder without a repository or a machine without git."""
    if shutil.which("git") is None:
        return NoCheckout(reason="git is not installed")
    ids = _git(folder, "rev-parse", "--verify", "HEAD^{commit}")
    tree = _git(folder, "rev-parse", "--verify", "HEAD^{tree}")
    top = _git(folder, "rev-parse", "--show-toplevel")
    if ids is None or tree is None or top is None:
        return NoCheckout(reason="this folder is not in a git repository with a commit that git lets us read")
    return Checkout(
        source=Source(tree=tree, commit=ids),
        ref=_git(folder, "symbolic-ref", "--short", "-q", "HEAD") or None,
        folder=Path(top).name,
        is_changed=_is_changed(folder),
    )


def tree_of(commit: str, folder: Path) -> Source | None:
    """The source of `commit` (hex, may be shortened); None when the repository in `folder` lacks it."""
    if not re.fullmatch(r"[0-9a-f]{4,64}", commit):
        return None
    full = _git(folder, "rev-parse", "--verify", f"{commit}^{{commit}}")
    tree = _git(folder, "rev-parse", "--verify", f"{commit}^{{tree}}")
    return Source(tree=tree, commit=full) if full and tree else None


def commit_object(commit: str, folder: Path) -> bytes | None:
    """The raw commit object, which proves what tree the commit has; None when it is not here or is another's.

    A commit id is the hash of these bytes, so whoever gets them needs no repository to check the tree.
    """
    if not re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", commit):
        return None
    data = _git_bytes(folder, "cat-file", "commit", commit)
    if data is None or len(data) > _MAX_COMMIT_BYTES:
        return None
    algorithm = hashlib.sha1 if len(commit) == 40 else hashlib.sha256
    made = algorithm(b"commit %d\0" % len(data) + data, usedforsecurity=False)
    return data if made.hexdigest() == commit else None


def origin_path(folder: Path) -> str | None:
    """The path of the remote `origin` as a project, such as `pay/api`; None when there is none."""
    return path_of_url(_git(folder, "config", "--get", "remote.origin.url") or "")


def path_of_url(url: str) -> str | None:
    """`pay/api` of `https://host/pay/api.git`, `git@host:pay/api` and their like; None for a local path."""
    found = re.fullmatch(r"(?:[a-z+]+://[^/]+/|[^/@:\s]+@[^/:\s]+:)/*(.+?)(?:\.git)?/*", url.strip())
    path = found[1] if found else ""
    return path if re.fullmatch(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", path) else None


def _is_changed(folder: Path) -> bool:
    """True unless git shows that no tracked file differs from the commit.

    `status` pipes files through the `clean` programs that the repository configures; they are set to
    nothing. A file of git-lfs whose time moved then looks changed, which is only a note too many.
    """
    keys = _git(folder, "config", "--null", "--name-only", "--get-regexp", r"^filter\..*") or ""
    filters = {key.rpartition(".")[0] for key in keys.split("\0") if key}
    if any("=" in name or "\n" in name for name in filters):
        return True
    words = (f"{name}.{key}" for name in sorted(filters) for key in ("clean=", "process=", "required=false"))
    off = [part for word in words for part in ("-c", word)]
    arguments = ("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty")
    return _git(folder, *off, *arguments) != ""


def _git(folder: Path, *arguments: str) -> str | None:
    """Standard output without the last newline; None when git fails."""
    data = _git_bytes(folder, *arguments)
    return data.decode("utf-8", "replace").strip() if data is not None else None


def _git_bytes(folder: Path, *arguments: str) -> bytes | None:
    """Standard output as it is; None when git fails.

    Replacement objects (`git replace`) would show another commit under the same id; they are not looked at.
    """
    environ = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environ |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    environ["GIT_NO_REPLACE_OBJECTS"] = "1"
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, and ids that were checked to be hex
            ["git", *_SAFE, *arguments],  # noqa: S607 - git is where the user's PATH says
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
