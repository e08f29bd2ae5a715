"""The half-year of `make history`: it is plausible, it replays, and it is the same every time."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gatekeeper.cli.export_folder import ExportFolder
from gatekeeper.cli.main import main
from gatekeeper.decision import Outcome
from gatekeeper.policy.replay import KeptDecision

EXAMPLES = Path(__file__).parents[3] / "examples"


def played(output: Path, decisions: int) -> subprocess.CompletedProcess[str]:
    """The half-year in so many decisions."""
    return subprocess.run(
        [sys.executable, "-P", EXAMPLES / "history", "--decisions", str(decisions), "--output", output],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About two hundred decisions."""
    output = tmp_path_factory.mktemp("history") / "made"
    done = played(output, 200)
    assert done.returncode == 0, done.stderr
    assert "decisions" in done.stdout
    return output


@pytest.fixture(scope="module")
def kept(history: Path) -> list[KeptDecision]:
    """All of them, the oldest first."""
    folder = ExportFolder(history / "export")
    return list(folder.kept(folder.places()))


def test_it_tells_of_half_a_year_of_many_projects(kept: list[KeptDecision]) -> None:
    """Over all its months, by policies that were tightened twice, with every outcome."""
    assert len(kept) >= 200
    assert (kept[-1].decision.as_of - kept[0].decision.as_of).days > 150
    assert len({one.decision.subject.project for one in kept}) > 25
    assert len({one.inputs.policy_digest for one in kept}) == 3
    assert Counter(one.decision.outcome for one in kept).keys() == set(Outcome)
    assert {one.decision.stage for one in kept} == {"develop", "test", "uat", "staging", "production"}


def test_its_turns_of_fortune_are_there(kept: list[KeptDecision]) -> None:
    """A vulnerability that stops builds from the third month on, and a hotfix that skips stages."""
    stopped = [
        one.decision.as_of
        for one in kept
        for rule in one.decision.rules
        if rule.id == "sca-unknown" and rule.status == "fail"
    ]
    assert stopped
    assert (min(stopped) - kept[0].decision.as_of).days >= 70
    refs = {piece.provenance.ref for one in kept for piece in one.inputs.evidence}
    assert "hotfix/night" in refs


@pytest.mark.parametrize(("name", "turn"), [("tightened", "pass-to-fail"), ("loosened", "fail-to-pass")])
def test_every_decision_replays_and_rules_flip_some(
    history: Path, capsys: pytest.CaptureFixture[str], name: str, turn: str
) -> None:
    """Its policies to try say something, and nothing of it is not replayable."""
    arguments = [str(history / f"{name}.yaml"), str(history / "export"), "--format", "json"]
    assert main(["policy", "backtest", *arguments]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["turns"]["not-replayable"] == 0
    assert found["turns"][turn] > 0
    assert found["turns"]["unchanged"] > found["total"] / 3


def test_the_same_seed_gives_the_same_decisions(tmp_path: Path) -> None:
    """To the microsecond; their ids differ, for the random ids of tokens are among their inputs."""
    made = []
    for name in ("one", "two"):
        assert played(tmp_path / name, 20).returncode == 0
        folder = ExportFolder(tmp_path / name / "export")
        told = [one.decision for one in folder.kept(folder.places())]
        made.append([(one.as_of, one.subject, one.stage, one.outcome, one.rules) for one in told])
    assert made[0] == made[1]
    assert len(made[0]) >= 20


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """It ends with 2 and touches nothing."""
    done = played(tmp_path, 20)
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []
