"""What a decision is about is named exactly or not at all."""

import pytest

from gatekeeper.subject import Source, Subject

TREE = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("git_id", [TREE, "a" * 64])
def test_full_git_ids(git_id: str) -> None:
    """SHA-1 and SHA-256 ids are accepted for tree and commit."""
    assert Source(tree=git_id, commit=git_id).tree == git_id


@pytest.mark.parametrize(
    "git_id", ["", "abc123", TREE.upper(), TREE + "0", TREE[:-1] + "g", TREE + "\n", "HEAD"]
)
def test_other_git_ids_are_refused(git_id: str) -> None:
    """Short, upper-case or symbolic ids are refused with the value."""
    with pytest.raises(ValueError, match="tree must be a full lowercase git id"):
        Source(tree=git_id)
    with pytest.raises(ValueError, match="commit must be a full lowercase git id"):
        Source(tree=TREE, commit=git_id)


@pytest.mark.parametrize("project", ["shop", "pay/api", "A-1/b_2/c.d"])
def test_project_paths(project: str) -> None:
    """A project is a slash path."""
    assert Subject(project=project).project == project


@pytest.mark.parametrize("project", ["", "/", "pay/", "/api", "pay//api", "pay api", "pay\n", "支付"])
def test_other_projects_are_refused(project: str) -> None:
    """Empty parts, spaces and other characters are refused."""
    with pytest.raises(ValueError, match="slash path"):
        Subject(project=project)


def test_artifact_is_a_digest() -> None:
    """An artifact is named by its SHA-256 digest, never by a tag."""
    digest = "sha256:" + "0" * 64
    assert Subject(project="shop", artifact=digest).artifact == digest
    for wrong in ("latest", "sha256:abc", digest.upper(), digest + "0", ""):
        with pytest.raises(ValueError, match="artifact must be sha256"):
            Subject(project="shop", artifact=wrong)
