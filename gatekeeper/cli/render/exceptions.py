"""The exceptions of a decision in words: overrides, waivers, and what is still owed."""

from gatekeeper.decision import Decision


def exception_words(decision: Decision) -> list[str]:
    """One line for each sort of exception that the decision has; often none."""
    waivers = decision.waivers
    listed = (
        ("waivers used", waivers.used),
        ("waivers expired", waivers.expired),
        ("waivers not used", waivers.unused),
        ("obligations open", decision.obligations),
    )
    override = [f"the override {decision.override} allows it"] if decision.override is not None else []
    return override + [f"{what}: {', '.join(names)}" for what, names in listed if names]
