"""The examples in a policy file, run through the same evaluation as every real question."""

from collections.abc import Iterable, Iterator

import msgspec

from gatekeeper.decision import Change, Decision, Status
from gatekeeper.policy.assumed import PEOPLE, SUBJECT, baseline_of, evidence_of, values
from gatekeeper.policy.assumed_people import approvals_of, records_before, waivers_of, with_windows
from gatekeeper.policy.current import look_at
from gatekeeper.policy.evaluate import decide
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.model import Expected, Policy, PolicyTest
from gatekeeper.policy.spelling import decimal
from gatekeeper.signoff import Records

_LISTS = {
    "failed": (Status.FAIL, Status.ERROR),
    "warned": (Status.WARN,),
    "missing": (Status.MISSING,),
    "skipped": (Status.SKIPPED,),
    "observed": (Status.OBSERVED,),
}
_RULES = ""
_ENTRY = ("order", "window", "separation")
_PREFIXES = ("evidence.", "approval.", "obligation.")
"""Results that are no rules of the file. A list of an example that names none of a group leaves it out."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One expectation that was not met."""

    key: str
    expected: str
    actual: str


class TestOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one example ended. It passed when there are no differences."""

    __test__ = False  # pytest takes the name for a test class

    name: str
    line: int
    differences: tuple[Difference, ...]
    decision: Decision

    @property
    def passed(self) -> bool:
        """True when everything was as expected."""
        return not self.differences


def run_tests(policy: Policy) -> tuple[TestOutcome, ...]:
    """Every example of `policy`, in file order."""
    return tuple(_run(test, policy) for test in policy.tests)


def never_failed(policy: Policy) -> tuple[str, ...]:
    """Rules that no example sees failing, sorted: nothing shows that they can stop anything.

    A rule that is not enforced yet counts as failing when it would.
    """
    seen: set[str] = set()
    for outcome in run_tests(policy):
        seen |= {rule.id for rule in outcome.decision.rules if rule.status is Status.FAIL}
        seen |= {change.rule for change in outcome.decision.would_change if _would_fail(change)}
        seen |= {
            rule.id
            for rule in outcome.decision.rules
            if rule.status is Status.OBSERVED
            and rule.message.code in ("fails", "shrunk", "worse-than-baseline", "expression-false")
        }
    return tuple(sorted({rule.id for rule in (*policy.rules, *policy.expressions)} - seen))


def _would_fail(change: Change) -> bool:
    return change.status is Status.FAIL


def _run(test: PolicyTest, policy: Policy) -> TestOutcome:
    decision = _decided(test, with_windows(test, policy))
    return TestOutcome(
        name=test.name,
        line=test.line,
        differences=tuple(_differences(test.expect, decision)),
        decision=decision,
    )


def _decided(test: PolicyTest, policy: Policy) -> Decision:
    """The decision; where people sign, they have seen what it would be without them."""
    path = policy.path(test.path)
    if path is None:
        return _judged(test, policy, Records())
    records = records_before(test, path)
    decision = _judged(test, policy, records)
    if policy.signing(test.stage, path) is None:
        return decision
    approvals = approvals_of(test, policy, path, decision)
    return _judged(test, policy, msgspec.structs.replace(records, approvals=approvals))


def _judged(test: PolicyTest, policy: Policy, records: Records) -> Decision:
    evidence, baseline = evidence_of(test, policy), baseline_of(test, policy)
    waivers = waivers_of(test, policy)
    inputs = inputs_for(
        SUBJECT,
        test.stage,
        policy,
        evidence,
        as_of=test.as_of,
        baseline=baseline,
        people=PEOPLE,
        waivers=waivers,
        records=records,
        path=test.path,
    )
    return decide(
        inputs,
        policy,
        look_at(evidence, policy, SUBJECT, test.as_of, baseline, stage=test.stage),
        waivers=waivers,
        records=records,
        given=values(test.given.metrics),
        given_baseline=None if test.given.baseline is None else values(test.given.baseline),
        gate=False,
    )


def _differences(expected: Expected, decision: Decision) -> Iterator[Difference]:
    if expected.outcome is not None and expected.outcome is not decision.outcome:
        yield Difference(key="outcome", expected=expected.outcome, actual=decision.outcome)
    if expected.allowed is not None and expected.allowed is not decision.allowed:
        yield Difference(
            key="allowed", expected=str(expected.allowed).lower(), actual=str(decision.allowed).lower()
        )
    score = None if decision.score is None else decimal(decision.score)
    if expected.score is not None and expected.score != score:
        yield Difference(key="score", expected=expected.score, actual=decision.score or "none")
    for key, statuses in _LISTS.items():
        wanted: tuple[str, ...] | None = getattr(expected, key)
        if wanted is not None:
            named = {_group(name) for name in wanted}
            ids = [rule.id for rule in decision.rules if rule.status in statuses]
            found = {id_ for id_ in ids if (group := _group(id_)) == _RULES or group in named}
            yield from _difference_of_lists(key, wanted, found)
    waivers = decision.waivers
    yield from _difference_of_lists("used_waivers", expected.used_waivers, waivers.used)
    yield from _difference_of_lists("expired_waivers", expected.expired_waivers, waivers.expired)
    yield from _difference_of_lists("unused_waivers", expected.unused_waivers, waivers.unused)
    yield from _difference_of_lists("approvals", expected.approvals, decision.approvals.missing)


def _group(id_: str) -> str:
    """The group of results that is left out together; `""` for rules, which never are."""
    if id_ in _ENTRY:
        return id_
    return next((prefix for prefix in _PREFIXES if id_.startswith(prefix)), _RULES)


def _difference_of_lists(
    key: str, wanted: tuple[str, ...] | None, found: Iterable[str]
) -> Iterator[Difference]:
    if wanted is not None and set(wanted) != set(found):
        yield Difference(key=key, expected=_listed(wanted), actual=_listed(found))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "none"
