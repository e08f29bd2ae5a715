"""Cobertura: what counts as a line, which totals are believed, and how wrong values are said."""

from datetime import UTC, datetime

import pytest

from gatekeeper.evidence import Producer, Ratio, State
from gatekeeper.reports.coverage.cobertura import detect
from gatekeeper.reports.interface import Head, UnreadableReport
from gatekeeper.reports.limits import Limits


def sets(report, path="a.py"):
    """The hit and the missed lines of a file."""
    found = report.lines[path]
    return list(found.hit), list(found.miss)


def document(*classes, root="", sources=""):
    """A report of these classes."""
    return (
        f'<?xml version="1.0"?>\n<coverage {root}><sources>{sources}</sources><packages><package name="p">'
        f"<classes>{''.join(classes)}</classes></package></packages></coverage>"
    )


def class_(*lines, name="a.py", methods=""):
    """A class of these lines."""
    rows = "".join(lines)
    return f'<class name="A" filename="{name}"><methods>{methods}</methods><lines>{rows}</lines></class>'


def line(number, hits, rest=""):
    """One line."""
    return f'<line number="{number}" hits="{hits}" {rest}/>'


def branch(number, hits, fraction):
    """One line with a condition coverage."""
    return line(number, hits, f'branch="true" condition-coverage="{fraction}"')


def method(*lines, name="f", rest=""):
    """A method of these lines."""
    return f'<method name="{name}" signature="()" {rest}><lines>{"".join(lines)}</lines></method>'


def test_counts_lines_and_branches(read):
    """Lines come from the class, branches from the condition coverage; what is not there is absent."""
    report = read("cobertura", document(class_(line(1, 2), branch(2, 1, "50% (1/2)"), line(3, 0))))
    assert (report.state, report.problems) == (State.OK, ())
    assert dict(report.metrics) == {
        "coverage.lines_covered": 2,
        "coverage.lines_total": 3,
        "coverage.line": Ratio(2, 3),
        "coverage.branches_covered": 1,
        "coverage.branches_total": 2,
        "coverage.branch": Ratio(1, 2),
    }
    assert sets(report) == ([1, 2], [3])


def test_method_lines_are_not_added(read):
    """Istanbul lists function headers below methods only: they are no lines of the class."""
    methods = method(line(9, 0), name="g", rest='hits="0"') + method(line(1, 1), line(2, 1))
    report = read("cobertura", document(class_(line(1, 1), line(2, 0), methods=methods)))
    assert sets(report) == ([1], [2])
    assert report.metrics["coverage.function"] == Ratio(1, 2)


def test_method_lines_when_the_class_has_none(read):
    """Where a class lists no line of its own, those of its methods count."""
    report = read(
        "cobertura", document(class_(methods=method(line(1, 1)) + method(branch(4, 0, "0% (0/2)"), name="g")))
    )
    assert sets(report) == ([1], [4])
    assert report.metrics["coverage.branch"] == Ratio(0, 2)


def test_problems_of_unused_method_lines_are_not_counted(read):
    """What is wrong with a line that is not used is no problem of the report."""
    report = read("cobertura", document(class_(line(1, 1), methods=method(line("undefined", 1)))))
    assert report.problems == ()


def test_classes_of_one_file_are_united(read):
    """Inner classes share a file: hit when either says so, and the branch entry with most covered wins."""
    report = read(
        "cobertura",
        document(
            class_(line(1, 0), branch(2, 1, "25% (1/4)"), line(3, 0)),
            class_(line(1, 3), branch(2, 0, "50% (2/4)"), line(4, 0)),
        ),
    )
    assert sets(report) == ([1, 2], [3, 4])
    assert report.metrics["coverage.branch"] == Ratio(2, 4)


def test_totals_that_disagree(read, problems):
    """The totals of the root are compared and not used; missing ones are no problem."""
    root = 'lines-valid="3" lines-covered="3" line-rate="1"'
    report = read("cobertura", document(class_(line(1, 1), line(2, 0)), root=root))
    assert report.metrics["coverage.line"] == Ratio(1, 2)
    assert [problem.code for problem in report.problems] == ["totals-disagree", "totals-disagree"]
    assert problems(report)["totals-disagree"] == {"what": "lines", "stated": 3, "counted": 2}


