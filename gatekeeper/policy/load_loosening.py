"""What a policy may not do to the one that it extends without saying why."""

from gatekeeper.policy.model import Policy
from gatekeeper.policy.section import Section


def check_loosening(parent: Policy, child: Policy, root: Section) -> None:
    """Note, in the child's own file `root`, every place at which it is looser without `loosen_reason`."""
