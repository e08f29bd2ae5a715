"""The files of `integrations/` are what a person pastes: they parse, and every command in them exists."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from programs import program
from ruamel.yaml import YAML

FOLDER = Path(__file__).resolve().parents[2] / "integrations"
REFERENCE = FOLDER.parent / "docs/reference/cli.md"
FILES = sorted(path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file())
YAMLS = [path for path in FILES if path.suffix == ".yml"]


def _loaded(path: Path) -> Any:
    return YAML(typ="safe").load((FOLDER / path).read_text(encoding="utf-8"))


def _commands(path: Path) -> Iterator[list[str]]:
    """The words of each `gatekeeper` command in a file."""
    for line in (FOLDER / path).read_text(encoding="utf-8").splitlines():
        if re.match(r"\s*(#|//)", line):
            continue
        for found in re.findall(r"(?<![\w./-])gatekeeper ((?:[a-z]+)(?: [^'`|]*)?)", line):
            yield shlex.split(re.split(r" \|\| | >>? |\s+[#/]{1,2} ", found)[0])


def _helps() -> dict[str, set[str]]:
    parts = REFERENCE.read_text(encoding="utf-8").split("\n## gatekeeper")[1:]
    return {
        part.partition("\n")[0].strip(): set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", part)) for part in parts
    }


def test_each_ci_system_has_its_file() -> None:
    """And the README leads to all of them."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert {path.parts[0] for path in FILES} >= {"gitlab", "jenkins", "github", "shell"}
    assert [str(path) for path in FILES if str(path) not in readme and path.name != "README.md"] == []


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_command_and_option_exists(path: Path) -> None:
    """As the reference has them."""
    helps = _helps()
    for words in _commands(path):
        name = " ".join(words[:2]) if " ".join(words[:2]) in helps else words[0]
        assert name in helps, words
        given = [word.partition("=")[0] for word in words if word.startswith("--")]
        assert [option for option in given if option not in helps[name]] == [], words


def test_the_files_show_commands() -> None:
    """The test above sees them."""
    for path in [*YAMLS, Path("jenkins/Jenkinsfile")]:
        shown = {words[0] for words in _commands(path)}
        assert {"submit", "check"} <= shown, path


def test_gitlab_jobs_prove_who_they_are() -> None:
    """With an identity for this server alone, after red tests too, and nothing hides the answer."""
    jobs = _loaded(Path("gitlab/gatekeeper.gitlab-ci.yml"))
    assert jobs[".gatekeeper"]["id_tokens"] == {"GATEKEEPER_ID_TOKEN": {"aud": "$GATEKEEPER_URL"}}
    for name in ("gatekeeper:submit", "gatekeeper:check"):
        assert jobs[name]["extends"] == ".gatekeeper"
        assert jobs[name]["when"] == "always"
        assert "allow_failure" not in jobs[name]
        assert all("||" not in line and "|" not in line for line in jobs[name]["script"])
    assert jobs["gatekeeper:check"]["artifacts"]["reports"]["junit"] == "gatekeeper.xml"


def test_github_jobs_prove_who_they_are() -> None:
    """Only the jobs that speak may ask for an identity; deploying needs the gate."""
    workflow = _loaded(Path("github/gatekeeper.yml"))
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {"contents": "read"}
    assert {name for name, job in jobs.items() if job.get("permissions", {}).get("id-token")} == {
        "test",
        "gate",
    }
    assert jobs["deploy"]["needs"] == ["test", "gate"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert all("${{" not in run for run in runs), "values go through env, so that no name can become code"
    assert all("||" not in run and "continue-on-error" not in step for run in runs for step in jobs)


def test_the_jenkinsfile_is_balanced() -> None:
    """Brackets and quotes close, and the verdict is kept."""
    text = (FOLDER / "jenkins/Jenkinsfile").read_text(encoding="utf-8")
    code = re.sub(r"(?m)(^|\s)//.*$", "", text)
    code = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "''", code)
    closing = {")": "(", "}": "{", "]": "["}
    waiting: list[str] = []
    for char in code:
        if char in closing.values():
            waiting.append(char)
        elif char in closing:
            assert waiting.pop() == closing[char]
    assert waiting == []
    assert code.count("'") % 2 == 0
    assert "junit testResults: 'gatekeeper.xml'" in text
    assert "returnStatus" not in text


def test_the_shell_script_is_clean() -> None:
    """POSIX, ends at the first error, and no pipeline swallows an exit code."""
    path = FOLDER / "shell/gate.sh"
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in text
    assert path.stat().st_mode & 0o111
    shell = re.sub(r"(?s)(python3 -I -c|jq -r) '.*?'", "", text)
    piped = [line for line in shell.splitlines() if re.search(r"[^|]\|[^|]", re.sub(r"^[^)]*\)", "", line))]
    assert [line for line in piped if not re.match(r"\s*(#|http|200|404)", line)] == []
    for name in ("sh", "dash", "bash"):
        if shutil.which(name):
            subprocess.run([name, "-n", path], check=True, timeout=60)


def test_shellcheck_finds_nothing_in_the_shell_script() -> None:
    """What a linter of shells would say of the script, it does not."""
    subprocess.run([program("shellcheck"), FOLDER / "shell/gate.sh"], check=True, timeout=60)