def test_nan_is_a_problem(read, problems):
    """MATLAB and Istanbul write NaN where there is nothing to divide: no number, and said."""
    report = read("cobertura", document(class_(line(1, 1)), root='line-rate="NaN" lines-valid="NaN"'))
    assert report.metrics["coverage.line"] == Ratio(1, 1)
    assert problems(report) == {"not-a-number": {"count": 2}}


@pytest.mark.parametrize("hits", ["1e3", "2.0", "9" * 30, "0012"])
def test_unusual_hits(read, hits):
    """Hits may be floating or huge; what counts is above 0 or not."""
    assert sets(read("cobertura", document(class_(line(1, hits), line(2, "00"), line(3, "0.0"))))) == (
        [1],
        [2, 3],
    )


def test_negative_values(read, problems):
    """Negative hits and conditions are 0, and said; more conditions covered than there are prove nothing."""
    report = read(
        "cobertura", document(class_(line(1, "-3"), branch(2, 1, "-50% (-1/2)"), branch(3, 1, "150% (3/2)")))
    )
    assert sets(report) == ([2, 3], [1])
    assert report.metrics["coverage.branch"] == Ratio(2, 4)
    assert report.state is State.INCOMPLETE
    assert problems(report) == {
        "count-out-of-range": {"count": 2},
        "more-covered-than-there-is": {"count": 1},
    }


@pytest.mark.parametrize(
    "bad",
    [
        line("0", 1),
        line("undefined", 1),
        line("-4", 1),
        line("2147483648", 1),
        line("9" * 5000, 1),
        line(7, "NaN"),
        line(7, "x"),
        line(7, ""),
        '<line hits="1"/>',
        '<line number="7"/>',
    ],
)
def test_bad_line_is_counted(read, problems, bad):
    """A line without a place or a count is unparsed; the others still count."""
    report = read("cobertura", document(class_(line(1, 1), bad, line(2, 0))))
    assert sets(report) == ([1], [2])
    assert problems(report) == {"unparsed": {"count": 1}}


def test_lines_outside_of_classes(read, problems):
    """A line that belongs to no class belongs to no file."""
    report = read("cobertura", document(class_(line(1, 1)), "<lines>" + line(2, 0) + "</lines>"))
    assert problems(report) == {"unparsed": {"count": 1}}


@pytest.mark.parametrize("word", ["true", "True"])
def test_unknown_number_of_branches(read, problems, word):
    """A line with branches but without how many makes the branch metric unknown, not smaller."""
    rows = (branch(1, 1, "50% (1/2)"), line(2, 1, f'branch="{word}"'))
    report = read("cobertura", document(class_(*rows), root='branches-valid="4" branches-covered="4"'))
    assert "coverage.branches_total" not in report.metrics
    assert problems(report) == {"branches-unknown": {"count": 1}}


def test_false_branches(read):
    """A line that says it has no branch has none, whatever else it says."""
    rows = (line(1, 1, 'branch="false" condition-coverage="0% (0/2)"'), line(2, 1, 'branch="False"'))
    assert "coverage.branches_total" not in read("cobertura", document(class_(*rows))).metrics


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1795414724", datetime(2026, 11, 23, 6, 18, 44, tzinfo=UTC)),
        ("1795414723952", datetime(2026, 11, 23, 6, 18, 43, 952000, tzinfo=UTC)),
        ("1795414724.5", datetime(2026, 11, 23, 6, 18, 44, 500000, tzinfo=UTC)),
        ("", None),
    ],
)
def test_timestamps(read, text, moment):
    """The timestamp is in seconds, milliseconds or fractions; it is universal time."""
    report = read("cobertura", document(class_(line(1, 1)), root=f'timestamp="{text}"'))
    assert (report.produced_at, report.problems) == (moment, ())


@pytest.mark.parametrize("text", ["0", "-5", "inf", "nan", "soon", "99999999999", "1" * 400])
def test_absurd_timestamps(read, problems, text):
    """A time that no clock shows is left out, and said."""
    report = read("cobertura", document(class_(line(1, 1)), root=f'timestamp="{text}"'))
    assert report.produced_at is None
    assert set(problems(report)) == {"bad-time"}


