"""LCOV: the dialects that tools write, and what is never counted as covered."""

import pytest

from gatekeeper.evidence import Ratio, State
from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.limits import Limits


def sets(report, path="a.c"):
    """The hit and the missed lines of a file."""
    found = report.lines[path]
    return list(found.hit), list(found.miss)


def record(*rows, name="a.c", end="end_of_record\n"):
    """One record with these rows."""
    return "\n".join((f"TN:\nSF:{name}", *rows, end))


def test_counts_lines_branches_functions(read):
    """Every row counts once and the three metrics stand beside each other; statements are absent."""
    report = read(
        "lcov",
        record(
            "FN:1,f", "FN:5,g", "FNDA:2,f", "FNDA:0,g", "BRDA:2,0,0,1", "BRDA:2,0,1,-", "DA:1,2", "DA:2,0"
        ),
    )
    assert (report.state, report.problems) == (State.OK, ())
    assert dict(report.metrics) == {
        "coverage.lines_covered": 1,
        "coverage.lines_total": 2,
        "coverage.line": Ratio(1, 2),
        "coverage.branches_covered": 1,
        "coverage.branches_total": 2,
        "coverage.branch": Ratio(1, 2),
        "coverage.functions_covered": 1,
        "coverage.functions_total": 2,
        "coverage.function": Ratio(1, 2),
    }
    assert sets(report) == ([1], [2])


def test_same_file_is_united(read, problems):
    """A line is hit when any record of its file hits it; branches unite by their id, functions by name."""
    first = record("FN:1,f", "FNDA:0,f", "BRDA:2,0,0,1", "BRDA:2,0,1,0", "DA:1,0", "DA:2,1", "LF:2", "LH:1")
    second = record("FN:1,f", "FNDA:3,f", "BRDA:2,0,0,0", "BRDA:2,0,1,4", "DA:1,5", "DA:3,0", "LF:2", "LH:1")
    report = read("lcov", first + second)
    assert sets(report) == ([1, 2], [3])
    assert report.metrics["coverage.branch"] == Ratio(2, 2)
    assert report.metrics["coverage.function"] == Ratio(1, 1)
    assert problems(report) == {}


@pytest.mark.parametrize("count", ["18446744073709551615", "1e+20", "3", "1.5", "007", "9" * 400])
def test_unusual_counts_are_hits(read, count):
    """Counts may be huge, floating or padded; all that matters is that they are above 0."""
    report = read("lcov", record(f"DA:1,{count}", "DA:2,0", "DA:3,0,md5+/=="))
    assert sets(report) == ([1], [2, 3])


@pytest.mark.parametrize("count", ["-1", "-1e9", "-0.5"])
def test_negative_count_is_zero(read, problems, count):
    """A negative count is not a hit, and is said."""
    report = read("lcov", record(f"DA:1,{count}", "DA:2,1"))
    assert sets(report) == ([2], [1])
    assert problems(report) == {"count-out-of-range": {"count": 1}}


@pytest.mark.parametrize(
    "row",
    ["DA:0,1", "DA:x,1", "DA:5", "DA:5,", "DA:5,nan", "DA:2147483648,1", "DA:5,1],[6,1", "BRDA:1,2", "what"],
)
def test_bad_row_is_counted(read, problems, row):
    """What cannot be read is counted as unparsed and covers nothing."""
    report = read("lcov", record("DA:1,1", row, "DA:2,0"))
    assert sets(report) == ([1], [2])
    assert problems(report) == {"unparsed": {"count": 1}}


def test_line_twice_in_a_record(read):
    """A line that a record names twice is one line, hit when either row is."""
    assert sets(read("lcov", record("DA:1,0", "DA:1,4", "DA:2,0", "DA:2,0"))) == ([1], [2])


def test_rows_out_of_order(read):
    """Rows may stand in any order, also between each other."""
    report = read("lcov", record("DA:9,0", "BRDA:9,0,0,1", "DA:3,1", "BRDA:3,0,0,-", "DA:5,1"))
    assert sets(report) == ([3, 5], [9])
    assert report.metrics["coverage.branch"] == Ratio(1, 2)


def test_text_branch_ids(read):
    """coverage.py names branches in words; commas in them do not matter."""
    report = read("lcov", record("DA:4,1", "BRDA:4,0,jump to line 5,1", "BRDA:4,0,return from f(a, b),-"))
    assert report.metrics["coverage.branch"] == Ratio(1, 2)


