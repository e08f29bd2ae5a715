"""`gatekeeper doctor` and the two lists."""

import json
from pathlib import Path

import pytest

from gatekeeper.cli.main import main
from gatekeeper.metrics import METRICS
from gatekeeper.reports.registry import FORMATS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    monkeypatch.setenv("GATEKEEPER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def checks(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    """The doctor's findings by check."""
    return {item["check"]: item for item in json.loads(capsys.readouterr().out)}


@pytest.mark.usefixtures("home")
def test_a_new_machine_is_warned_and_not_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """No advisories and no tools yet: each line says what to do."""
    assert main(["doctor", "--json"]) == 0
    found = checks(capsys)
    assert found["advisories"]["health"] == "warn"
    assert "advisories import" in found["advisories"]["do"]
    assert found["bandit"]["health"] == "warn"
    assert found["rules"]["health"] == "ok"
    assert all(item["do"] for item in found.values() if item["health"] != "ok")


def test_a_data_folder_that_is_a_file_is_a_failure(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, and the way out."""
    home.write_text("")
    assert main(["doctor", "--json"]) == 1
    found = checks(capsys)
    assert found["data folder"]["health"] == "fail"
    assert "GATEKEEPER_HOME" in found["data folder"]["do"]


def test_it_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Looking makes no folders."""
    main(["doctor"])
    assert capsys.readouterr().out.startswith("ok ")
    assert not home.exists()


def test_metrics_are_those_of_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    """One table gives them all."""
    assert main(["metrics", "--json"]) == 0
    assert [item["name"] for item in json.loads(capsys.readouterr().out)] == list(METRICS)
    assert main(["metrics", "--kind", "coverage"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 13


def test_formats_are_those_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Every reader is listed."""
    assert main(["formats", "--json"]) == 0
    assert [item["name"] for item in json.loads(capsys.readouterr().out)] == [row.name for row in FORMATS]
    assert main(["formats"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(FORMATS) + 1
