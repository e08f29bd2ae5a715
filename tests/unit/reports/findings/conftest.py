"""Small reports as Python values, read by one reader."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from gatekeeper.evidence import Kind
from gatekeeper.reports.findings import bandit, pip_audit, sarif, semgrep
from gatekeeper.reports.interface import Report
from gatekeeper.reports.limits import DEFAULT_LIMITS, Limits
from gatekeeper.reports.source import ReportSource

Read = Callable[..., Report]

_FORMATS = {module.FORMAT.name: module.FORMAT for module in (sarif, bandit, semgrep, pip_audit)}


@pytest.fixture(scope="session")
def read() -> Read:
    """`read(format, value or bytes, kind=None, limits=...)` -> the report."""

    def of(format_: str, content: Any, *, kind: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Report:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        source = ReportSource(io.BytesIO(data), name="report.json", limits=limits)
        return _FORMATS[format_].read(source, limits, Kind(kind) if kind else None)

    return of


@pytest.fixture(scope="session")
def read_results(read: Read) -> Read:
    """`read_results([result, ...], run keys ...)` -> the report of one Bandit SARIF run."""

    def of(results: Any, *, limits: Limits = DEFAULT_LIMITS, driver: Any = None, **run: Any) -> Report:
        tool = {"driver": {"name": "Bandit", **(driver or {})}} | run.pop("tool", {})
        log = {"version": "2.1.0", "runs": [{"tool": tool, "results": results, **run}]}
        return read("sarif", log, limits=limits)

    return of
