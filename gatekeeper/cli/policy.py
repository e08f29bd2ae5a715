"""`gatekeeper policy`: check, test, show and publish policies."""

from gatekeeper.cli.lazy import Entry, group

COMMANDS = {
    "lint": Entry("gatekeeper.cli.policy_lint:lint", "Check policy files; name every fault and its line."),
    "test": Entry("gatekeeper.cli.policy_test:run_examples", "Run the tests that policy files carry."),
    "show": Entry("gatekeeper.cli.policy_show:show", "Say in words what a policy demands, stage by stage."),
    "diff": Entry("gatekeeper.cli.policy_diff:diff", "Say in words what two policies differ in."),
    "backtest": Entry("gatekeeper.cli.policy_backtest:run", "Try a policy on decisions that were recorded."),
    "schema": Entry("gatekeeper.cli.policy_schema:schema", "Print the JSON Schema of policy files."),
    "draft": Entry("gatekeeper.cli.policy_draft:draft", "Save a change of a policy on the server."),
    "submit": Entry("gatekeeper.cli.policy_draft:submit", "Submit a draft for approval."),
    "publish": Entry("gatekeeper.cli.policy_draft:publish", "Draft a policy and submit it in one go."),
    "approve": Entry("gatekeeper.cli.policy_review:approve", "Approve a draft: it comes into force."),
    "reject": Entry("gatekeeper.cli.policy_review:reject", "Reject a draft."),
    "withdraw": Entry("gatekeeper.cli.policy_draft:withdraw", "Give a draft up."),
    "drafts": Entry("gatekeeper.cli.policy_draft:drafts", "List the drafts of the server."),
    "rollback": Entry("gatekeeper.cli.policy_review:rollback", "Bring an older version back."),
    "export": Entry("gatekeeper.cli.policy_folder:export", "Write the policies in force into a folder."),
    "sync": Entry("gatekeeper.cli.policy_folder:sync", "Compare a folder with the policies in force."),
    "resolve": Entry("gatekeeper.cli.policy_resolve:resolve", "Say which policy decides about a project."),
    "import": Entry("gatekeeper.cli.policy_import:import_", "Publish a policy on the server."),
    "list": Entry("gatekeeper.cli.policy_list:list_", "List the policies of the server."),
}

app = group("policy", "Check, test, show and publish policies.", COMMANDS)


@app.callback()
def _policy() -> None:
    """Check, test, show and publish policies."""
