"""The way to green: the smallest step that would make one rule pass, as code and parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gatekeeper.decision import Reason, Remedy
from gatekeeper.evidence import Kind, Param, Ratio, Value
from gatekeeper.finding import Finding, Severity
from gatekeeper.line_ranges import count
from gatekeeper.metrics import METRICS, Direction
from gatekeeper.policy.condition import Condition, Op
from gatekeeper.policy.facts import CANNOT_COUNT, CANNOT_UNITE, IMPOSSIBLE, NOTHING_COUNTED, Facts
from gatekeeper.policy.said import remedy
from gatekeeper.policy.shown import exact, shown_value
from gatekeeper.policy.upgrades import upgrades

MOST = 10
"""So many files, tests, findings or packages are named; the counts are complete."""

_COMMANDS = {
    Kind.TESTS: "pytest --junitxml=junit.xml",
    Kind.COVERAGE: "pytest --cov --cov-report=json",
    Kind.SAST: "gatekeeper scan .",
    Kind.SCA: "gatekeeper scan .",
    Kind.SECRETS: "gitleaks git --report-format sarif --report-path gitleaks.sarif",
    Kind.CONTAINER: "trivy image --format sarif --output trivy.sarif IMAGE",
    Kind.IAC: "checkov --directory . --output sarif --output-file-path .",
    Kind.DAST: "run the scan of the deployed artifact and keep its SARIF report",
    Kind.REVIEW: "have the change reviewed and send the count in the format `facts`",
    Kind.DEFECTS: "count the open defects of the tracker and send them in the format `facts`",
    Kind.CHANGE: "name the ticket of the change and send it in the format `facts`",
}
_RATIOS = {
    "coverage.line": "lines",
    "coverage.branch": "branches",
    "coverage.function": "functions",
    "coverage.statement": "statements",
}
_IS_ERROR = {"tests.failed": False, "tests.errors": True}
_FAILING = ("tests.failed", "tests.errors", "tests.pass_rate")
_MISSING = {
    "tool-absent": "supply-tool",
    "mismatched": "supply-for-subject",
    "ref-unprotected": "supply-protected",
    "stale": "run-again",
    "clock-skew": "set-clock",
    "database-stale": "update-database",
    "database-unknown": "update-database",
    "incomplete": "complete-report",
    "failed": "complete-report",
    "unreadable": "readable-report",
    "metric-absent": "report-with-metric",
    CANNOT_UNITE: "one-report",
    CANNOT_COUNT: "check-report",
    NOTHING_COUNTED: "run-again",
    IMPOSSIBLE: "check-report",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a metric must reach: the condition `pass`, the limit computed from the baseline, or both."""

    metric: str
    condition: Condition | None
    limit: Fraction | None = None

    def accepts(self, value: Fraction) -> bool:
        """True when both hold."""
        if self.condition is not None and not self.condition.holds(value):
            return False
        if self.limit is None:
            return True
        higher = METRICS[self.metric].better is Direction.HIGHER
        return value >= self.limit if higher else value <= self.limit


def for_missing(kind: Kind, reason: Reason) -> Remedy:
    """What supplies the facts that are missing for `reason`."""
    command = _COMMANDS[kind]
    params: dict[str, Param] = {"kind": str(kind), "command": command}
    for key in ("name", "tool", "metric", "problems"):
        if key in reason.params:
            params[key] = reason.params[key]
    if reason.code == "artifact-unlinked":
        return remedy("link-artifact", artifact=reason.params["artifact"])
    if reason.code == "parts-missing":
        return remedy("complete-set", set=reason.params["set"], parts=reason.params["parts"], command=command)
    if reason.code == "unlinked" and kind in (Kind.CONTAINER, Kind.DAST):
        return remedy("name-artifact", **params)
    if reason.code == "untrusted":
        demands_runner = reason.params["demanded"] == "observed"
        return remedy("supply-observed") if demands_runner else remedy("supply-bound", command=command)
    code = _MISSING.get(reason.code)
    if code is None:
        code = {"unlinked": "supply-for-subject"}.get(
            reason.code, "supply-name" if "name" in params else "supply"
        )
    return remedy(code, **params)


def for_value(target: Target, facts: Facts, value: Value, *, is_shrunk: bool = False) -> Remedy:
    """What makes a metric with the failing `value` reach `target`."""
    metric = METRICS[target.metric]
    actual = exact(value)
    if metric.better is Direction.NEUTRAL:
        wanted = str(target.condition) if target.condition else ""
        return remedy("change-metric", metric=metric.name, actual=shown_value(metric.name, actual), to=wanted)
    if isinstance(value, Ratio):
        return _for_ratio(target, facts, value)
    goal = _goal(target)
    steps = goal - int(actual) if metric.better is Direction.HIGHER else int(actual) - goal
    named = _named(metric.name, facts, steps, goal)
    if named is not None:
        return named
    code = "lower-metric" if metric.better is Direction.LOWER else "raise-metric"
    if is_shrunk:
        code = "restore-amount"
    return remedy(code, metric=metric.name, actual=str(actual.numerator), to=str(goal))


