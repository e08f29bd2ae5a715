"""Every file that a person names is read, noted or refused."""

import os
from pathlib import Path

import pytest

from gatekeeper.cli.files import NoSuchFile, Selection, select
from gatekeeper.errors import UsageError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with a few reports."""
    for name in ("unit.xml", "out/a.json", "out/deep/b.json", "out/.hidden", "out/.git/x"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def slots(selection: Selection) -> list[tuple[str, str]]:
    """(name, job) of each file."""
    return [(given.name, given.job) for given in selection.files]


def test_a_folder_gives_everything_in_it(folder: Path) -> None:
    """At any depth, sorted; what is hidden is noted, not lost in silence."""
    selection = select(["out"], cwd=folder)
    assert slots(selection) == [("default", "out/a.json"), ("default", "out/deep/b.json")]
    assert selection.notes == ("out: 2 hidden files or folders were not read; name them to have them read",)


def test_two_files_are_two_slots(folder: Path) -> None:
    """The path is the job, so that one report never replaces another."""
    assert slots(select(["unit.xml", "e2e=out/a.json"], cwd=folder)) == [
        ("e2e", "out/a.json"),
        ("default", "unit.xml"),
    ]


@pytest.mark.parametrize("arguments", [["out", "e2e=out/a.json"], ["e2e=out/a.json", "out"]])
def test_a_name_wins_over_the_folder_that_holds_the_file(folder: Path, arguments: list[str]) -> None:
    """The file is read once, under its name, whatever the order."""
    assert slots(select(arguments, cwd=folder)) == [("e2e", "out/a.json"), ("default", "out/deep/b.json")]


def test_the_same_file_twice_counts_once(folder: Path) -> None:
    """Counting a report twice would double its tests."""
    assert slots(select(["unit.xml", "./unit.xml", str(folder / "unit.xml")], cwd=folder)) == [
        ("default", "unit.xml")
    ]


def test_one_file_under_two_names_is_refused(folder: Path) -> None:
    """It would be counted under both."""
    with pytest.raises(UsageError, match="two names, 'a' and 'b'"):
        select(["a=unit.xml", "b=unit.xml"], cwd=folder)


def test_a_path_that_leads_nowhere_is_refused_by_name(folder: Path) -> None:
    """A forgotten report is not an absent one."""
    with pytest.raises(NoSuchFile, match=r"coverage\.xml does not exist"):
        select(["unit.xml", "coverage.xml"], cwd=folder)


def test_an_empty_folder_is_refused(folder: Path) -> None:
    """A scan that wrote nothing proves nothing."""
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no files"):
        select(["empty"], cwd=folder)


def test_a_linked_folder_is_not_followed_and_said(folder: Path) -> None:
    """It may lead anywhere, also in a circle."""
    (folder / "out" / "loop").symlink_to(folder)
    selection = select(["out"], cwd=folder)
    assert len(selection.files) == 2
    assert any("1 linked folders" in note for note in selection.notes)


def test_a_file_with_an_equals_sign_can_be_named(folder: Path) -> None:
    """An existing path is a path."""
    (folder / "a=b.xml").write_text("")
    assert slots(select(["a=b.xml"], cwd=folder)) == [("default", "a=b.xml")]


def test_stdin_is_a_file_of_its_own(folder: Path) -> None:
    """`-` can be named too."""
    (folder / "-").write_text("")
    assert slots(select(["e2e=-", "./-"], cwd=folder)) == [("e2e", "-"), ("default", "./-")]


def test_a_name_that_is_not_utf8_is_refused(folder: Path) -> None:
    """It could not be written into a decision; two such names could look alike."""
    (folder / "out" / "\udcff.xml").write_text("")
    with pytest.raises(UsageError, match="is not UTF-8"):
        select(["out"], cwd=folder)


def test_a_pipe_in_a_folder_is_refused(folder: Path) -> None:
    """Opening it would wait for a writer that may never come; passing it over would lose a report."""
    os.mkfifo(folder / "out/late.xml")
    with pytest.raises(UsageError, match=r"'late.xml' in the folder out is a pipe, socket or device"):
        select(["out"], cwd=folder)


def test_a_pipe_that_is_named_is_read(folder: Path) -> None:
    """Shells hand over the output of a command in this way."""
    os.mkfifo(folder / "late.xml")
    assert slots(select(["late.xml"], cwd=folder)) == [("default", "late.xml")]


def test_a_broken_link_in_a_folder_is_kept_for_the_reader_to_refuse(folder: Path) -> None:
    """A report that cannot be opened is no reason to judge without it."""
    (folder / "out/deep/gone.json").symlink_to("nowhere")
    assert ("default", "out/deep/gone.json") in slots(select(["out"], cwd=folder))
