"""What git itself writes as a commit proves its tree."""

import os
import subprocess
from pathlib import Path

import pytest

from gatekeeper.git_objects import CommitNotProven, tree_in_commit

PEOPLE = {
    f"GIT_{role}_{what}": f"{what}@example.com"
    for role in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


class Repository:
    """A git repository in a folder of the test."""

    def __init__(self, folder: Path, object_format: str) -> None:
        self._folder = folder
        self.git("init", "-q", "-b", "main", f"--object-format={object_format}")

    def git(self, *arguments: str) -> bytes:
        """The output of a git command, with nobody's settings."""
        bare = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "GIT_CONFIG_NOSYSTEM": "1"}
        command = ["git", "-C", str(self._folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, env=bare | PEOPLE).stdout

    def commit(self, message: str, *options: str) -> None:
        """Commit a file that has the message."""
        (self._folder / "file").write_text(message)
        self.git("add", "file")
        self.git("commit", "-q", "-m", message, *options)

    def proven(self, name: str) -> tuple[str, str]:
        """The tree of a commit, as git says and as its bytes prove."""
        raw = self.git("cat-file", "commit", name)
        said = self.git("rev-parse", f"{name}^{{tree}}").decode().strip()
        return said, tree_in_commit(self.git("rev-parse", name).decode().strip(), raw)


@pytest.fixture(params=["sha1", "sha256"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    """A repository with a first commit, of either object format."""
    made = Repository(tmp_path, request.param)
    made.commit("first")
    return made


def test_commits_and_merges(repository: Repository) -> None:
    """First commits, commits, merges, empty and odd messages all prove their trees."""
    repository.git("checkout", "-q", "-b", "feature")
    repository.commit("支付: tree 0000000000000000000000000000000000000000\n\ntree x")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "feature")
    repository.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    for name in ("main", "main~1", "main~2", "feature"):
        said, proven = repository.proven(name)
        assert said == proven


def test_a_merged_tag(repository: Repository) -> None:
    """A merge of a signed tag carries the tag's text, which cannot speak for the commit."""
    text = "tree 0000000000000000000000000000000000000000\n\n-----BEGIN PGP SIGNATURE-----\ntree x\n"
    repository.git("checkout", "-q", "-b", "feature")
    repository.commit("second")
    repository.git("tag", "-a", "-m", text, "v1")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "-m", "merge", "v1")
    assert b"mergetag" in repository.git("cat-file", "commit", "HEAD")
    said, proven = repository.proven("HEAD")
    assert said == proven


def test_the_commit_of_another(repository: Repository) -> None:
    """The bytes of one commit are no proof for another with the same tree."""
    first = repository.git("rev-parse", "HEAD").decode().strip()
    repository.git("commit", "-q", "--allow-empty", "-m", "second")
    with pytest.raises(CommitNotProven, match=f"not of {first}"):
        tree_in_commit(first, repository.git("cat-file", "commit", "HEAD"))


def test_trees_and_tags_are_no_commits(repository: Repository) -> None:
    """The bytes of a tree or an annotated tag have another id than a commit with these bytes."""
    repository.git("tag", "-a", "-m", "text", "v1")
    for kind, name in (("tree", "HEAD^{tree}"), ("tag", "v1")):
        raw = repository.git("cat-file", kind, name)
        with pytest.raises(CommitNotProven):
            tree_in_commit(repository.git("rev-parse", name).decode().strip(), raw)
