"""Which files are dependency lists."""

from collections.abc import Callable

from gatekeeper_scanners.dependency_lists.find import Dependencies


def test_lists_are_found_at_any_depth_nearest_first(read: Callable[..., Dependencies]) -> None:
    """Those of tests and documentation are lists like others; constraint files and wishes are not."""
    names = [
        "requirements.txt", "dev-requirements.txt", "requirements_test.txt", "requirements/base.txt",
        "docs/requirements.txt", "tests/fixtures/requirements/x.txt", "services/a/uv.lock", "pylock.ci.toml",
    ]  # fmt: skip
    others = [
        "constraints.txt",
        "requirements/constraints.txt",
        "requirements.in",
        "pyproject.toml",
        "notes.txt",
    ]
    found = read(dict.fromkeys([*names, *others], ""))
    assert found.lists == (
        "dev-requirements.txt",
        "pylock.ci.toml",
        "requirements.txt",
        "requirements_test.txt",
        "docs/requirements.txt",
        "requirements/base.txt",
        "services/a/uv.lock",
        "tests/fixtures/requirements/x.txt",
    )


def test_without_lists_there_is_nothing(read: Callable[..., Dependencies]) -> None:
    """The caller makes a failure of it."""
    found = read(
        {"pyproject.toml": '[project]\nname = "x"\ndependencies = ["flask"]', "setup.py": "raise SystemExit"}
    )
    assert (found.lists, found.pins, found.left_out) == ((), (), ())


def test_a_broken_pyproject_names_no_project(read: Callable[..., Dependencies]) -> None:
    """It only says which name is the project's own."""
    found = read({"pyproject.toml": "tool = 1\nproject = [", "requirements.txt": "shop"})
    assert [left.entry for left in found.left_out] == ["shop"]
    found = read({"pyproject.toml": '[tool.poetry]\nname = "Shop"', "requirements.txt": "shop"})
    assert found.left_out == ()
