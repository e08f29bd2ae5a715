"""What holds of every coverage report, whatever the bytes."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.evidence import Ratio, State
from gatekeeper.messages import render_message
from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.reports.interface import Report, UnreadableReport
from gatekeeper.reports.normalise import document_from

SAMPLES = Path(__file__).parents[3] / "samples"
REPORTS = {
    "coverage-py": [SAMPLES / "coverage-py-7.17.3" / name for name in ("lines.json", "branches.json")],
    "cobertura": [
        SAMPLES / "coverage-py-7.17.3" / "branches.xml",
        SAMPLES / "gcovr-8.8" / "cobertura.xml",
        SAMPLES / "nyc-18.0.0" / "cobertura-coverage.xml",
    ],
    "lcov": [
        SAMPLES / "coverage-py-7.17.3" / "branches.info",
        SAMPLES / "gcovr-8.8" / "lcov.info",
        SAMPLES / "c8-12.0.0" / "lcov.info",
    ],
}
CASES = [(name, path.read_bytes()) for name, paths in REPORTS.items() for path in paths]
INSERTS = [
    b"",
    b"\0",
    b"-",
    b"9" * 30,
    b"\n",
    b"<",
    b"}",
    b",",
    b"NaN",
    b"\xff",
    b"/line>",
    b"end_of_record\n",
]

mutations = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(INSERTS) | st.binary(max_size=4)),
    min_size=1,
    max_size=6,
)


def _mutated(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for place, length, insert in changes:
        at = int(place * len(data))
        data = data[:at] + insert + data[at + length :]
    return data


def _facts(report: Report) -> object:
    return dict(report.metrics), {path: (list(x.hit), list(x.miss)) for path, x in report.lines.items()}


def _check(report: Report) -> None:
    """A report that was read holds together and can be stored."""
    for name, value in report.metrics.items():
        if isinstance(value, Ratio):
            assert 0 <= value.n <= value.d < 2**53, name
        else:
            assert 0 <= value < 2**53, name
    for lines in report.lines.values():
        assert list(lines.hit) == sorted(set(lines.hit))
        assert list(lines.miss) == sorted(set(lines.miss) - set(lines.hit))
    for problem in report.problems:
        assert problem.code in PROBLEMS
        assert "{" not in render_message(problem, PROBLEMS)
    document_from(report)


@settings(max_examples=300, deadline=None)
@given(case=st.sampled_from(CASES), changes=mutations)
def test_mutated_reports_never_crash(read, case, changes):
    """Whatever the bytes, there is a report that holds together or a named refusal."""
    name, data = case
    try:
        report = read(name, _mutated(data, changes))
    except UnreadableReport:
        return
    _check(report)


@settings(max_examples=300, deadline=None)
@given(case=st.sampled_from(CASES), place=st.floats(0, 1))
def test_truncated_reports_are_never_ok_with_the_same_facts(read, case, place):
    """A report that lost its end is refused, incomplete, or says visibly less."""
    name, data = case
    data = data.rstrip()
    try:
        report = read(name, data[: min(int(place * len(data)), len(data) - 1)])
    except UnreadableReport:
        return
    assert report.state is not State.OK or _facts(report) != _facts(read(name, data))


rows = st.dictionaries(st.integers(1, 30), st.integers(0, 3), min_size=1)


@given(parts=st.lists(st.tuples(st.sampled_from(["a.c", "b.c"]), rows), min_size=1, max_size=5))
@pytest.mark.parametrize("name", ["lcov", "cobertura"])
def test_union_never_loses_a_hit(read, name, parts):
    """A line of any part is in the union, hit exactly when one part hits it; the order does not matter."""
    write = _lcov if name == "lcov" else _cobertura
    report = read(name, write(parts))
    for file in {file for file, _ in parts}:
        lines = [item for of, found in parts if of == file for item in found.items()]
        hit = {line for line, count in lines if count}
        assert set(report.lines[file].hit) == hit
        assert set(report.lines[file].miss) == {line for line, _ in lines} - hit
    _check(report)
    assert _facts(report) == _facts(read(name, write(parts[::-1])))


def _lcov(parts):
    return "".join(
        f"SF:{file}\n" + "".join(f"DA:{line},{hits}\n" for line, hits in found.items()) + "end_of_record\n"
        for file, found in parts
    )


def _cobertura(parts):
    classes = "".join(
        f'<class filename="{file}"><lines>'
        + "".join(f'<line number="{line}" hits="{hits}"/>' for line, hits in found.items())
        + "</lines></class>"
        for file, found in parts
    )
    return f"<coverage><packages><package><classes>{classes}</classes></package></packages></coverage>"


@pytest.mark.parametrize("run", ["lines", "branches"])
def test_one_run_in_three_formats(read, run):
    """JSON, XML and LCOV of one run give the same lines and the same counts where they give them."""
    folder = SAMPLES / "coverage-py-7.17.3"
    found = [
        read(name, (folder / f"{run}.{suffix}").read_bytes())
        for name, suffix in (("coverage-py", "json"), ("cobertura", "xml"), ("lcov", "info"))
    ]
    for report in found[1:]:
        assert _facts(report)[1] == _facts(found[0])[1]
        assert report.metrics.items() <= found[0].metrics.items()


@pytest.mark.parametrize("folder", ["gcovr-8.8", "nyc-18.0.0", "jest-30.5.2", "c8-12.0.0"])
def test_one_run_in_two_formats(read, folder):
    """Cobertura and LCOV of one run give the same lines."""
    xml = read("cobertura", next((SAMPLES / folder).glob("*.xml")).read_bytes())
    info = read("lcov", (SAMPLES / folder / "lcov.info").read_bytes())
    assert xml.metrics["coverage.line"] == info.metrics["coverage.line"]
    assert list(_facts(xml)[1].values()) == list(_facts(info)[1].values())
