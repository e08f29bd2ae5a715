"""`gatekeeper policy diff`: what two policies differ in, in words."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from gatekeeper.cli import exits
from gatekeeper.cli.output import clean, escaped, put
from gatekeeper.cli.policy_files import policy_at
from gatekeeper.policy.diff import Difference, differences
from gatekeeper.policy.model import Policy
from gatekeeper.policy.statement import Effect


class Format(StrEnum):
    """The formats of `--format`."""

    TEXT = "text"
    JSON = "json"


class _Named(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    digest: str


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What `--format json` writes."""

    old: _Named
    new: _Named
    differences: tuple[Difference, ...]


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A policy file, or the name of a shipped one.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The policy to compare with it.")],
    form: Annotated[Format, typer.Option("--format", help="How it is written.")] = Format.TEXT,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when they differ.")] = False,
) -> None:
    """Say in words what two policies differ in: what is new, gone, tighter or looser, stage by stage.

    `tighter` and `looser` stand where that follows from the change alone; all else is `changed`. Comments,
    layout and the order of rules are no difference.

    Examples:
      gatekeeper policy diff base strict
      gatekeeper policy diff old.yaml policy.yaml --exit-code
      gatekeeper policy diff old.yaml policy.yaml --format json
    """
    before, after = policy_at(old), policy_at(new)
    found = differences(before, after)
    put(_as_json(before, after, found) if form is Format.JSON else _as_text(before, after, found))
    raise typer.Exit(exits.NO if found and exit_code else exits.ALLOWED)


def _as_text(old: Policy, new: Policy, found: Sequence[Difference]) -> str:
    if not found:
        return clean(f"no difference between {old.name} and {new.name}\n")
    counts = Counter(one.effect for one in found)
    head = ", ".join(f"{counts[effect]} {effect}" for effect in Effect)
    lines = [f"{old.name} -> {new.name}: {head}"]
    lines += [f"  {one.effect:<8} {' '.join(one.text.split())}" for one in found]
    return clean("".join(f"{line}\n" for line in lines))


def _as_json(old: Policy, new: Policy, found: Sequence[Difference]) -> str:
    answer = _Answer(
        old=_Named(name=old.name, digest=old.digest),
        new=_Named(name=new.name, digest=new.digest),
        differences=tuple(found),
    )
    return escaped(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode()) + "\n"
