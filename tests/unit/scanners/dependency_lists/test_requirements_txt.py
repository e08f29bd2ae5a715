"""Requirement files: every line ends as an exact version, as the project itself, or as left out by name."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper_scanners.dependency_lists.find import Dependencies
from gatekeeper_scanners.dependency_lists.requirements_txt import logical_lines

Read = Callable[[dict[str, str | bytes]], Dependencies]


def pins(found: Dependencies) -> list[str]:
    """`name==version` of each pin."""
    return [f"{pin.name}=={pin.version}" for pin in found.pins]


@pytest.mark.parametrize(
    ("line", "pin"),
    [
        ("flask==1.0", "flask==1.0"),
        ("Flask_SQLAlchemy == 2.0.0", "flask-sqlalchemy==2.0.0"),
        ("requests[security,socks]==2.19.1", "requests==2.19.1"),
        ("jinja2===2.10", "jinja2==2.10"),
        ("torch==2.1.0+cpu", "torch==2.1.0+cpu"),
        ("x==1!2.0rc1", "x==1!2.0rc1"),
        ("x==2.0-rc.1", "x==2.0rc1"),
        ("x>=1,==1.5", "x==1.5"),
        ("old==1.0 ; python_version < '3.0'", "old==1.0"),
        ("win==1.0; sys_platform == 'win32' # comment", "win==1.0"),
        ("h==1.0 --hash=sha256:aa --hash=sha256:bb", "h==1.0"),
        ("h==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb", "h==1.0"),
        ("h==1.0 \\\n# a comment in between\n    --hash=sha256:aa", "h==1.0"),
        ("h==\\\n1.0", "h==1.0"),
    ],
)
def test_an_exact_version_is_a_pin_whatever_its_marker(read: Read, line: str, pin: str) -> None:
    """pip-audit would drop lines whose marker is false on the machine of the scan."""
    found = read({"requirements.txt": line})
    assert pins(found) == [pin]


@pytest.mark.parametrize(
    ("line", "entry", "reason"),
    [
        ("django", "django", "no exact version"),
        ("django>=2,<3", "django>=2,<3", "no exact version"),
        ("django==2.*", "django==2.*", "no exact version"),
        ("django~=2.0", "django~=2.0", "no exact version"),
        ("x @ https://u:p@h.invalid/x.whl?token=1", "x @ https://h.invalid/x.whl", "comes from a file"),
        (
            "git+https://tok@h.invalid/x.git@main#egg=x",
            "git+https://h.invalid/x.git@main#egg=x",
            "comes from",
        ),
        ("-e git+ssh://git@h.invalid/x.git#egg=x", "git+ssh://h.invalid/x.git#egg=x", "comes from"),
        ("./wheels/x-1.0-py3-none-any.whl", "./wheels/x-1.0-py3-none-any.whl", "comes from"),
        ("x-1.0.tar.gz", "x-1.0.tar.gz", "comes from"),
        ("../elsewhere", "../elsewhere", "comes from"),
        ("-e ../elsewhere", "../elsewhere", "comes from"),
        ("file:///srv/x", "file:///srv/x", "comes from"),
        ("x==${VERSION}", "x==${VERSION}", "environment variable"),
        ("-r missing.txt", "missing.txt", "not among the dependency lists"),
        ("-r ../../etc/passwd", "../../etc/passwd", "not among the dependency lists"),
        ("-r https://h.invalid/r.txt", "https://h.invalid/r.txt", "not among the dependency lists"),
        ("--unheard-of x", "--unheard-of x", "an option that is not known"),
        ("x==not.a.version", "x==not.a.version", "not a valid"),
        ("!!!", "!!!", "not a valid requirement"),
        ("x\x1b[31m>1", "x\N{REPLACEMENT CHARACTER}[31m>1", "not a valid requirement"),
    ],
)
def test_what_cannot_be_audited_is_left_out_by_name(read: Read, line: str, entry: str, reason: str) -> None:
    """With its place, without credentials, never in silence."""
    found = read({"requirements.txt": f"# head\n{line}\n"})
    assert found.pins == ()
    [left] = found.left_out
    assert (left.place, left.entry) == ("requirements.txt:2", entry)
    assert reason in left.reason


@pytest.mark.parametrize(
    "line",
    [
        "-e .", "-e .[dev,test]", "--editable=.", ".", "./", "-e ./libs/core",
        "./libs/core[x] ; python_version > '3'",
        "shop", "shop[test]", "Shop>=1",
        "-i https://h.invalid/simple", "--index-url=https://h.invalid", "--pre",
        "--require-hashes", "--no-binary :all:",
        "", "   # only a comment",
    ],
)  # fmt: skip
def test_the_project_itself_and_settings_are_no_dependencies(read: Read, line: str) -> None:
    """Neither audited nor left out."""
    found = read({"requirements.txt": line, "pyproject.toml": '[project]\nname = "shop"\n'})
    assert (found.pins, found.left_out) == ((), ())


def test_includes_are_followed_once_and_circles_end(read: Read) -> None:
    """A list read by way of another is the same list."""
    found = read(
        {
            "requirements.txt": "-r requirements/base.txt\na==1",
            "requirements/base.txt": "-r ../requirements.txt\n--requirement=dev.txt\nb==1",
            "requirements/dev.txt": "-rbase.txt\nb==2",
        }
    )
    assert pins(found) == ["a==1", "b==1", "b==2"]
    assert found.left_out == ()
    assert found.lists == ("requirements.txt", "requirements/base.txt", "requirements/dev.txt")


def test_constraints_pin_what_a_list_asks_for_and_nothing_else(read: Read) -> None:
    """A constraint that nobody asks for is not installed."""
    found = read(
        {
            "requirements.txt": "-c constraints.txt\nDjango\nflask>=1\nredis",
            "constraints.txt": "django==2.2\nflask==1.0\nflask==2.0\nunused==1\n-c more.txt",
            "constraints-more.txt": "",
        }
    )
    assert pins(found) == ["django==2.2", "flask==1.0", "flask==2.0"]
    assert [(left.entry, left.reason) for left in found.left_out] == [
        ("more.txt", "the file is not among the dependency lists"),
        ("redis", "no exact version"),
    ]


def test_each_list_stands_for_itself(read: Read) -> None:
    """What another list constrains may still be installed from this one in any version."""
    found = read(
        {"requirements-dev.txt": "-c constraints.txt\n-r requirements.txt", "requirements.txt": "flask",
         "constraints.txt": "flask==1.0"}
    )  # fmt: skip
    assert pins(found) == ["flask==1.0"]
    assert [left.place for left in found.left_out] == ["requirements.txt:1"]


@pytest.mark.parametrize("data", [b"\xff\xff\x00", "flask==1\n".encode("utf-16-be")])
def test_a_list_that_is_no_text_is_left_out_as_a_whole(read: Read, data: bytes) -> None:
    """Its name stands for everything in it."""
    found = read({"requirements.txt": data})
    assert [left.reason for left in found.left_out] in (
        ["the list cannot be read as text"],
        ["not a valid requirement"] * len(found.left_out),
    )
    assert found.left_out


def test_byte_order_marks_are_no_text(read: Read) -> None:
    """UTF-8 and UTF-16 as Windows editors write them."""
    assert pins(read({"requirements.txt": "\ufeffflask==1\r\n"})) == ["flask==1"]
    assert pins(read({"requirements.txt": "flask==1\r\n".encode("utf-16")})) == ["flask==1"]


@given(st.lists(st.text("ab=1 \\#\t", max_size=12), max_size=8))
def test_no_text_outside_comments_is_lost_between_lines(lines: list[str]) -> None:
    """Joining and numbering keep every word of lines without a comment or a backslash."""
    text = "\n".join(lines)
    joined = list(logical_lines(text))
    plain = [(n, line.strip()) for n, line in enumerate(lines, 1) if line.strip()]
    if "#" not in text and "\\" not in text:
        assert joined == plain
    assert [number for number, _ in joined] == sorted({number for number, _ in joined})
    assert all(line for _, line in joined)


def test_a_version_of_more_digits_than_python_converts_is_left_out(read: Read) -> None:
    """It is no version, and no reason to end the scan."""
    found = read({"requirements.txt": f"x=={'9' * 5_000}\nflask==1.0"})
    assert pins(found) == ["flask==1.0"]
    assert len(found.left_out) == 1
