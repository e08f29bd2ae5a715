"""The command table: names and summaries are here, the code of a command is imported when it runs."""

import difflib
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command as command_of

HELP_OPTIONS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@dataclass(frozen=True)
class Entry:
    """One command: `target` is `module:attribute`, a function or a `typer.Typer` group."""

    target: str
    summary: str


class LazyGroup(TyperGroup):
    """A group whose commands are imported one by one; listing them imports nothing.

    `ctx` is `Any` because typer keeps the class of its context private.
    """

    entries: Mapping[str, Entry] = {}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of click
        """Names in the order of the table."""
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature of click
        """The command called `cmd_name`, imported now; None when there is none."""
        entry = self.entries.get(cmd_name)
        return load(cmd_name, entry) if entry else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` begin with; an unknown one is refused with the nearest name."""
        name = args[0]
        if name not in self.entries and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, self.entries, n=1, cutoff=0.5)
            ctx.fail(f"no command is called {name!r}" + (f"; did you mean `{near[0]}`?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the signature of click
        """The list of commands in the help, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.entries.items()])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Names for the shell, from the table alone, and the options of the group."""
        from typer._click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.summary)
            for name, entry in self.entries.items()
            if name.startswith(incomplete)
        ]
        return names + list(super(TyperGroup, self).shell_complete(ctx, incomplete))


def group(name: str, summary: str, entries: Mapping[str, Entry]) -> typer.Typer:
    """A typer application whose commands are those of `entries`."""
    cls = type(f"Commands_{name}", (LazyGroup,), {"entries": entries})
    return typer.Typer(
        name=name,
        help=summary,
        cls=cls,
        add_completion=False,
        rich_markup_mode=None,
        no_args_is_help=True,
        context_settings=HELP_OPTIONS,
        pretty_exceptions_enable=False,
    )


def load(name: str, entry: Entry) -> Any:
    """The command behind `entry`, as typer's own object."""
    module, _, attribute = entry.target.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command = command_of(_quiet(found))
    else:
        app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        app.command(name, context_settings=HELP_OPTIONS)(found)
        command = command_of(app)
    command.name = name
    _polish(command)
    return command


def keep_examples(text: str) -> str:
    """`text` with `Examples:` and `Exit codes:` lists marked as lines that the help must not join."""
    return re.sub(r"(^|\n\n)(?=(Examples|Exit codes):\n)", "\\1\b\n", text)


def _polish(command: Any) -> None:
    """Help for people: examples keep their lines, and an argument that has a name shows no Python type."""
    if command.help:
        command.help = keep_examples(command.help)
    for parameter in command.params:
        if parameter.param_type_name == "argument" and parameter.metavar:
            parameter.display_type_rich = _no_type
            parameter.get_usage_pieces = _usage_of(parameter)
    for inner in getattr(command, "commands", {}).values():
        _polish(inner)


def _usage_of(argument: Any) -> Any:
    """`FILE...` where one must be given, `[PATH]` where not."""
    name = argument.metavar if argument.required else f"[{argument.metavar}]"
    return lambda _ctx: [name + ("" if argument.nargs == 1 else "...")]


def _no_type(ctx: Any) -> None:  # noqa: ARG001 - typer's signature
    return None


def _quiet(app: typer.Typer) -> typer.Typer:
    app._add_completion = False
    app.pretty_exceptions_enable = False
    app.rich_markup_mode = None
    return app
