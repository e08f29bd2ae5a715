"""`gatekeeper completion`: the completion script of a shell."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from gatekeeper.cli.output import put, say
from gatekeeper.cli.terminal import is_terminal


class Shell(StrEnum):
    """Shells that have one."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_INSTALL = {
    Shell.BASH: "gatekeeper completion bash > ~/.local/share/bash-completion/completions/gatekeeper",
    Shell.ZSH: 'put `eval "$(gatekeeper completion zsh)"` after compinit in ~/.zshrc',
    Shell.FISH: "gatekeeper completion fish > ~/.config/fish/completions/gatekeeper.fish",
}


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="The shell that will read the script.")],
) -> None:
    """Print the script that completes commands, options and their values in a shell.

    Examples:
      source <(gatekeeper completion bash)
      gatekeeper completion bash > ~/.local/share/bash-completion/completions/gatekeeper
      gatekeeper completion fish > ~/.config/fish/completions/gatekeeper.fish
    """
    from typer._completion_shared import get_completion_script

    put(
        get_completion_script(prog_name="gatekeeper", complete_var="_GATEKEEPER_COMPLETE", shell=shell) + "\n"
    )
    if is_terminal(sys.stdout):  # a shell that reads it while starting must stay quiet
        say("", hint=f"to keep it: {_INSTALL[shell]}")
