"""The metric registry is whole and every name leads somewhere."""

import json
import re
from pathlib import Path

import pytest

from gatekeeper.errors import UnknownMetric
from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.metrics import FINDING_KINDS, METRICS, Direction, Unit, metric

SAMPLES = Path(__file__).parents[1] / "samples"


def test_every_row_is_described() -> None:
    """A metric is named after its kind, in lower case, and has a description of its own."""
    for name, row in METRICS.items():
        assert row.name == name
        assert re.fullmatch(rf"{row.kind}(\.[a-z_]+)+", name)
        assert row.description
        assert not row.description.endswith(".")


def test_metrics_of_the_contract_exist() -> None:
    """The names that policies and reports rely on are there with their units."""
    for name in ("total", "passed", "failed", "errors", "skipped", "flaky"):
        assert metric(f"tests.{name}").unit is Unit.COUNT
    assert metric("tests.duration_ms").unit is Unit.MILLISECONDS
    assert metric("tests.pass_rate").unit is Unit.PERCENT
    for one, many in (("line", "lines"), ("branch", "branches"), ("function", "functions")):
        assert metric(f"coverage.{one}").unit is Unit.PERCENT
        assert metric(f"coverage.{many}_covered").unit is Unit.COUNT
        assert metric(f"coverage.{many}_total").unit is Unit.COUNT
    for kind in FINDING_KINDS:
        for severity in Severity:
            assert metric(f"{kind}.{severity}").better is Direction.LOWER
            assert metric(f"{kind}.new.{severity}").better is Direction.LOWER


def test_unknown_name_is_refused_with_the_nearest() -> None:
    """A typo is an error that names what was probably meant."""
    with pytest.raises(UnknownMetric, match="tests\\.pasrate") as refused:
        metric("tests.pasrate")
    assert refused.value.hint == "did you mean tests.pass_rate?"
    with pytest.raises(UnknownMetric) as far:
        metric("???")
    assert "gatekeeper metrics" in far.value.hint


def test_readers_only_write_registered_metrics() -> None:
    """Every metric that a sample is expected to give is in the registry, under the sample's kind."""
    seen = {
        (entry["kind"], name)
        for folder in SAMPLES.glob("*/expected.json")
        for entry in json.loads(folder.read_text(encoding="utf-8")).values()
        for name in entry.get("metrics", {})
    }
    assert seen
    assert [name for kind, name in seen if metric(name).kind is not Kind(kind)] == []