def test_functions_of_one_name(read):
    """Two methods with one name are two functions, told apart by order."""
    report = read("lcov", record("FN:1,add", "FN:9,14,add", "FNDA:2,add", "FNDA:0,add", "DA:1,1"))
    assert report.metrics["coverage.function"] == Ratio(1, 2)


def test_function_names_with_commas(read):
    """C++ signatures have commas; an end line does not become part of the name."""
    report = read("lcov", record("FN:1,f(int, int)", "FN:2,3,f(int, int)x", "FNDA:1,f(int, int)", "DA:1,1"))
    assert report.metrics["coverage.function"] == Ratio(1, 2)


def test_functions_by_index(read):
    """With indexes (lcov 2) a function may have several names: called when any of them was."""
    report = read(
        "lcov", record("FNL:0,3,9", "FNA:0,0,f<int>", "FNA:0,2,f<char>", "FNL:1,12", "FNA:1,0,g", "DA:3,1")
    )
    assert report.metrics["coverage.function"] == Ratio(1, 2)


def test_totals_only(read, problems):
    """A record without rows gives its totals, and no line sets to compare a change with."""
    report = read("lcov", record("LF:10", "LH:7", "FNF:2", "FNH:1", "BRF:0", "BRH:0"))
    assert report.metrics["coverage.line"] == Ratio(7, 10)
    assert report.metrics["coverage.function"] == Ratio(1, 2)
    assert "coverage.branches_total" not in report.metrics
    assert dict(report.lines) == {}
    assert problems(report) == {"totals-only": {"count": 2}}


def test_totals_that_disagree(read, problems):
    """The rows win over `LF` and `LH`, and the difference is said."""
    report = read("lcov", record("DA:1,1", "DA:2,0", "LF:2", "LH:2"))
    assert report.metrics["coverage.line"] == Ratio(1, 2)
    assert problems(report) == {"totals-disagree": {"what": "covered lines", "stated": 2, "counted": 1}}


@pytest.mark.parametrize("end", ["", "end_of_recor", "end_of_record_not\n"])
def test_no_end_of_record(read, problems, end):
    """A record that does not end may lack its missed lines: incomplete."""
    report = read("lcov", record("DA:1,1", name="b.c") + record("DA:1,1", end=end))
    assert report.state is State.INCOMPLETE
    assert problems(report)["no-end-of-record"] == {"count": 1}


def test_missing_end_between_records(read):
    """A missing end in the middle does not mix two files."""
    report = read("lcov", record("DA:1,1", end="") + record("DA:1,0", name="b.c"))
    assert sets(report) == ([1], [])
    assert sets(report, "b.c") == ([], [1])
    assert report.state is State.INCOMPLETE


def test_files_without_lines(read, problems):
    """Files without a line are listed; when all are such, nothing is proven."""
    report = read("lcov", record())
    assert report.state is State.INCOMPLETE
    assert dict(report.metrics) == {"coverage.lines_covered": 0, "coverage.lines_total": 0}
    assert sets(report) == ([], [])
    assert set(problems(report)) == {"no-data"}


def test_line_ends_encodings_and_paths(read):
    """Windows line ends and separators, UTF-16, names that are not UTF-8 and virtual files are read."""
    text = record("DA:1,1", name="src\\a.c").replace("\n", "\r\n")
    assert list(read("lcov", text).lines) == ["src/a.c"]
    assert list(read("lcov", text.encode("utf-16")).lines) == ["src/a.c"]
    assert list(read("lcov", b"SF:\xff.c\nDA:1,1\nend_of_record\n").lines) == ["ÿ.c"]
    assert list(read("lcov", record("DA:1,1", name="dist/<define:DATA>")).lines) == ["dist/<define:DATA>"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("TN:\nDA:1,1\n", "wrong-shape"),
        ("TN:\nSF:\nDA:1,1\n", "wrong-shape"),
    ],
)
def test_unreadable(read, content, code):
    """Nothing to read, or no file to which it belongs, is refused by name."""
    with pytest.raises(UnreadableReport) as caught:
        read("lcov", content)
    assert caught.value.problem.code == code


def test_too_many_lines(read):
    """More lines than the limit are refused."""
    with pytest.raises(UnreadableReport) as caught:
        read("lcov", record("DA:1,1", "DA:2,1", "DA:3,1"), Limits(max_items=2))
    assert caught.value.problem.code == "too-many-items"
