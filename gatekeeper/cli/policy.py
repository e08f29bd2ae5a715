"""`gatekeeper policy`: check, test and show policies."""

from gatekeeper.cli.lazy import Entry, group

COMMANDS = {
    "lint": Entry("gatekeeper.cli.policy_lint:lint", "Check policy files; name every fault and its line."),
    "test": Entry("gatekeeper.cli.policy_test:run_examples", "Run the tests that policy files carry."),
    "show": Entry("gatekeeper.cli.policy_show:show", "Say in words what a policy demands, stage by stage."),
    "schema": Entry("gatekeeper.cli.policy_schema:schema", "Print the JSON Schema of policy files."),
}

app = group("policy", "Check, test and show policies.", COMMANDS)


@app.callback()
def _policy() -> None:
    """Check, test and show policies."""
