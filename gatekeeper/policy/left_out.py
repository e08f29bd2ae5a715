"""What the path of a question leaves out: it is listed as skipped, with the policy's reason."""

from gatekeeper.decision import Reason, RuleResult, Status
from gatekeeper.policy.model import Act, ExpressionRule, Rule
from gatekeeper.policy.promotion import Path
from gatekeeper.policy.said import reason
from gatekeeper.policy.verdict import Judged


def why_left_out(path: Path) -> Reason:
    """The reason of everything that `path` does without."""
    return reason("left-out-on-path", path=path.name, why=path.loosen_reason or "no reason given")


def left_out(rule: Rule | ExpressionRule, path: Path) -> Judged:
    """The result of a rule that `path` does without."""
    return Judged(
        result=RuleResult(
            id=rule.id,
            title=rule.title,
            status=Status.SKIPPED,
            mode=rule.mode,
            severity=rule.severity,
            metric=str(rule.metric) if isinstance(rule, Rule) else None,
            actual=None,
            threshold=None,
            warn=None,
            points=None,
            weight=rule.weight,
            evidence=(),
            message=why_left_out(path),
            remedy=None,
        ),
        effect=Act.SKIP,
    )
