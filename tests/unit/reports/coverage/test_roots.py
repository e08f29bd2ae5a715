"""Paths of covered files: one spelling, and never that of another file."""

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.reports.coverage.roots import Roots
from gatekeeper.reports.interface import UnreadableReport


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("./src//a.c", "src/a.c"),
        ("src\\lib\\a.c", "src/lib/a.c"),
        ("src/x/../a.c", "src/a.c"),
        ("../a.c", "../a.c"),
        ("src/../../a.c", "../a.c"),
        ("C:\\src\\a.c", "C:/src/a.c"),
        ("webpack://app/./a.js", "webpack:/app/a.js"),
    ],
)
def test_one_spelling(name, path):
    """Separators, dots and empty parts do not make another file."""
    assert Roots().path(name) == path


def test_leaving_a_root():
    """A name that climbs out of a root is not under it."""
    assert Roots(["/repo"]).path("/repo/../etc/a.c") == "/etc/a.c"
    assert Roots(["/repo"]).path("/repo") == "/repo"
    assert Roots(["/"]).path("/a.c") == "a.c"
    assert Roots(["../lib"]).path("a.c") == "../lib/a.c"


@given(
    name=st.text(st.sampled_from("ab./\\"), min_size=1, max_size=12),
    root=st.sampled_from(["/a", "/a/b", "/"]),
)
def test_the_file_stays_the_same(name, root):
    """Put back under its root, a path is the file that was named."""
    path = Roots([root]).path(name)
    plain = posixpath.normpath(name.replace("\\", "/"))
    assert path in (plain, posixpath.relpath(plain, root) if plain.startswith("/") else plain)
    assert Roots().path(path) == path


@pytest.mark.parametrize("name", ["", "  ", "a" * 4097])
def test_no_name(name):
    """Lines without a file, or with one that no file system holds, are refused."""
    with pytest.raises(UnreadableReport):
        Roots().path(name)
