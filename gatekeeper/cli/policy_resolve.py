"""`gatekeeper policy resolve`: which policy decides about a project, and why."""

from typing import Annotated

import msgspec
import typer

from gatekeeper.cli.output import escaped, one_line, put
from gatekeeper.cli.server import Server, TokenFile, client_for
from gatekeeper.client import policy_calls
from gatekeeper.client.policy_model import PolicyResolution


def resolve(
    project: Annotated[
        str, typer.Argument(metavar="PROJECT", help="Its path, such as pay/api; it need not be there yet.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Say which policy decides about a project, and why.

    Somebody chose it (`gatekeeper project use`); else the longest glob of `applies_to` that fits the path;
    else the default of the server.

    Exit codes: 0 told; 1 refused; 2 usage; 4 the server could not be asked.

    Examples:
      gatekeeper policy resolve pay/api
    """
    with client_for(server, token_file) as client:
        found = client.ask(policy_calls.resolve_policy(project))
    if as_json:
        put(escaped(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()) + "\n")
        return
    decides = "decides" if found.is_there else "would decide"
    lines = [f"{found.policy}@{found.version} {decides} about {found.project}: {_why(found)}", found.digest]
    if found.next_at is not None:
        lines.append(f"another version takes over at {found.next_at:%Y-%m-%d %H:%M} UTC")
    lines += [f"also fits: {one.glob} of {one.policy}" for one in found.fitting if one.glob != found.glob]
    put("".join(one_line(line, 500) + "\n" for line in lines))


def _why(found: PolicyResolution) -> str:
    match found.why:
        case "assigned":
            return "somebody chose it"
        case "glob":
            return f"its applies_to {found.glob} is the longest that fits"
        case "default":
            return "it is the default of the server"
        case other:
            return other