def test_producer(read):
    """A version that names its tool gives the producer; a bare number could be anybody's."""
    assert read("cobertura", document(root='version="gcovr 8.8"')).producer == Producer(
        name="gcovr", version="8.8"
    )
    assert read("cobertura", document(root='version="7.17.3"')).producer is None


@pytest.mark.parametrize(
    ("roots", "name", "path"),
    [
        (["/repo"], "/repo/src/a.py", "src/a.py"),
        (["/other", "/repo", "/repo/src"], "/repo/src/a.py", "a.py"),
        (["C:\\repo"], "C:\\repo\\src\\a.cs", "src/a.cs"),
        (["/_/"], "/_/src/a.cs", "src/a.cs"),
        (["", "/repo"], "src/./a.py", "src/a.py"),
        (["lib"], "a.py", "lib/a.py"),
        (["lib", "app"], "a.py", "a.py"),
        (["."], "a.py", "a.py"),
        (["/repo"], "/repository/a.py", "/repository/a.py"),
    ],
)
def test_source_roots(read, roots, name, path):
    """File names are relative to the root that holds them, whichever of several it is."""
    sources = "".join(f"<source>{root}</source>" for root in roots)
    assert list(read("cobertura", document(class_(line(1, 1), name=name), sources=sources)).lines) == [path]


def test_spellings_of_one_file_are_united(read):
    """Two spellings of a path are one file."""
    report = read(
        "cobertura", document(class_(line(1, 0), name="x/a.py"), class_(line(1, 1), name="x\\a.py"))
    )
    assert sets(report, "x/a.py") == ([1], [])


def test_nothing_to_cover(read, problems):
    """Empty classes are neither 100 % nor 0 %; a report of nothing else proves nothing."""
    report = read("cobertura", document(class_(), root='line-rate="1" lines-valid="0" lines-covered="0"'))
    assert report.state is State.INCOMPLETE
    assert dict(report.metrics) == {"coverage.lines_covered": 0, "coverage.lines_total": 0}
    assert set(problems(report)) == {"no-data"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty"),
        (document(class_(line(1, 1)))[:-30], "malformed"),
        ('<coverage clover="4"><project/></coverage>', "wrong-shape"),
        ("<report/>", "wrong-shape"),
        (document(class_(line(1, 1), name="")).replace('name="A"', ""), "wrong-shape"),
        ('<!DOCTYPE coverage [<!ENTITY a "b">]><coverage/>', "hostile"),
    ],
)
def test_unreadable(read, content, code):
    """Cut off, foreign and hostile documents are refused by name."""
    with pytest.raises(UnreadableReport) as caught:
        read("cobertura", content)
    assert caught.value.problem.code == code


def test_too_many_lines(read):
    """More lines than the limit are refused."""
    with pytest.raises(UnreadableReport) as caught:
        read("cobertura", document(class_(line(1, 1), line(2, 1), line(3, 1))), Limits(max_items=2))
    assert caught.value.problem.code == "too-many-items"


@pytest.mark.parametrize(
    ("attributes", "is_cobertura"),
    [
        ({"line-rate": "1"}, True),
        ({"lines-valid": "0"}, True),
        ({"line-rate": "1", "generated": "17"}, False),
        ({"clover": "4.4.1"}, False),
        ({"version": "1"}, False),
        ({"profilerVersion": "1", "line-rate": "1"}, False),
    ],
)
def test_detection(attributes, is_cobertura):
    """Clover, NCover and SonarQube call their root `coverage` as well."""
    head = Head(data=b"<coverage>", name="c.xml", root="coverage", attributes=attributes, keys=frozenset())
    assert detect(head) is is_cobertura


def test_a_class_within_a_class_is_refused(read):
    """The lines of the outer one would be lost."""
    inner = class_(line(1, 1), name="b.py")
    text = document(class_(*(line(number, 0) for number in range(1, 90)), inner))
    with pytest.raises(UnreadableReport) as caught:
        read("cobertura", text)
    assert caught.value.problem.code == "wrong-shape"
