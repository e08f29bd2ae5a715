"""Approvals: which roles must sign, whose signatures count for them, and who still has to sign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from gatekeeper.decision import Approvals, Reason
from gatekeeper.policy.approval_roles import Role, judged_role
from gatekeeper.policy.approval_roles import SetAside as SetAside
from gatekeeper.policy.book import FactBook
from gatekeeper.policy.condition import Guard
from gatekeeper.policy.entry import Asked, Held, after
from gatekeeper.policy.matching import matched
from gatekeeper.policy.model import Policy
from gatekeeper.policy.promotion import ApprovalDemand
from gatekeeper.policy.said import reason
from gatekeeper.policy.separation import separation_held
from gatekeeper.policy.shown import exact
from gatekeeper.policy.weighing import News as News
from gatekeeper.policy.weighing import Standing as Standing
from gatekeeper.policy.weighing import blocking_rules as blocking_rules
from gatekeeper.policy.weighing import is_asked, news_since, set_aside
from gatekeeper.policy.weighing import open_findings as open_findings
from gatekeeper.signoff import Approval, Verdict


@dataclass(frozen=True, kw_only=True)
class Signed(Held):
    """The result `separation`, one result for each role that must sign, and the lists of the decision."""

    approvals: Approvals = field(default_factory=Approvals)
    set_aside: tuple[SetAside, ...] = ()
    """In roles that must sign; in the order in which they were given."""


def signed(
    asked: Asked,
    policy: Policy,
    standing: Standing,
    approvals: Sequence[Approval],
    *,
    book: FactBook,
    score: Fraction | None,
) -> Signed:
    """The results `separation` and `approval.<role>` for what the policy demands here; often none.

    `score` is the exact score; None when no rule scored. The order of `approvals` does not matter.
    """
    signing = policy.signing(asked.stage, asked.path)
    demands = [one for one in signing.demands if _applies(one, book, score)] if signing else []
    if not demands:
        return Signed()
    roles = {one.role for one in demands}
    ordered = sorted((one for one in approvals if one.role in roles), key=lambda one: (one.given_at, one.id))
    found = _roles(demands, ordered, asked, standing, is_distinct=policy.separation.distinct_people)
    missing = tuple(sorted(one.demand.role for one in found if one.still > 0))
    ours = [one for one in ordered if _is_ours(one, asked)]
    return Signed(
        judged=separation_held(standing.excluded, policy.separation).judged
        + tuple(judged_role(r) for r in found),
        changes_at=after(asked.as_of, *(t for one in ours for t in (one.given_at, one.withdrawn_at))),
        approvals=Approvals(
            required=tuple(sorted(roles)), given=tuple(sorted(roles - {*missing})), missing=missing
        ),
        set_aside=tuple(one for role in found for one in role.aside),
    )


def _applies(demand: ApprovalDemand, book: FactBook, score: Fraction | None) -> bool:
    """True unless a condition is known not to hold: what is unknown must be signed."""
    if demand.score is not None and score is not None and not demand.score.holds(score):
        return False
    return all(_may_hold(guard, book) for guard in demand.when)


def _may_hold(guard: Guard, book: FactBook) -> bool:
    value = book.read(guard.metric)
    return isinstance(value, Reason) or guard.condition.holds(exact(value))


def _is_ours(one: Approval, asked: Asked) -> bool:
    is_here = one.stage == asked.stage and one.path == asked.path.name
    return is_here and asked.is_subject(one.tree, one.artifact)


def _roles(
    demands: Sequence[ApprovalDemand],
    ordered: Sequence[Approval],
    asked: Asked,
    standing: Standing,
    *,
    is_distinct: bool,
) -> list[Role]:
    """How each demanded role stands, by name."""
    declines = [one for one in ordered if one.verdict is Verdict.DECLINE and is_asked(one, asked)]
    aside: list[SetAside] = []
    good: list[Approval] = []
    for one in ordered:
        if one.verdict is not Verdict.APPROVE:
            continue
        why = set_aside(one, asked, standing) or _overruled(one, declines)
        if why is None:
            good.append(one)
        else:
            aside.append(SetAside(approval=one, why=why))
    people = _people(good, demands, is_distinct=is_distinct)
    short = {one.role for one in demands if len(people[one.role]) < one.count}
    aside += _used([one for one in good if one.role in short], people)
    return [
        Role(
            demand=demand,
            people=people[demand.role],
            declined_by=_declined(demand.role, good, declines),
            news=_news(demand.role, good, people[demand.role], standing),
            aside=tuple(one for one in aside if one.approval.role == demand.role),
        )
        for demand in sorted(demands, key=lambda one: one.role)
    ]


def _overruled(approval: Approval, declines: Sequence[Approval]) -> Reason | None:
    """The person said no in the same role, at the same time or later."""
    for one in declines:
        is_same = one.person == approval.person and one.role == approval.role
        if is_same and one.given_at >= approval.given_at:
            return reason("approval-overruled", person=approval.person)
    return None


def _people(
    good: Sequence[Approval], demands: Sequence[ApprovalDemand], *, is_distinct: bool
) -> dict[str, tuple[str, ...]]:
    signatures = [(one.person, one.role) for one in good]
    if is_distinct:
        return matched(signatures, {one.role: one.count for one in demands})
    found: dict[str, tuple[str, ...]] = {}
    for demand in demands:
        persons = list(dict.fromkeys(person for person, role in signatures if role == demand.role))
        found[demand.role] = tuple(sorted(persons[: demand.count]))
    return found


def _used(good: Sequence[Approval], people: Mapping[str, tuple[str, ...]]) -> list[SetAside]:
    """Signatures that are needed, of persons who count for another role."""
    counts_for = {person: role for role, persons in people.items() for person in persons}
    return [
        SetAside(
            approval=one,
            why=reason("approval-in-other-role", person=one.person, role=counts_for[one.person]),
        )
        for one in good
        if one.person not in people[one.role] and one.person in counts_for
    ]


def _declined(role: str, good: Sequence[Approval], declines: Sequence[Approval]) -> tuple[str, ...]:
    """Who said no in the role after the last approval that counts."""
    last = max((one.given_at for one in good if one.role == role), default=None)
    persons = {one.person for one in declines if one.role == role and (last is None or last <= one.given_at)}
    return tuple(sorted(persons))


def _news(role: str, good: Sequence[Approval], people: Sequence[str], standing: Standing) -> News:
    """What changed since the newest signature of each person who counts for the role."""
    newest = {one.person: one.shown for one in good if one.role == role and one.person in people}
    news = News()
    for shown in newest.values():
        news |= news_since(shown, standing)
    return news
