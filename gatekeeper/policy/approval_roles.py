"""One role that must sign: its result in the decision, with who signed and whose word does not count."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.decision import Reason
from gatekeeper.evidence import Param
from gatekeeper.policy.entry import APPROVAL, failed, passed
from gatekeeper.policy.promotion import ApprovalDemand
from gatekeeper.policy.said import reason, remedy
from gatekeeper.policy.verdict import Judged
from gatekeeper.policy.weighing import News
from gatekeeper.signoff import Approval

MOST_LISTED = 20
"""So many new findings are named; all are counted."""


@dataclass(frozen=True, kw_only=True)
class SetAside:
    """An approval that does not count, and why."""

    approval: Approval
    why: Reason


@dataclass(frozen=True, kw_only=True)
class Role:
    """How one role stands."""

    demand: ApprovalDemand
    people: tuple[str, ...]
    """Who signs for it."""
    declined_by: tuple[str, ...]
    """Who said no, and nobody has approved since."""
    news: News
    aside: tuple[SetAside, ...]

    @property
    def still(self) -> int:
        """How many more people must sign."""
        more = self.demand.count - len(self.people)
        return max(more, 1) if self.declined_by else more


def judged_role(role: Role) -> Judged:
    """The result `approval.<role>`."""
    name = role.demand.role
    id_, title = APPROVAL + name, f"Approval by {name}"
    if role.still <= 0:
        return passed(id_, title, _given(role))
    helps = remedy("sign", role=name, count=role.still)
    return failed(id_, title, _missing(role), helps)


def _given(role: Role) -> Reason:
    main = reason("approval-given", role=role.demand.role, people=role.people)
    more = []
    if role.news.rules:
        rules = tuple(" ".join(one) for one in sorted(role.news.rules))
        more.append(reason("approval-since-rules", changed_rules=rules))
    if role.news.findings:
        worst = sorted(role.news.findings, key=lambda one: (-one[1].rank, one[1], one[0]))
        listed = tuple(f"{severity} {fingerprint}" for fingerprint, severity in worst[:MOST_LISTED])
        more.append(reason("approval-since-findings", new_findings=len(worst), worst_findings=listed))
    params = dict(main.params)
    for one in more:
        params |= one.params
    aside = [one.why for one in role.aside if _is_news(one, role)]
    return _united(main, params | _lists(aside), [*more, *aside])


def _is_news(one: SetAside, role: Role) -> bool:
    """True when it is about this question, from somebody who does not count in another way."""
    is_elsewhere = one.why.code.startswith("approval-other-")
    return not is_elsewhere and one.approval.person not in role.people


def _missing(role: Role) -> Reason:
    name, need = role.demand.role, role.demand.count
    if role.declined_by:
        main = reason("approval-declined", role=name, people=role.declined_by)
    else:
        main = reason("approval-missing", role=name, have=len(role.people), need=need, people=role.people)
    why = [one.why for one in role.aside]
    return _united(main, main.params | _lists(why), why)


def _lists(reasons: Sequence[Reason]) -> dict[str, Param]:
    """The persons whose signatures do not count, by the reason, such as `withdrawn`."""
    found: dict[str, list[str | tuple[str, int]]] = defaultdict(list)
    for why in reasons:
        found[why.code.removeprefix("approval-").replace("-", "_")] += _items(why)
    return {key: tuple(items) for key, items in found.items()}


def _items(why: Reason) -> list[str | tuple[str, int]]:
    """The words of a reason in one list: `cov-line ann`, the person last, or (`ann`, 3)."""
    person = str(why.params["person"])
    if isinstance(count := why.params.get("count"), int):
        return [(person, count)]
    for key in ("rules", "parties", "stage", "path", "role"):
        value = why.params.get(key)
        if value is not None:
            words = value if isinstance(value, tuple) else (value,)
            return [f"{word} {person}" for word in words]
    return [person]


def _united(main: Reason, params: dict[str, Param], more: Sequence[Reason]) -> Reason:
    """One reason of several; a page can list the parts from its parameters, which hold no sentences."""
    return Reason(code=main.code, params=params, text="; ".join([main.text, *(one.text for one in more)]))
