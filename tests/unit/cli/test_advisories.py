"""`gatekeeper advisories import` and `status`, as a person and a pipeline see them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatekeeper.cli.advisories import age_in_words
from gatekeeper.cli.main import main

RECORDS = Path(__file__).parents[2] / "advisories"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test."""
    monkeypatch.setenv("GATEKEEPER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """(exit code, stdout, stderr) of `gatekeeper advisories ...`."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main(["advisories", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_import_then_status(call: Callable[..., tuple[int, str, str]]) -> None:
    """Both print the same figures; a mirror of 2024 is called old, with the way to a newer one."""
    code, out, err = call("import", RECORDS)
    assert (code, err) == (0, "")
    assert "records    7 (1 withdrawn)" in out
    assert "ecosystems PyPI 6" in out
    assert "newest     2024-06-01 00:00 UTC, " in out
    assert "PyPI/all.zip" in out
    assert call("status") == (0, out, "")


def test_status_as_json(call: Callable[..., tuple[int, str, str]]) -> None:
    """One document on stdout, whatever the state."""
    code, out, _ = call("status", "--json")
    assert (code, json.loads(out)["state"]) == (1, "missing")
    call("import", RECORDS)
    code, out, err = call("status", "--json")
    told = json.loads(out)
    assert (code, err, told["state"], told["records"], told["schema"]) == (
        0,
        "",
        "complete",
        7,
        "gatekeeper/advisories/v1",
    )


def test_a_missing_mirror_says_what_to_do(call: Callable[..., tuple[int, str, str]]) -> None:
    """Exit code 1, and nothing on stdout."""
    code, out, err = call("status")
    assert (code, out) == (1, "")
    assert err.startswith("error: there is no advisory mirror in ")
    assert "gatekeeper advisories import all.zip" in err


def test_a_damaged_mirror_is_an_error(call: Callable[..., tuple[int, str, str]], home: Path) -> None:
    """`status` verifies what it describes."""
    call("import", RECORDS)
    [file] = home.rglob("records.sqlite")
    file.write_bytes(file.read_bytes() + b"\0")
    code, _, err = call("status")
    assert code == 1
    assert "is damaged: its file has changed since the import" in err


def test_a_partial_import_is_told_and_exits_1_in_status(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """The import did what was asked; the mirror is still not complete."""
    folder = tmp_path / "records"
    folder.mkdir()
    (folder / "good.json").write_bytes((RECORDS / "PYSEC-2018-28.json").read_bytes())
    (folder / "bad.json").write_bytes(b"{")
    code, _, err = call("import", folder)
    assert code == 1
    assert "1 of 2 files cannot be read: bad.json: " in err
    assert "--partial" in err
    code, out, err = call("import", folder, "--partial")
    assert code == 0
    assert "left out: bad.json: " in err
    assert "state      partial" in out
    assert "1 more left out as unreadable" in out
    assert call("status")[0] == 1


@pytest.mark.parametrize(
    "words", [("import",), ("import", "missing.zip"), ("import", "a", "b"), ("nonsense",)]
)
def test_wrong_usage_is_exit_code_2(
    call: Callable[..., tuple[int, str, str]], words: tuple[str, ...]
) -> None:
    """With words on stderr alone."""
    code, out, err = call(*words)
    assert (code, out) == (2, "")
    assert err


def test_what_is_no_archive_is_exit_code_1(call: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """The old mirror stays."""
    call("import", RECORDS)
    (tmp_path / "a.zip").write_bytes(b"not a zip")
    code, _, err = call("import", tmp_path / "a.zip")
    assert code == 1
    assert "is not a zip file" in err
    assert call("status")[0] == 0


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(minutes=5), "0 hours old"),
        (timedelta(hours=1), "1 hour old"),
        (timedelta(days=1, hours=3), "1 day old"),
        (timedelta(days=1200), "1,200 days old"),
        (timedelta(days=-1), "0 hours old"),
    ],
)
def test_age_in_words(age: timedelta, words: str) -> None:
    """Days from the first full day on; a date ahead of the clock is no negative age."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert age_in_words(now - age, now) == words
    assert age_in_words(None, now) == "of unknown age"
