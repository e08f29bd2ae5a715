"""What is accepted without a reason never lets through what the extended policy stops."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from gatekeeper.decision import Outcome
from gatekeeper.evidence import Kind, State
from gatekeeper.policy.example import Expected, Given, GivenEvidence, PolicyTest
from gatekeeper.policy.load import Pin, PolicyRefused, Resolved, load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.policy.testing import run_tests

STAGES = ("develop", "test", "production")
MODES = ("block", "score", "warn", "observe")
ACTS = ("block", "warn")
DATES = ("2025-06-01", "2026-06-01")
RANK = {Outcome.PASS: 0, Outcome.WARN: 1, Outcome.FAIL: 2}
METRICS = {
    "a": ("coverage.line", ">=", (60, 70, 80, 90)),
    "b": ("tests.skipped", "<=", (8, 6, 4, 2)),
    "c": ("coverage.branch", ">=", (60, 70, 80, 90)),
    "d": ("tests.flaky", "<=", (8, 6, 4, 2)),
}
"""Rule -> metric, operator, thresholds from the loosest to the strictest."""


def written(value: Any) -> str:
    """A value in YAML's flow style."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {written(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case str():
            return f'"{value}"'
        case _:
            return str(value)


@st.composite
def rule_keys(draw: DrawFn, rule: str) -> dict[str, Any]:
    """All that a rule of the extended policy says."""
    _, op, thresholds = METRICS[rule]
    strict = draw(st.integers(1, 3))
    found: dict[str, Any] = {"pass": f"{op} {thresholds[strict]}", "loosen_reason": "it is an example"}
    if draw(st.booleans()):
        found["warn"] = f"{op} {thresholds[draw(st.integers(0, strict - 1))]}"
    found["mode"] = "score" if rule == "a" else draw(st.sampled_from(MODES))
    if found["mode"] == "score":
        found["weight"] = draw(st.integers(1, 4))
    found["from"] = draw(st.sampled_from(STAGES[:2]))
    if draw(st.booleans()):
        found["on_missing"] = draw(st.sampled_from(ACTS))
    if draw(st.integers(0, 3)) == 0:
        found["only_if"] = {"tests.total": ">= 10"}
        found["on_too_few"] = draw(st.sampled_from(ACTS))
    if found["mode"] != "observe" and draw(st.integers(0, 3)) == 0:
        found["enforce_from"] = draw(st.sampled_from(DATES))
    return found


@st.composite
def one_change(draw: DrawFn) -> tuple[str, dict[str, Any]]:
    """One thing that an override says about a rule."""
    rule = draw(st.sampled_from(sorted(METRICS)))
    _, op, thresholds = METRICS[rule]
    bound = f"{op} {draw(st.sampled_from(thresholds))}"
    return rule, draw(
        st.sampled_from(
            [
                {"pass": bound},
                {"warn": bound},
                {"stages": {"production": {"pass": bound}}},
                {"mode": draw(st.sampled_from(MODES))},
                {"mode": "block"},
                {"weight": draw(st.integers(1, 4))},
                {"from": draw(st.sampled_from(STAGES))},
                {draw(st.sampled_from(["on_missing", "on_error"])): draw(st.sampled_from(ACTS))},
                {"only_if": {"tests.total": ">= 10"}},
                {"on_too_few": draw(st.sampled_from(ACTS))},
                {"enforce_from": draw(st.sampled_from(DATES))},
            ]
        )
    )


@st.composite
def tops(draw: DrawFn, *, is_whole: bool) -> dict[str, Any]:
    """Keys of the file that are no rules."""
    found: dict[str, Any] = {}
    if is_whole or draw(st.booleans()):
        found["score"] = {"pass": draw(st.sampled_from([50, 90])), "warn": draw(st.sampled_from([25, 50]))}
    if draw(st.booleans()):
        found["on_missing"] = draw(st.sampled_from(ACTS))
    if draw(st.booleans()):
        found["evidence"] = {
            "coverage": {
                "from": draw(st.sampled_from(STAGES)),
                "max_age": draw(st.sampled_from(["1h", "24h", "9d"])),
                "names": draw(st.sampled_from([["default"], ["default", "web"]])),
            }
        }
    return found


