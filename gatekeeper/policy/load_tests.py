"""One entry of `tests:` as a `PolicyTest`."""

from datetime import UTC, datetime

from gatekeeper.decision import Outcome
from gatekeeper.errors import UnknownMetric
from gatekeeper.evidence import Kind, Problem, State
from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.metrics import metric as registered
from gatekeeper.policy import spelling
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.model import Expected, Given, GivenEvidence, Policy, PolicyTest
from gatekeeper.policy.section import Section

DEFAULT_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def read_test(section: Section, policy: Policy) -> PolicyTest:
    """The example in `section`; names that the policy does not have are faults."""
    stage = section.text("stage", policy.stages[0])
    if stage not in policy.stages:
        section.fault("stage", f"unknown stage {stage!r}", hint=nearest(stage, policy.stages))
    if "now" in section and "as_of" in section:
        section.fault("now", "is another word for `as_of`: write one of them")
    as_of = section.spelled(
        "as_of", spelling.instant, section.spelled("now", spelling.instant, DEFAULT_AS_OF)
    )
    return PolicyTest(
        name=section.text("name", "unnamed"),
        stage=stage,
        as_of=as_of,
        given=_given(section),
        expect=_expect(section, policy),
        line=section.line,
    )


def _given(section: Section) -> Given:
    given = section.section("given", "given")
    if given is None:
        return Given()
    baseline = given.section("baseline", "baseline")
    found: list[GivenEvidence] = []
    entries = given.section("evidence", None)
    for key in given.entries("evidence"):
        inner = entries.section(key, "given_evidence") if entries else None
        kind, _, name = key.partition("/")
        if kind not in tuple(Kind):
            given.fault("evidence", f"unknown kind of evidence {kind!r}", hint=nearest(kind, Kind))
        elif inner is not None:
            found.append(_evidence(inner, Kind(kind), name))
    return Given(
        metrics=_metrics(given),
        baseline=None if baseline is None else _metrics(baseline),
        evidence=tuple(found),
    )


def _metrics(section: Section) -> dict[str, str]:
    found = section.spelled_entries("metrics", spelling.decimal)
    for name, value in found.items():
        try:
            registered(spelling.metric_ref(name).metric)
        except (UnknownMetric, ValueError) as exc:
            hint = exc.hint if isinstance(exc, UnknownMetric) else ""
            section.fault("metrics", f"unknown metric {name!r}", hint=hint)
            continue
        if value.startswith("-"):
            section.fault("metrics", f"{name} cannot be {value}: no metric is negative")
    return found


def _evidence(section: Section, kind: Kind, name: str) -> GivenEvidence:
    names = section.texts("names") or ()
    if name and names:
        section.fault("names", f"the key already says that the name is {name!r}")
    problems = []
    for code, value in section.entries("problems").items():
        count = value.content
        if code not in PROBLEMS:
            section.fault("problems", f"unknown problem {code!r}", hint=nearest(code, PROBLEMS))
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            section.fault("problems", f"{code}: write how many, at least 1")
            count = 1
        problems.append(Problem(code=code, params={"count": count}))
    state = section.choice("state", tuple(State), State.OK)
    return GivenEvidence(
        kind=kind,
        names=(name,) if name else names,
        state=state,
        problems=tuple(problems),
        age_s=section.spelled("age", spelling.duration_s, 0),
        db_age_s=section.spelled("db_age", spelling.duration_s, None),
        tool=section.text("tool", "") or None,
    )


def _expect(section: Section, policy: Policy) -> Expected:
    expect = section.section("expect", "expect")
    if expect is None:
        return Expected()
    outcome = expect.choice("outcome", tuple(Outcome), Outcome.FAIL) if "outcome" in expect else None
    expected = Expected(
        outcome=outcome,
        allowed=expect.truth("allowed"),
        score=expect.spelled("score", spelling.decimal, None),
        failed=_rules(expect, "failed", policy),
        warned=_rules(expect, "warned", policy),
        missing=_rules(expect, "missing", policy),
        skipped=_rules(expect, "skipped", policy),
        observed=_rules(expect, "observed", policy),
    )
    if expected == Expected():
        expect.fault(
            "", "a test that expects nothing proves nothing", hint="write outcome: pass, warn or fail"
        )
    return expected


def _rules(section: Section, key: str, policy: Policy) -> tuple[str, ...] | None:
    names = section.texts(key)
    known = {rule.id for rule in policy.rules}
    for name in names or ():
        kind = name.removeprefix("evidence.").partition("/")[0]
        if name not in known and not (name.startswith("evidence.") and kind in tuple(Kind)):
            section.fault(key, f"no rule is called {name!r}", hint=nearest(name, known))
    return names
