"""Reading a text as one coverage format, without detection."""

from collections.abc import Callable
from io import BytesIO

import pytest

from gatekeeper.reports.coverage import cobertura, coverage_py, lcov
from gatekeeper.reports.interface import Report
from gatekeeper.reports.limits import DEFAULT_LIMITS, Limits
from gatekeeper.reports.source import ReportSource

READERS = {format_.name: format_.read for format_ in (cobertura.FORMAT, coverage_py.FORMAT, lcov.FORMAT)}

Read = Callable[..., Report]


def read_as(name: str, content: str | bytes, limits: Limits = DEFAULT_LIMITS) -> Report:
    """The report of `content`, read as the format `name`."""
    data = content.encode() if isinstance(content, str) else content
    return READERS[name](ReportSource(BytesIO(data), name="report", limits=limits), limits, None)


@pytest.fixture(scope="session")
def read() -> Read:
    """`read(format name, content)`: the report, or UnreadableReport."""
    return read_as


@pytest.fixture(scope="session")
def problems() -> Callable[[Report], dict[str, dict[str, object]]]:
    """`problems(report)`: their parameters by code; of several with one code, the last."""
    return lambda report: {problem.code: dict(problem.params) for problem in report.problems}
