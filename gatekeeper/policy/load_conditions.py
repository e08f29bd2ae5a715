"""Conditions on metrics in a policy file, checked against the registry of metrics."""

from gatekeeper.errors import UnknownMetric
from gatekeeper.metrics import metric as registered
from gatekeeper.policy import spelling
from gatekeeper.policy.condition import Guard, MetricRef
from gatekeeper.policy.section import Section

SCORE = "score"
"""In the `if` of an approval: the score, which is no metric."""


def read_metric(section: Section, key: str, text: str) -> MetricRef | None:
    """`tests.failed@e2e` as metric and name; None when no such metric is registered (noted at `key`)."""
    try:
        found = spelling.metric_ref(text)
        registered(found.metric)
    except UnknownMetric as exc:
        section.fault(key, f"unknown metric {text.partition('@')[0]!r}", hint=exc.hint)
        return None
    except ValueError as exc:
        section.fault(key, str(exc))
        return None
    return found


def read_guards(section: Section, key: str) -> tuple[Guard, ...]:
    """The conditions on metrics at `key`, by name; `score` is left to the caller where it may stand."""
    guards = []
    for name, condition in sorted(section.spelled_entries(key, spelling.condition).items()):
        if name == SCORE and key == "if":
            continue
        ref = read_metric(section, key, name)
        if ref is not None:
            guards.append(Guard(metric=ref, condition=condition))
    if key in section and not section.entries(key):
        section.fault(key, "has no condition", hint="leave the key out")
    return tuple(guards)
