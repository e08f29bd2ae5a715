"""Lock files of four tools."""

from collections.abc import Callable

import pytest

from gatekeeper_scanners.dependency_lists.find import Dependencies

Read = Callable[[dict[str, str | bytes]], Dependencies]

PYLOCK = """
lock-version = "1.0"
created-by = "test"
[[packages]]
name = "flask"
version = "2.2.0"
marker = "python_version < '3.0'"
index = "https://h.invalid/simple"
[[packages]]
name = "shop"
directory = {path = ".", editable = true}
[[packages]]
name = "outside"
directory = {path = "../outside"}
[[packages]]
name = "from-git"
version = "1.0"
vcs = {type = "git", url = "https://h.invalid/x", commit-id = "0"}
[[packages]]
name = "from-archive"
archive = {url = "https://h.invalid/x.tar.gz"}
[[packages]]
name = "no-version"
"""
POETRY = """
[[package]]
name = "Flask"
version = "2.2.0"
[[package]]
name = "private"
version = "1.0"
[package.source]
type = "legacy"
url = "https://h.invalid/simple"
[[package]]
name = "from-git"
version = "1.0"
[package.source]
type = "git"
url = "https://h.invalid/x"
[[package]]
name = "lib"
version = "0.1"
[package.source]
type = "directory"
url = "libs/lib"
[metadata]
lock-version = "2.1"
"""
UV = """
version = 1
[[package]]
name = "flask"
version = "2.2.0"
source = { registry = "https://h.invalid/simple" }
[[package]]
name = "shop"
version = "0.1"
source = { virtual = "." }
[[package]]
name = "lib"
source = { editable = "../lib" }
[[package]]
name = "from-url"
version = "1.0"
source = { url = "https://h.invalid/x.whl" }
"""
PIPFILE = """
{"_meta": {"hash": {}},
 "default": {"flask": {"version": "==2.2.0", "markers": "x"}, "shop": {"editable": true, "path": "."},
             "from-git": {"git": "https://h.invalid/x", "ref": "0"}},
 "develop": {"pytest": {"version": "==7.0"}, "any": {"version": "*"}}}
"""


@pytest.mark.parametrize(
    ("name", "text", "pins", "left"),
    [
        ("pylock.toml", PYLOCK, ["flask==2.2.0"], ["from-archive", "from-git", "no-version", "outside"]),
        ("pylock.dev.toml", PYLOCK, ["flask==2.2.0"], ["from-archive", "from-git", "no-version", "outside"]),
        ("poetry.lock", POETRY, ["flask==2.2.0", "private==1.0"], ["from-git"]),
        ("uv.lock", UV, ["flask==2.2.0"], ["from-url", "lib"]),
        ("Pipfile.lock", PIPFILE, ["flask==2.2.0", "pytest==7.0"], ["any", "from-git"]),
    ],
)
def test_each_entry_is_a_pin_the_project_itself_or_left_out(
    read: Read, name: str, text: str, pins: list[str], left: list[str]
) -> None:
    """Markers, groups and extras change nothing: it is installed somewhere."""
    found = read({name: text})
    assert [f"{pin.name}=={pin.version}" for pin in found.pins] == pins
    assert [entry.entry for entry in found.left_out] == left
    assert found.lists == (name,)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("uv.lock", b"version = "),
        ("uv.lock", b"\xff"),
        ("uv.lock", b"hello = 1"),
        ("poetry.lock", b"package = 1"),
        ("pylock.toml", b"packages = [1]"),
        ("Pipfile.lock", b"[]"),
        ("Pipfile.lock", b'{"default": 1}'),
        ("Pipfile.lock", b'{"default": {"x": "1"}}'),
        ("Pipfile.lock", b"[" * 100_000),
        ("uv.lock", b"a = " + b"[" * 100_000),
    ],
)
def test_a_lock_that_cannot_be_read_is_left_out_as_a_whole(read: Read, name: str, data: bytes) -> None:
    """Named, with the reason; never an empty list."""
    found = read({name: data})
    assert found.pins == ()
    [left] = found.left_out
    assert left.entry == name
    assert left.reason.startswith("the list cannot be read: ")


def test_an_empty_lock_is_a_list_without_dependencies(read: Read) -> None:
    """A project may have none."""
    found = read({"uv.lock": "version = 1\n"})
    assert (found.lists, found.pins, found.left_out) == (("uv.lock",), (), ())