def entries(overrides: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries of rules that change those of the extended policy."""
    return [{"id": rule, "override": keys} for rule, keys in overrides.items()]


def text(name: str, top: dict[str, Any], rules: list[dict[str, Any]]) -> bytes:
    """A policy file."""
    head = {"schema": "gatekeeper/v1", "policy": name, "owner": "o"} | top
    lines = [f"{key}: {written(value)}" for key, value in head.items()]
    if rules:
        lines += ["rules:", *(f"  - {written(rule)}" for rule in rules)]
    return "\n".join(lines).encode()


@st.composite
def pairs(draw: DrawFn) -> tuple[Policy, Policy]:
    """A policy, and another one that extends it: of many random changes, those that need no reason."""
    rules = [
        {"id": rule, "metric": metric} | draw(rule_keys(rule)) for rule, (metric, _, _) in METRICS.items()
    ]
    first = {"id": "tests", "metric": "tests.failed", "pass": "== 0"}
    data = text("base", {"stages": list(STAGES)} | draw(tops(is_whole=True)), [first, *rules])
    base = load_policy(data, file="base.yaml")

    def resolve(_name: str, _pin: Pin) -> Resolved:
        return Resolved(data=data, file="base.yaml", version=1)

    top: dict[str, Any] = {"extends": "base@1"}
    overrides: dict[str, dict[str, Any]] = {}
    child = load_policy(text("child", top, []), file="child.yaml", resolve=resolve)
    steps = [(top | {key: value}, overrides) for key, value in draw(tops(is_whole=False)).items()]
    for rule, change in draw(st.lists(one_change(), min_size=3, max_size=8)):
        steps.append(({}, {rule: change}))
    for more_top, more in steps:
        new_top = top | more_top
        new = overrides | {rule: overrides.get(rule, {}) | change for rule, change in more.items()}
        try:
            child = load_policy(text("child", new_top, entries(new)), file="child.yaml", resolve=resolve)
            top, overrides = new_top, new
        except PolicyRefused:
            continue
    return base, child


@st.composite
def facts(draw: DrawFn) -> PolicyTest:
    """A question about random facts; some are missing, old, or not to be trusted."""
    metrics = {"tests.failed": "0", "tests.errors": "0"}
    for metric, _, thresholds in METRICS.values():
        if draw(st.integers(0, 6)):
            value = draw(st.integers(min(thresholds) - 1, max(thresholds) + 1))
            metrics[metric] = str(value)
    if draw(st.integers(0, 3)):
        metrics["tests.total"] = str(draw(st.sampled_from([9, 10])))
    evidence = ()
    if draw(st.booleans()):
        state = draw(st.sampled_from([State.OK, State.INCOMPLETE]))
        age_s = draw(st.sampled_from([0, 7200, 48 * 3600]))
        evidence = (GivenEvidence(kind=Kind.COVERAGE, names=("default",), state=state, age_s=age_s),)
    return PolicyTest(
        name="q",
        stage=draw(st.sampled_from(STAGES)),
        as_of=datetime(2026, 1, 1, tzinfo=UTC),
        given=Given(metrics=metrics, evidence=evidence),
        expect=Expected(),
        line=1,
    )


@given(pairs(), st.lists(facts(), min_size=8, max_size=8))
# Each example loads a dozen policies, so a failure is shown as it was found and not made smaller.
@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
def test_without_a_reason_nothing_more_gets_through(pair, questions):
    """For the same facts the extending policy decides the same or worse."""
    base, child = (
        [outcome.decision for outcome in run_tests(msgspec.structs.replace(policy, tests=tuple(questions)))]
        for policy in pair
    )
    for question, before, after in zip(questions, base, child, strict=True):
        assert RANK[after.outcome] >= RANK[before.outcome], (question, before.reasons, after.reasons)
