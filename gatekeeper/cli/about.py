"""The subject of a local evaluation: flags first, then git, then what a person has to be told."""

import re
from collections.abc import Callable
from pathlib import Path

from gatekeeper.cli.git import NoCheckout, checkout, tree_of
from gatekeeper.errors import UsageError
from gatekeeper.subject import Source, Subject


def subject_of(
    *,
    project: str | None,
    commit: str | None,
    tree: str | None,
    artifact: str | None,
    ref: str | None,
    cwd: Path,
    tell: Callable[[str], None],
) -> Subject:
    """What the decision is about. `tell` gets what git could not prove.

    Raises:
        UsageError: an id, digest or project is not well-formed, or a commit is unknown and no tree was given.
    """
    here = checkout(cwd)
    source: Source | None = None
    try:
        if tree is not None or commit is not None:
            source = _named(commit, tree, cwd)
        elif isinstance(here, NoCheckout):
            tell(f"the source is unknown: {here.reason}; --commit and --tree name it")
        else:
            source, ref = here.source, ref or here.ref
            if here.is_changed:
                tell("tracked files differ from the commit: the reports may be of other content")
        name = project or _project(cwd.name if isinstance(here, NoCheckout) else here.folder)
        return Subject(project=name, source=source, artifact=artifact, ref=ref)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _named(commit: str | None, tree: str | None, cwd: Path) -> Source:
    if tree is not None:
        return Source(tree=tree, commit=commit)
    found = tree_of(commit or "", cwd)
    if found is None:
        raise UsageError(
            f"commit {commit!r} is not known to a repository here",
            hint="add --tree with the output of `git rev-parse COMMIT^{tree}`",
        )
    return found


def _project(folder: str) -> str:
    """A folder name as a project path: other characters become `-`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", folder).strip("-") or "local"
