"""What git may say, and what a hostile repository may not do."""

import os
import subprocess
from pathlib import Path

import pytest

from gatekeeper.cli.about import subject_of
from gatekeeper.cli.git import Checkout, NoCheckout, checkout, tree_of
from gatekeeper.errors import UsageError
from gatekeeper.subject import Subject


def subject(folder: Path, told: list[str] | None = None, **flags: str) -> Subject:
    """The subject in `folder` with these flags; what has to be said goes to `told`."""
    given = {"project": None, "commit": None, "tree": None, "artifact": None, "ref": None} | flags
    return subject_of(**given, cwd=folder, tell=(told if told is not None else []).append)


def git(folder: Path, *arguments: str) -> str:
    """Run git as a person would."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def repository_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "my shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "app.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def test_a_checkout_has_commit_tree_and_branch(repository_folder: Path) -> None:
    """The ids are those of git itself."""
    found = checkout(repository_folder)
    assert isinstance(found, Checkout)
    assert found.source.commit == git(repository_folder, "rev-parse", "HEAD")
    assert found.source.tree == git(repository_folder, "rev-parse", "HEAD^{tree}")
    assert (found.ref, found.is_changed) == ("main", False)


def test_a_changed_tree_is_said(repository_folder: Path) -> None:
    """Reports of uncommitted content are not reports of the commit; new files such as reports are fine."""
    (repository_folder / "report.xml").write_text("")
    assert not checkout(repository_folder).is_changed
    (repository_folder / "app.py").write_text("x = 2\n")
    assert checkout(repository_folder).is_changed


def test_no_repository_is_no_error(tmp_path: Path) -> None:
    """The source is unknown then, and the reason is given."""
    told: list[str] = []
    found = subject(tmp_path, told)
    assert isinstance(checkout(tmp_path), NoCheckout)
    assert found.source is None
    assert "the source is unknown" in told[0]


def test_the_folder_names_the_project(repository_folder: Path) -> None:
    """Characters that a project cannot have become hyphens."""
    found = subject(repository_folder)
    assert (found.project, found.ref) == ("my-shop", "main")


def test_flags_win_over_git(repository_folder: Path) -> None:
    """A pipeline that knows better is believed, and git is not mixed in."""
    found = subject(repository_folder, project="pay/api", commit="1" * 40, tree="2" * 40, ref="v1")
    assert found.source is not None
    assert (found.project, found.source.tree, found.ref) == ("pay/api", "2" * 40, "v1")


def test_a_commit_without_its_tree_is_looked_up(repository_folder: Path) -> None:
    """Also when it is shortened; an unknown one is refused with the way to name its tree."""
    commit = git(repository_folder, "rev-parse", "HEAD")
    assert tree_of(commit[:8], repository_folder).commit == commit
    with pytest.raises(UsageError, match="not known to a repository here"):
        subject_of(
            project=None,
            commit="f" * 40,
            tree=None,
            artifact=None,
            ref=None,
            cwd=repository_folder,
            tell=print,
        )


@pytest.mark.parametrize("commit", ["--output=/tmp/x", "HEAD", "main", "a b"])
def test_only_ids_reach_git(commit: str, repository_folder: Path) -> None:
    """A commit is hex: no option, no ref, no revision syntax."""
    assert tree_of(commit, repository_folder) is None


def test_a_hostile_repository_runs_nothing(repository_folder: Path, tmp_path: Path) -> None:
    """Its fsmonitor, hooks, pager and filters have no say."""
    marker = tmp_path / "owned"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch '{marker}'\n")
    script.chmod(0o755)
    git(repository_folder, "config", "core.fsmonitor", str(script))
    git(repository_folder, "config", "core.pager", str(script))
    git(repository_folder, "config", "core.hooksPath", str(tmp_path))
    git(repository_folder, "config", "filter.evil.clean", str(script))
    git(repository_folder, "config", "filter.evil.required", "true")
    (repository_folder / ".git" / "info" / "attributes").write_text("* filter=evil\n")
    (repository_folder / "app.py").write_text("x = 3\n")
    assert isinstance(checkout(repository_folder), Checkout)
    assert not marker.exists()


def test_git_variables_of_the_environment_are_ignored(
    repository_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`GIT_DIR` set by a hook would point to another repository."""
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    assert isinstance(checkout(repository_folder), Checkout)
