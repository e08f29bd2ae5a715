"""Who speaks, about what: flags, then the pipeline, then git; refused where nothing says it."""

import os
import subprocess
from pathlib import Path

import pytest

from gatekeeper.cli.git import commit_object, path_of_url
from gatekeeper.cli.identity import Flags, Identity, Unnamed, full_source, identity
from gatekeeper.errors import UsageError

FOREIGN = "f" * 40
TREE = "e" * 40


def git(folder: Path, *arguments: str) -> str:
    """Run git as a person would."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    environ |= {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of pay/api at its first commit."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", "git@gitlab.example.com:pay/api.git")
    (folder / "app.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def who(
    folder: Path, environ: dict[str, str] | None = None, told: list[str] | None = None, **flags: str
) -> Identity:
    """The identity in `folder`; what is said goes to `told`."""
    tell = (told if told is not None else []).append
    return identity(Flags(**flags), environ=environ or {}, cwd=folder, tell=tell)


def gitlab(commit: str) -> dict[str, str]:
    """What a job of GitLab CI sees."""
    return {
        "GITLAB_CI": "true",
        "CI_PROJECT_PATH": "pay/api",
        "CI_COMMIT_SHA": commit,
        "CI_COMMIT_REF_NAME": "release/1.4",
        "CI_PIPELINE_ID": "574",
        "CI_JOB_NAME": "test:unit 2/5",
        "CI_JOB_ID": "9001",
        "CI_NODE_INDEX": "2",
        "CI_NODE_TOTAL": "5",
    }


def test_gitlab(checkout: Path) -> None:
    """A retried job has another id, which tells the attempts apart."""
    commit = git(checkout, "rev-parse", "HEAD")
    found = who(checkout, gitlab(commit))
    assert (found.project, found.commit, found.ref) == ("pay/api", commit, "release/1.4")
    assert (found.run, found.job, found.attempt, found.part) == ("574", "test:unit 2/5", "9001", "2/5")
    assert found.tree == git(checkout, "rev-parse", "HEAD^{tree}")
    assert found.commit_object is not None
    assert found.fork is None


def test_a_merge_request_of_a_fork_says_so(checkout: Path) -> None:
    """Its evidence must not count for the project."""
    environ = gitlab(git(checkout, "rev-parse", "HEAD"))
    environ |= {
        "CI_MERGE_REQUEST_PROJECT_PATH": "pay/api",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "eve/api",
    }
    assert who(checkout, environ).fork == "eve/api"
    environ["CI_MERGE_REQUEST_SOURCE_PROJECT_PATH"] = "pay/api"
    assert who(checkout, environ).fork is None


@pytest.mark.parametrize(
    ("more", "project", "job", "ref"),
    [
        (
            {"GIT_URL": "https://git.example.com/pay/api.git", "STAGE_NAME": "Unit", "BRANCH_NAME": "main"},
            "pay/api",
            "pay/api/main:Unit",
            "main",
        ),
        ({"BRANCH_NAME": "main"}, "pay/api", "pay/api/main", "main"),
        ({"GIT_BRANCH": "origin/main"}, "pay/api/main", "pay/api/main", "main"),
    ],
)
def test_jenkins(more: dict[str, str], project: str, job: str, ref: str, checkout: Path) -> None:
    """The address of the repository names the project, else the job without its branch."""
    environ = {
        "JENKINS_URL": "https://ci.example.com/",
        "GIT_COMMIT": git(checkout, "rev-parse", "HEAD"),
        "JOB_NAME": "pay/api/main",
        "BUILD_NUMBER": "17",
        "BUILD_TAG": "jenkins-pay-api-main-17",
    }
    found = who(checkout, environ | more)
    assert (found.project, found.job, found.ref) == (project, job, ref)
    assert (found.run, found.attempt) == ("jenkins-pay-api-main-17", None)


@pytest.mark.parametrize(
    ("ref", "name", "shown"),
    [("refs/heads/main", "main", "main"), ("refs/pull/7/merge", "7/merge", "refs/pull/7/merge")],
)
def test_github(ref: str, name: str, shown: str, checkout: Path) -> None:
    """The ref of a pull request stays whole, as in the identity that GitHub signs."""
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "pay/api",
        "GITHUB_SHA": git(checkout, "rev-parse", "HEAD"),
        "GITHUB_REF": ref,
        "GITHUB_REF_NAME": name,
        "GITHUB_RUN_ID": "88",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_JOB": "test",
    }
    found = who(checkout, environ)
    assert (found.project, found.run, found.attempt, found.job) == ("pay/api", "88", "2", "test")
    assert found.ref == shown


def test_a_desk(checkout: Path) -> None:
    """Git alone: the project is the path of its remote."""
    found = who(checkout)
    assert (found.project, found.ref, found.run, found.job) == ("pay/api", "main", None, None)
    assert not found.is_of_a_job


def test_flags_win(checkout: Path) -> None:
    """Over every variable; the ref of the pipeline does not go with another commit."""
    environ = gitlab(git(checkout, "rev-parse", "HEAD")) | {"GATEKEEPER_PROJECT": "pay/other"}
    assert who(checkout, environ).project == "pay/other"
    found = who(checkout, environ, project="pay/web", commit=FOREIGN, tree=TREE, job="j", run="r")
    assert (found.project, found.commit, found.tree) == ("pay/web", FOREIGN, TREE)
    assert (found.ref, found.job, found.run) == (None, "j", "r")
    assert found.commit_object is None


def test_where_each_value_came_from_is_said_when_asked(checkout: Path) -> None:
    """By variable, flag or git."""
    commit = git(checkout, "rev-parse", "HEAD")
    told: list[str] = []
    identity(Flags(ref="main"), environ=gitlab(commit), cwd=checkout, tell=told.append, explain=told.append)
    assert "the CI system is GitLab CI" in told
    assert "project pay/api (CI_PROJECT_PATH)" in told
    assert "ref main (--ref)" in told
    assert f"tree {git(checkout, 'rev-parse', 'HEAD^{tree}')} (git, commit^{{tree}})" in told


def test_nothing_is_guessed(tmp_path: Path, checkout: Path) -> None:
    """Each refusal names the flag that helps."""
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(Unnamed, match="nothing names the commit") as caught:
        who(empty, project="pay/api")
    assert "--commit" in caught.value.hint
    git(checkout, "remote", "remove", "origin")
    with pytest.raises(Unnamed, match="nothing names the project") as caught:
        who(checkout)
    assert "--project" in caught.value.hint
    with pytest.raises(Unnamed, match="no git repository here holds it") as caught:
        full_source(who(empty, gitlab(FOREIGN)))
    assert "--tree" in caught.value.hint


def test_a_tree_of_another_commit_is_refused(checkout: Path) -> None:
    """Git knows better."""
    commit = git(checkout, "rev-parse", "HEAD")
    with pytest.raises(UsageError, match=f"not {TREE}"):
        who(checkout, commit=commit, tree=TREE)
    with pytest.raises(UsageError, match="not known to a repository here"):
        who(checkout, commit="abcdef1")
    assert who(checkout, commit=commit[:10]).commit == commit


@pytest.mark.parametrize(
    "flags", [{"project": "a b"}, {"commit": "HEAD"}, {"tree": "x"}, {"artifact": "latest"}]
)
def test_what_is_not_well_formed_is_refused(flags: dict[str, str], checkout: Path) -> None:
    """Before a server is asked."""
    with pytest.raises(UsageError):
        who(checkout, **flags)


def test_what_could_make_reports_be_of_other_content_is_said(checkout: Path) -> None:
    """A changed file, and a commit that is not the one checked out."""
    told: list[str] = []
    (checkout / "app.py").write_text("x = 2\n")
    who(checkout, told=told)
    assert told == ["tracked files differ from the commit: the reports may be of other content"]
    first = git(checkout, "rev-parse", "HEAD")
    git(checkout, "commit", "-q", "-a", "-m", "two")
    told.clear()
    who(checkout, gitlab(first), told=told)
    assert told == [f"git here is at {git(checkout, 'rev-parse', 'HEAD')}, and CI_COMMIT_SHA says {first}"]


def test_an_artifact_can_be_the_whole_subject(checkout: Path) -> None:
    """The job that promotes it may run at any commit, unless one is named beside it."""
    environ = gitlab(git(checkout, "rev-parse", "HEAD"))
    artifact = "sha256:" + "ab" * 32
    found = identity(
        Flags(artifact=artifact), environ=environ, cwd=checkout, tell=print, artifact_is_enough=True
    )
    assert (found.commit, found.tree, found.artifact) == (None, None, artifact)
    beside = identity(
        Flags(artifact=artifact, commit=FOREIGN, tree=TREE),
        environ=environ,
        cwd=checkout,
        tell=print,
        artifact_is_enough=True,
    )
    assert (beside.commit, beside.tree) == (FOREIGN, TREE)


def test_the_proof_is_the_commit_itself(checkout: Path) -> None:
    """Its hash is the id, whatever replacement the repository has for it."""
    commit = git(checkout, "rev-parse", "HEAD")
    proof = commit_object(commit, checkout)
    assert proof is not None
    assert proof.startswith(f"tree {git(checkout, 'rev-parse', 'HEAD^{tree}')}\n".encode())
    (checkout / "app.py").write_text("x = 2\n")
    git(checkout, "commit", "-q", "-a", "-m", "two")
    git(checkout, "replace", commit, "HEAD")
    assert commit_object(commit, checkout) == proof
    assert commit_object(FOREIGN, checkout) is None
    assert commit_object("HEAD", checkout) is None


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://gitlab.example.com/pay/api.git", "pay/api"),
        ("https://user:pw@gitlab.example.com/group/sub/api", "group/sub/api"),
        ("git@gitlab.example.com:pay/api.git", "pay/api"),
        ("ssh://git@gitlab.example.com:2222/pay/api.git/", "pay/api"),
        ("/srv/git/api.git", None),
        ("../api", None),
        ("https://gitlab.example.com/", None),
        ("https://gitlab.example.com/a b", None),
        ("", None),
    ],
)
def test_the_path_of_a_remote(url: str, path: str | None) -> None:
    """Host, user and password are left out."""
    assert path_of_url(url) == path
