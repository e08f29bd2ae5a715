"""Gatekeeper's own JSON for what no tool reports: reviews, open defects, tickets of a change.

`{"schema": "gatekeeper/facts/v1", "kind": "defects", "producer": {"name": "jira"}, "produced_at": "...",
"metrics": {"defects.blocker": 0, ...}}`. Every metric of the kind must be there: what is left out is not 0.
"""

from typing import Literal

import msgspec

from gatekeeper.evidence import Kind, Producer
from gatekeeper.metrics import METRICS
from gatekeeper.reports.interface import Head, Report, ReportFormat, UnreadableReport
from gatekeeper.reports.json import decode
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes, state_of
from gatekeeper.reports.repeated_keys import refuse_all_repeated_keys
from gatekeeper.reports.source import ReportSource
from gatekeeper.reports.times import utc_time

SCHEMA = "gatekeeper/facts/v1"
KINDS = (Kind.REVIEW, Kind.DEFECTS, Kind.CHANGE)


class _Facts(msgspec.Struct, forbid_unknown_fields=True):
    schema: Literal["gatekeeper/facts/v1"]
    kind: Literal["review", "defects", "change"]
    metrics: dict[str, int]
    producer: Producer | None = None
    produced_at: str | None = None


def detect(head: Head) -> bool:
    """A JSON object that names the schema."""
    return "schema" in head.keys and f'"{SCHEMA}"'.encode() in head.data


def read(source: ReportSource, _limits: Limits, _kind: Kind | None) -> Report:
    """The counts as they are stated; `incomplete` when one of the kind is left out.

    Raises:
        UnreadableReport: it is not of this format, names a metric of no or another kind, or a negative count.
    """
    refuse_all_repeated_keys(source)
    facts = decode(source, _Facts)
    kind = Kind(facts.kind)
    expected = [metric.name for metric in METRICS.values() if metric.kind is kind]
    for name, value in facts.metrics.items():
        if name not in expected:
            raise UnreadableReport(
                "wrong-shape", detail=f"{name[:80]!r} is no metric of {kind}: it has {', '.join(expected)}"
            )
        if value < 0:
            raise UnreadableReport("wrong-shape", detail=f"{name} cannot be {value}")
    notes = Notes()
    for name in expected:
        if name not in facts.metrics:
            notes.count("not-stated", name)
    produced_at = utc_time(facts.produced_at, notes.add)
    problems = notes.problems()
    return Report(
        format=FORMAT.name,
        kind=kind,
        state=state_of(problems),
        problems=problems,
        producer=facts.producer,
        produced_at=produced_at,
        metrics=dict(facts.metrics),
    )


FORMAT = ReportFormat(
    name="facts",
    title="Gatekeeper facts",
    kinds=KINDS,
    tools="bridges to trackers and to reviews",
    detect=detect,
    read=read,
)
