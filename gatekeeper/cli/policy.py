"""`gatekeeper policy`: check, test, show and publish policies."""

from gatekeeper.cli.lazy import Entry, group

COMMANDS = {
    "lint": Entry("gatekeeper.cli.policy_lint:lint", "Check policy files; name every fault and its line."),
    "test": Entry("gatekeeper.cli.policy_test:run_examples", "Run the tests that policy files carry."),
    "show": Entry("gatekeeper.cli.policy_show:show", "Say in words what a policy demands, stage by stage."),
    "diff": Entry("gatekeeper.cli.policy_diff:diff", "Say in words what two policies differ in."),
    "backtest": Entry("gatekeeper.cli.policy_backtest:run", "Try a policy on decisions that were recorded."),
    "schema": Entry("gatekeeper.cli.policy_schema:schema", "Print the JSON Schema of policy files."),
    "import": Entry("gatekeeper.cli.policy_import:import_", "Publish a policy on the server."),
    "list": Entry("gatekeeper.cli.policy_list:list_", "List the policies of the server."),
}

app = group("policy", "Check, test, show and publish policies.", COMMANDS)


@app.callback()
def _policy() -> None:
    """Check, test, show and publish policies."""
