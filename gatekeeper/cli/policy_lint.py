"""`gatekeeper policy lint`: every fault of policy files, with its line."""

from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli import exits
from gatekeeper.cli.output import clean, put, say
from gatekeeper.cli.policy_files import policy_at
from gatekeeper.policy.lint import notes
from gatekeeper.policy.load import PolicyRefused


def lint(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Policy files, or names of shipped ones.")
    ],
) -> None:
    """Check policy files; each fault is one line `file:line: key: message` on stdout.

    Ends with 1 when a file is refused. A note on stderr names a blocking rule
    that worse facts could turn from fail to pass. What a file extends is looked
    for beside it and among the shipped policies. The tests are not run:
    `gatekeeper policy test` does.

    Examples:
      gatekeeper policy lint policy.yaml
      gatekeeper policy lint rules/policies/*.yaml
    """
    refused = 0
    for file in files:
        try:
            policy = policy_at(file)
        except PolicyRefused as error:
            refused += 1
            put("".join(clean(f"{fault}").replace("\n", " ") + "\n" for fault in error.errors))
        else:
            rules = len(policy.rules) + len(policy.expressions)
            counts = f"{_counted(rules, 'rule')} and {_counted(len(policy.tests), 'test')}"
            say(f"{file}: ok, policy {policy.name} with {counts}")
            for note in notes(policy):
                say(f"{file}: note: {clean(note)}")
    if refused:
        say(f"{refused} of {len(files)} files refused")
    raise typer.Exit(exits.NO if refused else exits.ALLOWED)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
