"""`gatekeeper policy schema`: the JSON Schema of policy files, for editors."""

import msgspec

from gatekeeper.cli.output import put
from gatekeeper.policy.schema import policy_json_schema


def schema() -> None:
    """Print the JSON Schema of policy files, for editors.

    Examples:
      gatekeeper policy schema > policy.schema.json
    """
    put(msgspec.json.format(msgspec.json.encode(policy_json_schema()), indent=2).decode() + "\n")
