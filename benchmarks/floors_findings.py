"""Speed floor of the SARIF reader: a bare typed decode of five fields per result, with no check at all.

It is wrong on dialects, by design: no rule lookup, no severity, no suppression, no identity, no tolerance for
one bad result.
"""

from pathlib import Path

import msgspec

from gatekeeper.reports.json import collector_off


class _Text(msgspec.Struct, gc=False):
    text: str = ""


class _Region(msgspec.Struct, gc=False, rename="camel"):
    start_line: int | None = None


class _Artifact(msgspec.Struct, gc=False):
    uri: str | None = None


class _Physical(msgspec.Struct, gc=False, rename="camel"):
    artifact_location: _Artifact | None = None
    region: _Region | None = None


class _Location(msgspec.Struct, gc=False, rename="camel"):
    physical_location: _Physical | None = None


class _Result(msgspec.Struct, gc=False, rename="camel"):
    rule_id: str | None = None
    level: str | None = None
    message: _Text | None = None
    locations: list[_Location] = []


class _Run(msgspec.Struct, gc=False):
    results: list[_Result]


class _Log(msgspec.Struct, gc=False):
    runs: list[_Run]


def sarif(path: Path) -> int:
    """Results, counted after decoding rule, level, message, path and line of each."""
    with collector_off():
        log = msgspec.json.decode(path.read_bytes(), type=_Log)
    return sum(len(run.results) for run in log.runs)
