"""What gets into the private copy of a target, and what is counted instead."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper_scanners.source_copy import (
    EXCLUDED_FOLDERS,
    CopyLimits,
    SourceCopy,
    copy_source,
    matches,
)


def copy(tmp_path: Path, target: Path, **options: object) -> SourceCopy:
    """Copy the Python files of `target`."""
    root = tmp_path / "copy"
    root.mkdir()
    return copy_source(target, root, patterns=("*.py",), **options)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A folder with a Python file at two depths."""
    folder = tmp_path / "target"
    (folder / "pkg").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1\n")
    (folder / "pkg" / "b.py").write_text("b = 1\n")
    return folder


def test_wanted_files_are_copied_byte_for_byte(tmp_path: Path, target: Path) -> None:
    """Files that match are copied under their own paths; others are not."""
    (target / "notes.txt").touch()
    found = copy(tmp_path, target)
    assert found.files == ("a.py", "pkg/b.py")
    assert (found.root / "pkg" / "b.py").read_bytes() == b"b = 1\n"
    assert (found.unread, found.unread_folders, found.links_out) == ((), (), ())


@pytest.mark.parametrize("name", EXCLUDED_FOLDERS)
def test_excluded_folder_is_left_out_at_any_depth(tmp_path: Path, target: Path, name: str) -> None:
    """A folder of fetched or built content is not the project's source; a file of that name is."""
    (target / "pkg" / name).mkdir()
    (target / "pkg" / name / "x.py").touch()
    (target / f"{name}.py").touch()
    assert copy(tmp_path, target).files == tuple(sorted(("a.py", "pkg/b.py", f"{name}.py")))


def test_links_are_not_copied_and_only_those_that_leave_are_reported(tmp_path: Path, target: Path) -> None:
    """A link out of the target hides something; one within, a dangling or a circular one does not."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").touch()
    (outside / "secret.txt").touch()
    for name, to in {
        "inside.py": "a.py", "out.py": outside / "secret.py", "out": outside,
        "text.txt": outside / "secret.txt", "dangling.py": "none.py", "circle.py": "circle.py", "up": "..",
    }.items():  # fmt: skip
        (target / name).symlink_to(to)
    found = copy(tmp_path, target)
    assert found.files == ("a.py", "pkg/b.py")
    assert found.links_out == ("out", "out.py", "up")


def test_pipe_with_a_wanted_name_is_unread_and_does_not_block(tmp_path: Path, target: Path) -> None:
    """Only regular files are opened for reading; a pipe would block for ever."""
    os.mkfifo(target / "pipe.py")
    assert copy(tmp_path, target).unread == ("pipe.py",)


def test_limits_are_counted_as_unread(tmp_path: Path, target: Path) -> None:
    """What is larger than the limit is named, never silently left out."""
    (target / "big.py").write_bytes(b"#" * 100)
    found = copy(tmp_path, target, limits=CopyLimits(max_file_bytes=50))
    assert (found.files, found.unread) == (("a.py", "pkg/b.py"), ("big.py",))


def test_limit_of_files_is_counted_as_unread(tmp_path: Path, target: Path) -> None:
    """Beyond the number of files the rest is named."""
    found = copy(tmp_path, target, limits=CopyLimits(max_files=1))
    assert len(found.files) == len(found.unread) == 1


def test_folder_of_the_reports_is_left_out(tmp_path: Path, target: Path) -> None:
    """Reports of an earlier run that lie in the target are not source."""
    assert copy(tmp_path, target, leave_out=[target / "pkg"]).files == ("a.py",)


@pytest.mark.parametrize("name", [".bandit", ".semgrepignore"])
def test_scanner_configuration_never_matches(name: str) -> None:
    """The target does not configure the scanners, even when a tool asks for every file."""
    assert not matches(name, ("*",))
    assert matches(name + ".py", ("*",))


@given(st.sets(st.text("ab.", min_size=1, max_size=6).filter(lambda name: name.strip(".")), max_size=8))
def test_every_wanted_file_is_copied_or_named(names: set[str]) -> None:
    """Whatever the names, each regular file that matches is in the copy."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        target, root = Path(folder, "target"), Path(folder, "copy")
        target.mkdir()
        root.mkdir()
        for name in names:
            (target / f"{name}.py").touch()
        found = copy_source(target, root, patterns=("*.py",))
        assert set(found.files) == {f"{name}.py" for name in names}
        assert all((root / file).is_file() for file in found.files)
