"""`gatekeeper policy approve|reject|rollback`: what the second person does."""

from typing import Annotated

import typer

from gatekeeper.cli.output import one_line, put
from gatekeeper.cli.policy_draft import DraftId, tell, tell_changes
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.client import policy_calls
from gatekeeper.errors import UsageError


def approve(
    draft_id: DraftId,
    digest: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="Approve only this content, without being asked."),
    ] = None,
    comment: Annotated[str, typer.Option(metavar="TEXT", help="For whoever reads the history.")] = "",
    backtest: Annotated[
        str | None, typer.Option(metavar="ID", help="The backtest that you looked at; it is kept.")
    ] = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Show what a submitted draft changes, and put it in force: as a person who had no hand in it.

    Exit codes: 0 approved; 1 refused, or you said no; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy approve pdr_06h0ghnu01m8avpqmf8ekvp92g
    """
    with client_for(server, token_file) as client:
        held = client.ask(policy_calls.draft(draft_id))
        shown = held.check.digest or ""
        tell(held)
        tell_changes(held)
        put(one_line(f"reason: {held.reason or 'none given'}; content {shown}", 1_500) + "\n")
        if digest is None:
            typer.confirm("Approve it?", abort=True, err=True)
        elif digest != shown:
            raise UsageError(f"the draft is {shown}, not {digest}", hint="look at it again")
        done = client.ask(
            policy_calls.approve_draft(
                draft_id, revision=held.revision, digest=shown, comment=comment, backtest=backtest
            )
        )
    tell(done)


def reject(
    draft_id: DraftId,
    comment: Annotated[str, typer.Option(metavar="TEXT", help="Why, for its author.")],
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Reject a submitted draft.

    Exit codes: 0 rejected; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy reject pdr_06h0ghnu01m8avpqmf8ekvp92g --comment "after the release"
    """
    with client_for(server, token_file) as client:
        held = client.ask(policy_calls.draft(draft_id))
        tell(client.ask(policy_calls.reject_draft(draft_id, revision=held.revision, comment=comment)))


def rollback(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The policy.")],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Whose content comes back.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why the old rules come back.")],
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Submit the content of an older version as a new one: one more person approves it.

    Exit codes: 0 submitted; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy rollback base 4 --reason "version 5 blocks every hotfix"
    """
    with client_for(server, token_file) as client:
        tell(client.ask(policy_calls.roll_back(name, to=version, reason=reason)))