def for_findings(found: Sequence[Finding]) -> Remedy:
    """What clears all of `found`; there is at least one."""
    return _fix(found, len(found))


def _goal(target: Target) -> int:
    """The count nearest to the bad side that is still accepted."""
    higher = METRICS[target.metric].better is Direction.HIGHER
    bounds = [target.limit] if target.limit is not None else []
    strict = False
    if target.condition is not None:
        bounds.append(target.condition.value)
        strict = target.condition.op in (Op.MORE, Op.LESS, Op.OTHER)
    bound = max(bounds) if higher else min(bounds)
    goal = -(-bound.numerator // bound.denominator) if higher else bound.numerator // bound.denominator
    if strict and not target.accepts(Fraction(goal)):
        goal += 1 if higher else -1
    return goal


def _for_ratio(target: Target, facts: Facts, value: Ratio) -> Remedy:
    steps = _steps(target, value)
    if target.metric in _RATIOS:
        return _cover(facts, steps, _RATIOS[target.metric])
    return _mend("tests.pass_rate", facts, steps)


def _steps(target: Target, value: Ratio) -> int:
    """The smallest number that must be added to the numerator; the condition is monotone in it."""
    low, high = 0, max(value.d - value.n, 0)
    while low < high:
        middle = (low + high) // 2
        if target.accepts(Fraction(100 * (value.n + middle), value.d)):
            high = middle
        else:
            low = middle + 1
    return low


def _named(metric: str, facts: Facts, steps: int, goal: int) -> Remedy | None:
    """A remedy that names places, for metrics whose places are known."""
    if metric in _FAILING:
        return _mend(metric, facts, steps)
    if metric == "coverage.lines_covered" and steps <= sum(count(f.miss) for f in facts.files.values()):
        return _cover(facts, steps, "lines")
    found = _matching(metric, facts)
    if found is None or goal < 0 or len(found) < steps:
        return None
    return _fix(found, steps)


def _cover(facts: Facts, steps: int, what: str) -> Remedy:
    missed = sorted(((count(lines.miss), path) for path, lines in facts.files.items()), key=_most_first)
    files: list[tuple[str, int]] = []
    left = steps
    for lines, path in missed[:MOST]:
        if left and lines:
            files.append((path, min(lines, left)))
            left -= min(lines, left)
    if what != "lines" or not files:
        return remedy("cover-more", count=steps, what=what)
    return remedy("cover-lines", lines=steps, files=tuple(files))


def _most_first(item: tuple[int, str]) -> tuple[int, str]:
    return (-item[0], item[1])


def _mend(metric: str, facts: Facts, steps: int) -> Remedy:
    counted = [f for f in facts.failures if metric not in _IS_ERROR or f.is_error is _IS_ERROR[metric]]
    names = sorted({f"{f.suite}: {f.name}" if f.suite else f.name for f in counted})
    if not names:
        return remedy("mend-tests-unnamed", count=steps, metric=metric)
    return remedy("mend-tests", count=steps, tests=tuple(names[:MOST]))


def _matching(metric: str, facts: Facts) -> list[Finding] | None:
    """The open findings that the metric counts, worst first; None when it counts something else."""
    rest = metric.partition(".")[2]
    is_new = rest.startswith("new.")
    what = rest.removeprefix("new.")
    if what not in ("total", "fixable", *Severity) or facts.kind in (Kind.TESTS, Kind.COVERAGE):
        return None
    return [
        finding
        for finding in facts.findings
        if (not is_new or finding.fingerprint in facts.new)
        and (what == "total" or finding.severity == what or (what == "fixable" and _is_fixable(finding)))
    ]


def _is_fixable(finding: Finding) -> bool:
    return finding.package is not None and bool(finding.package.fixed_versions)


def _fix(found: Sequence[Finding], steps: int) -> Remedy:
    if not any(finding.package for finding in found):
        return remedy("fix-findings", count=steps, findings=tuple(map(_place, found[: min(steps, MOST)])))
    packages, cleared = upgrades(found, steps)
    if len(packages) > MOST:
        return remedy("upgrade-many", packages=packages[:MOST], more=len(packages) - MOST)
    missing = max(0, steps - len(cleared))
    if not missing:
        return remedy("upgrade-packages", packages=packages)
    left = [finding for finding in found if finding.fingerprint not in cleared]
    unfixed = tuple(map(_place, left[: min(missing, MOST)]))
    if not packages:
        return remedy("replace-packages", count=missing, findings=unfixed)
    return remedy("upgrade-and-fix", packages=packages, count=missing, findings=unfixed)


def _place(finding: Finding) -> str:
    if finding.package is not None:
        version = f" {finding.package.version}" if finding.package.version else ""
        name = finding.advisories[0] if finding.advisories else finding.rule
        return f"{name} in {finding.package.name}{version}"
    if finding.location is None:
        return finding.rule
    line = f":{finding.location.line}" if finding.location.line else ""
    return f"{finding.rule} {finding.location.path}{line}"
