"""`gatekeeper policy draft|publish|submit|withdraw|drafts`: what the author of a change does."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper.cli import exits
from gatekeeper.cli.output import clean, one_line, put
from gatekeeper.cli.policy_files import policy_bytes
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.cli.tables import text_table
from gatekeeper.cli.terminal import table_width
from gatekeeper.client import calls, policy_calls
from gatekeeper.client.client import Client
from gatekeeper.client.errors import ServerRefused
from gatekeeper.client.policy_model import PolicyDraft
from gatekeeper.errors import UsageError
from gatekeeper.policy.spelling import instant, zone

_NAME = re.compile(rb"^policy:[ \t]*[\"']?([A-Za-z0-9][A-Za-z0-9._-]*)", re.MULTILINE)

File = Annotated[
    Path, typer.Argument(metavar="POLICY", help="A policy file, or the name of a shipped one: base, strict.")
]
DraftId = Annotated[str, typer.Argument(metavar="DRAFT", help="The id of the draft (pdr_...).")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why it changes, for whoever approves it.")]
InForceFrom = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="When it comes into force, such as 2026-12-01T06:00:00Z."),
]


def draft(
    file: File,
    reason: Reason = "",
    draft_id: Annotated[
        str | None, typer.Option("--id", metavar="DRAFT", help="Save this draft instead of beginning one.")
    ] = None,
    revision: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The one that you saw. Default: that of now.")
    ] = None,
    in_force_from: InForceFrom = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Save a change of a policy on the server, where it is read and tested. Nothing is in force by that.

    Exit codes: 0 saved and sound; 1 saved with faults, or refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy draft policy.yaml --reason "coverage 70 to 80, SEC-12"
      gatekeeper policy draft policy.yaml --id pdr_06h0ghnu01m8avpqmf8ekvp92g
    """
    with client_for(server, token_file) as client:
        saved = _saved(client, file, reason, in_force_from, draft_id=draft_id, revision=revision)
    tell(saved)
    raise typer.Exit(exits.ALLOWED if is_sound(saved) else exits.NO)


def publish(
    file: File,
    reason: Reason = "",
    in_force_from: InForceFrom = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Draft a policy and submit it in one go, as a person: it is in force once somebody else approved it.

    Exit codes: 0 submitted; 1 it has faults, or is refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy publish policy.yaml --reason "coverage 70 to 80, SEC-12"
      gatekeeper policy publish policy.yaml --in-force-from 2026-12-01T06:00:00Z
    """
    with client_for(server, token_file) as client:
        saved = _saved(client, file, reason, in_force_from)
        if is_sound(saved):
            saved = client.ask(policy_calls.submit_draft(saved.id, revision=saved.revision))
    tell(saved)
    raise typer.Exit(exits.ALLOWED if is_sound(saved) else exits.NO)


def submit(draft_id: DraftId, server: Server = None, token_file: TokenFile = None) -> None:
    """Submit a draft, as a person: somebody else then approves or rejects it.

    Exit codes: 0 submitted; 1 it has faults, or is refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy submit pdr_06h0ghnu01m8avpqmf8ekvp92g
    """
    with client_for(server, token_file) as client:
        held = client.ask(policy_calls.draft(draft_id))
        tell(client.ask(policy_calls.submit_draft(draft_id, revision=held.revision)))


def withdraw(draft_id: DraftId, server: Server = None, token_file: TokenFile = None) -> None:
    """Give a draft up.

    Exit codes: 0 withdrawn; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy withdraw pdr_06h0ghnu01m8avpqmf8ekvp92g
    """
    with client_for(server, token_file) as client:
        held = client.ask(policy_calls.draft(draft_id))
        tell(client.ask(policy_calls.withdraw_draft(draft_id, revision=held.revision)))


def drafts(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only of this policy.")] = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only those: draft, submitted, approved, ...")
    ] = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """List drafts, the newest first.

    Examples:
      gatekeeper policy drafts --state submitted
    """
    with client_for(server, token_file) as client:
        found = list(
            client.pages(lambda cursor: policy_calls.drafts(policy=name, state=state, cursor=cursor))
        )
    rows = [
        (
            one.id,
            one.policy,
            one.state,
            str(one.revision),
            f"{one.changed_at:%Y-%m-%d %H:%M} UTC",
            one.authors[0] if one.authors else "",
            one.reason,
        )
        for one in found
    ]
    header = ("draft", "policy", "state", "revision", "changed", "by", "reason")
    put(text_table(header, rows, width=table_width(sys.stdout)))


def is_sound(one: PolicyDraft) -> bool:
    """True when it could be submitted."""
    return one.check.digest is not None and not one.check.faults and not one.check.failed


def tell(one: PolicyDraft) -> None:
    """Print where a draft stands."""
    became = f", version {one.version}" if one.version is not None else ""
    lines = [f"draft {one.id} of policy {one.policy}: {one.state}{became}, revision {one.revision}"]
    lines += [f"  fault: {fault}" for fault in one.check.faults]
    lines += [f"  test fails: {name}" for name in one.check.failed]
    if one.in_force_from is not None:
        lines.append(f"  in force from {one.in_force_from:%Y-%m-%d %H:%M} UTC on")
    put("".join(one_line(line, 1_000) + "\n" for line in lines))


def tell_changes(one: PolicyDraft) -> None:
    """Print what a draft changes."""
    based = f"version {one.based_on}" if one.based_on is not None else "nothing"
    said = [f"against {based}:", *(f"  {change}" for change in one.changes or ("no difference",))]
    put(clean("\n".join(said) + "\n"))


def newest(client: Client, name: str) -> int | None:
    """The newest version of a policy; None when there is none."""
    try:
        found = client.ask(calls.policy_versions(name))
    except ServerRefused as refused:
        if refused.code == "policy-not-found":
            return None
        raise
    return found.items[0].version if found.items else None


def name_in(text: bytes, file: Path) -> str:
    """The name of the policy in the text, also where it has faults.

    Raises:
        UsageError: it says none.
    """
    found = _NAME.search(text)
    if found is None:
        raise UsageError(f"{file} does not say its name", hint="it needs a line such as `policy: payments`")
    return found[1].decode()


def _saved(
    client: Client,
    file: Path,
    reason: str,
    in_force_from: str | None,
    *,
    draft_id: str | None = None,
    revision: int | None = None,
) -> PolicyDraft:
    text = policy_bytes(file)
    name = name_in(text, file)
    try:
        at = instant(in_force_from, begins_in=zone("UTC")) if in_force_from is not None else None
    except ValueError as error:
        raise UsageError(f"--in-force-from: {error}", hint="such as 2026-12-01T06:00:00Z") from error
    based_on = newest(client, name)
    if draft_id is None:
        return client.ask(
            policy_calls.begin_draft(name, text, based_on=based_on, reason=reason, in_force_from=at)
        )
    held = client.ask(policy_calls.draft(draft_id))
    return client.ask(
        policy_calls.save_draft(
            draft_id,
            text,
            revision=revision or held.revision,
            based_on=based_on,
            reason=reason or held.reason,
            in_force_from=at or held.in_force_from,
        )
    )
