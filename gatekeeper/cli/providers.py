"""What the variables of a CI system say about the job that runs: GitLab CI, Jenkins, GitHub Actions.

A function per system, from the environment to facts; each fact remembers the variable that it came from.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from gatekeeper.cli.git import path_of_url


class Fact(NamedTuple):
    """A value and where it came from: a variable, `git`, or a flag."""

    value: str
    origin: str


Facts = dict[str, Fact]
"""By field: project, commit, ref, run, job, attempt, fork, part."""

Environ = Mapping[str, str]


def provider_facts(environ: Environ) -> tuple[str | None, Facts]:
    """The CI system by name, and what it says; (None, {}) outside of one."""
    for name, is_here, read in _PROVIDERS:
        if is_here(environ):
            return name, {field: fact for field, fact in read(environ).items() if fact.value}
    return None, {}


def _gitlab(environ: Environ) -> Facts:
    """GitLab's predefined variables, https://docs.gitlab.com/ci/variables/predefined_variables/ names them.

    A job that is retried has another CI_JOB_ID in the same pipeline, so the id tells the attempts apart.
    """
    facts = {
        "project": _of(environ, "CI_PROJECT_PATH"),
        "commit": _of(environ, "CI_COMMIT_SHA"),
        "ref": _of(environ, "CI_COMMIT_REF_NAME"),
        "run": _of(environ, "CI_PIPELINE_ID"),
        "job": _of(environ, "CI_JOB_NAME"),
        "attempt": _of(environ, "CI_JOB_ID"),
    }
    source = _of(environ, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH")
    if source.value and source.value != environ.get("CI_MERGE_REQUEST_PROJECT_PATH", source.value):
        facts["fork"] = source
    index, total = environ.get("CI_NODE_INDEX", ""), environ.get("CI_NODE_TOTAL", "")
    if index.isdigit() and total.isdigit() and int(total) > 1:
        facts["part"] = Fact(f"{index}/{total}", "CI_NODE_INDEX/CI_NODE_TOTAL")
    return facts


def _jenkins(environ: Environ) -> Facts:
    """The variables of Jenkins and of its plugins git and branch-api.

    JOB_NAME is a path of folders that ends with the branch in a multibranch project, so it names the project
    only where the address of the repository is not known. Parallel stages share a job: STAGE_NAME, set in
    declarative pipelines, tells their reports apart.
    """
    branch = _of(environ, "BRANCH_NAME")
    if not branch.value:
        branch = _of(environ, "GIT_BRANCH")
        branch = branch._replace(value=branch.value.removeprefix("origin/"))
    job = _of(environ, "JOB_NAME")
    project = Fact(path_of_url(environ.get("GIT_URL", "")) or "", "GIT_URL")
    if not project.value:
        folders = job.value.rpartition("/")[0] if environ.get("BRANCH_NAME") else job.value
        project = Fact(folders, "JOB_NAME")
    if stage := environ.get("STAGE_NAME"):
        job = Fact(f"{job.value}:{stage}", "JOB_NAME and STAGE_NAME")
    run = _of(environ, "BUILD_TAG")
    return {
        "project": project,
        "commit": _of(environ, "GIT_COMMIT"),
        "ref": branch,
        "run": run if run.value else _of(environ, "BUILD_NUMBER"),
        "job": job,
        "fork": _of(environ, "CHANGE_FORK"),
    }


def _github(environ: Environ) -> Facts:
    """GitHub's default variables, https://docs.github.com/actions/reference/workflows-and-actions/variables.

    The name of the ref of a pull request, `7/merge`, could be a branch; its whole ref stays as it is.
    """
    ref = _of(environ, "GITHUB_REF_NAME")
    if environ.get("GITHUB_REF", "").startswith("refs/pull/"):
        ref = _of(environ, "GITHUB_REF")
    return {
        "project": _of(environ, "GITHUB_REPOSITORY"),
        "commit": _of(environ, "GITHUB_SHA"),
        "ref": ref,
        "run": _of(environ, "GITHUB_RUN_ID"),
        "job": _of(environ, "GITHUB_JOB"),
        "attempt": _of(environ, "GITHUB_RUN_ATTEMPT"),
    }


def _of(environ: Environ, name: str) -> Fact:
    """The variable as a fact; its value is empty when it is not set."""
    return Fact(re.sub(r"\s+", " ", environ.get(name, "").strip()), name)


_PROVIDERS: tuple[tuple[str, Callable[[Environ], bool], Callable[[Environ], Facts]], ...] = (
    ("GitLab CI", lambda environ: environ.get("GITLAB_CI") == "true", _gitlab),
    ("GitHub Actions", lambda environ: environ.get("GITHUB_ACTIONS") == "true", _github),
    ("Jenkins", lambda environ: bool(environ.get("JENKINS_URL") or environ.get("BUILD_TAG")), _jenkins),
)
