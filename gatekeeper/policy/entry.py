"""What entering a stage takes beyond evidence and rules: the question that records must fit, and results.

Order, window, approvals, separation and obligations each give results with a fixed id. All of them block.
"""

from dataclasses import dataclass
from datetime import datetime

from gatekeeper.decision import Inputs, Mode, Reason, Remedy, RuleResult, Status
from gatekeeper.policy.model import Act
from gatekeeper.policy.promotion import Path
from gatekeeper.policy.spelling import utc
from gatekeeper.policy.verdict import Judged

ORDER, WINDOW, SEPARATION = "order", "window", "separation"
APPROVAL, OBLIGATION = "approval.", "obligation."
"""Beginnings of ids; the role or the id of the obligation follows."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which source and artifact may enter which stage, on which path, and when."""

    stage: str
    path: Path
    tree: str | None
    """None: no source is known, so that no record of a person can be about it."""
    artifact: str
    """Empty when the source alone is asked about."""
    as_of: datetime

    def is_subject(self, tree: str, artifact: str) -> bool:
        """True when a record about this tree and artifact is about the subject."""
        return bool(self.tree) and tree == self.tree and artifact == self.artifact


@dataclass(frozen=True, kw_only=True)
class Held:
    """Results that may hold a release back, and when time alone changes them."""

    judged: tuple[Judged, ...] = ()
    changes_at: tuple[datetime, ...] = ()
    """Instants after `as_of`, for `valid_until`; in order, without repeats."""


def asked(inputs: Inputs, path: Path) -> Asked:
    """The question of `inputs` on `path`, which the policy chose."""
    subject = inputs.subject
    return Asked(
        stage=inputs.stage,
        path=path,
        tree=subject.source.tree if subject.source else None,
        artifact=subject.artifact or "",
        as_of=utc(inputs.as_of),
    )


def after(as_of: datetime, *moments: datetime | None) -> tuple[datetime, ...]:
    """Those moments that are still to come, in order, without repeats."""
    return tuple(sorted({moment for moment in moments if moment is not None and moment > as_of}))


def passed(id_: str, title: str, why: Reason) -> Judged:
    """A result that holds nothing back."""
    return _judged(id_, title, Status.PASS, why, None)


def failed(id_: str, title: str, why: Reason, helps: Remedy) -> Judged:
    """A result that fails the decision."""
    return _judged(id_, title, Status.FAIL, why, helps)


def _judged(id_: str, title: str, status: Status, why: Reason, helps: Remedy | None) -> Judged:
    result = RuleResult(
        id=id_,
        title=title,
        status=status,
        mode=Mode.BLOCK,
        severity=None,
        metric=None,
        actual=None,
        threshold=None,
        warn=None,
        points=None,
        weight=None,
        evidence=(),
        message=why,
        remedy=helps,
    )
    return Judged(result=result, effect=Act.BLOCK if status is Status.FAIL else Act.SKIP)
