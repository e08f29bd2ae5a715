"""One entry of `tests:` as a `PolicyTest`."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from gatekeeper.decision import Outcome
from gatekeeper.evidence import Kind
from gatekeeper.policy import spelling
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.example import Expected, Given, PolicyTest
from gatekeeper.policy.load_given import read_given
from gatekeeper.policy.load_rules import RESERVED
from gatekeeper.policy.model import Policy
from gatekeeper.policy.promotion import STANDARD, Signing
from gatekeeper.policy.section import Section

DEFAULT_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def read_test(section: Section, policy: Policy, zone: ZoneInfo) -> PolicyTest:
    """The example in `section`; names that the policy does not have are faults."""
    stage = section.text("stage", policy.stages[0])
    if stage not in policy.stages:
        section.fault("stage", f"unknown stage {stage!r}", hint=nearest(stage, policy.stages))
    path = section.text("path", STANDARD)
    if policy.path(path) is None:
        section.fault("path", f"unknown path {path!r}", hint=nearest(path, _paths(policy)))
    if "now" in section and "as_of" in section:
        section.fault("now", "is another word for `as_of`: write one of them")
    as_of = section.spelled(
        "as_of", spelling.instant, section.spelled("now", spelling.instant, DEFAULT_AS_OF)
    )
    given = read_given(section, policy, zone)
    return PolicyTest(
        name=section.text("name", "unnamed"),
        stage=stage,
        path=path,
        as_of=as_of,
        given=given,
        expect=_expect(section, policy, given),
        line=section.line,
    )


def _paths(policy: Policy) -> set[str]:
    return {STANDARD, *(path.name for path in policy.paths)}


def _expect(section: Section, policy: Policy, given: Given) -> Expected:
    expect = section.section("expect", "expect")
    if expect is None:
        return Expected()
    outcome = expect.choice("outcome", tuple(Outcome), Outcome.FAIL) if "outcome" in expect else None
    known = _results(policy)
    expected = Expected(
        outcome=outcome,
        allowed=expect.truth("allowed"),
        score=expect.spelled("score", spelling.decimal, None),
        failed=_listed(expect, "failed", known, "rule"),
        warned=_listed(expect, "warned", known, "rule"),
        missing=_listed(expect, "missing", known, "rule"),
        skipped=_listed(expect, "skipped", known, "rule"),
        observed=_listed(expect, "observed", known, "rule"),
        used_waivers=_waivers(expect, "used_waivers", given),
        expired_waivers=_waivers(expect, "expired_waivers", given),
        unused_waivers=_waivers(expect, "unused_waivers", given),
        approvals=_listed(expect, "approvals", _roles(policy), "role"),
    )
    if expected == Expected():
        expect.fault(
            "", "a test that expects nothing proves nothing", hint="write outcome: pass, warn or fail"
        )
    return expected


def _listed(section: Section, key: str, known: set[str], what: str) -> tuple[str, ...] | None:
    names = section.texts(key)
    for name in names or ():
        if name not in known and not (what == "rule" and _is_demanded_evidence(name)):
            section.fault(key, f"no {what} is called {name!r}", hint=nearest(name, known))
    return names


def _is_demanded_evidence(name: str) -> bool:
    kind = name.removeprefix("evidence.").partition("/")[0]
    return name.startswith("evidence.") and kind in tuple(Kind)


def _waivers(section: Section, key: str, given: Given) -> tuple[str, ...] | None:
    return _listed(section, key, {waiver.id for waiver in given.waivers}, "waiver in `given`")


def _results(policy: Policy) -> set[str]:
    """The ids that results can have; those of demanded evidence are not listed."""
    owed = {f"obligation.{owed.id}" for path in policy.paths for owed in path.obligations}
    rules = {rule.id for rule in policy.all_rules}
    return rules | owed | {f"approval.{role}" for role in _roles(policy)} | set(RESERVED)


def _roles(policy: Policy) -> set[str]:
    signings: list[Signing] = [*policy.approvals]
    for path in policy.paths:
        signings += path.approvals or ()
    return {demand.role for signing in signings for demand in signing.demands}
