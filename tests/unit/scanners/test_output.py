"""The folder of the reports: what is touched, and what is refused."""

from pathlib import Path

import pytest

from gatekeeper.errors import UsageError
from gatekeeper_scanners.output import clear, open_output, write_report


def test_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    """A missing folder is made; what comes back is absolute."""
    assert open_output(tmp_path, tmp_path / "a" / "b") == (tmp_path / "a" / "b").resolve()
    assert (tmp_path / "a" / "b").is_dir()


def test_target_itself_is_no_folder_for_reports(tmp_path: Path) -> None:
    """Reports among the source could replace files of the source."""
    with pytest.raises(UsageError, match="among the source"):
        open_output(tmp_path.resolve(), tmp_path)


def test_file_is_no_folder_for_reports(tmp_path: Path) -> None:
    """A file in the way is named."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot make the folder"):
        open_output(tmp_path, tmp_path / "file")


def test_clear_removes_only_the_names_of_the_tools(tmp_path: Path) -> None:
    """An old report of a tool that runs again goes; everything else stays."""
    for name in ("bandit.json", "bandit.run.json", "semgrep.json", "notes.json"):
        (tmp_path / name).touch()
    clear(tmp_path, ["bandit"])
    assert {path.name for path in tmp_path.iterdir()} == {"semgrep.json", "notes.json"}


def test_report_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    """A folder with the name of a report stops the scan before an old report could stand for a new run."""
    (tmp_path / "bandit.json").mkdir()
    with pytest.raises(UsageError, match=r"cannot remove the earlier .*bandit\.json"):
        clear(tmp_path, ["bandit"])


def test_report_replaces_a_link_instead_of_writing_through_it(tmp_path: Path) -> None:
    """A link with the name of a report does not lead the report elsewhere."""
    (tmp_path / "elsewhere").write_bytes(b"kept")
    (tmp_path / "bandit.json").symlink_to(tmp_path / "elsewhere")
    assert write_report(tmp_path, "bandit", b"{}").read_bytes() == b"{}"
    assert (tmp_path / "elsewhere").read_bytes() == b"kept"
    assert {path.name for path in tmp_path.iterdir()} == {"elsewhere", "bandit.json"}
