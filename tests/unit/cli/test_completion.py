"""Shell completion, by the protocol that the scripts speak."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from programs import program

from gatekeeper.cli.main import main
from gatekeeper.cli.policy import COMMANDS as POLICY_COMMANDS

GATEKEEPER = Path(sys.executable).with_name("gatekeeper")


def complete(shell: str, line: str) -> str:
    """What the command answers to the script of `shell` when TAB is pressed at the end of `line`."""
    words = line.split(" ")
    environ = {
        **os.environ,
        "_GATEKEEPER_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": "\n".join(words),
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run([GATEKEEPER], env=environ, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("gatekeeper eva", {"evaluate"}),
        ("gatekeeper policy ", set(POLICY_COMMANDS)),
        ("gatekeeper policy s", {"show", "schema", "submit", "sync"}),
        ("gatekeeper token ", {"create", "list", "rotate", "revoke"}),
        ("gatekeeper person ", {"add", "list", "show", "grant", "revoke", "deactivate", "password"}),
        ("gatekeeper person grant ann --scope appr", {"approval:give"}),
        ("gatekeeper check --format sa", {"sarif"}),
        ("gatekeeper token create ci --scope evid", {"evidence:write"}),
        ("gatekeeper evaluate --st", {"--stage"}),
        ("gatekeeper evaluate --format gitlab", {"gitlab-codequality"}),
        ("gatekeeper metrics --kind sa", {"sast"}),
    ],
)
def test_bash_is_offered_commands_options_and_values(line: str, offers: set[str]) -> None:
    """One candidate per line."""
    assert set(complete("bash", line).split()) == offers


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_descriptions_too(shell: str) -> None:
    """The summary stands beside the name."""
    answer = complete(shell, "gatekeeper eva")
    assert "evaluate" in answer
    assert "Ask the gate" in answer


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_valid_in_its_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`gatekeeper completion SHELL` prints what the shell accepts, and nothing beside it."""
    assert main(["completion", shell]) == 0
    script, talk = capsys.readouterr()
    assert "gatekeeper" in script
    assert talk == ""
    subprocess.run([program(shell), "-n"], input=script, text=True, check=True, timeout=60)


def test_bash_really_completes() -> None:
    """The script, sourced by bash, fills COMPREPLY."""
    code = (
        "source <(gatekeeper completion bash 2>/dev/null); COMP_WORDS=(gatekeeper insp); COMP_CWORD=1; "
        '_gatekeeper_completion gatekeeper; echo "${COMPREPLY[@]}"'
    )
    environ = {**os.environ, "PATH": f"{GATEKEEPER.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("inspect\n", "")


def test_an_unknown_shell_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer lists the shells that there are."""
    assert main(["completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err
