"""Whatever the bytes are: a report or a refusal, and nothing lost without a word."""

import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatekeeper.evidence import Kind, State
from gatekeeper.messages.problems import PROBLEMS
from gatekeeper.reports.interface import KindMismatch, Report, UnreadableReport
from gatekeeper.reports.normalise import digest_of, document_from

SAMPLES = Path(__file__).parents[3] / "samples"
REPORTS = {
    "bandit": ("bandit-1.9.4/app.json", ("results",)),
    "semgrep": ("semgrep-1.182.0/app.json", ("results",)),
    "pip-audit": ("pip-audit-2.10.1/one-skipped.json", ("dependencies",)),
    "sarif": ("semgrep-1.182.0/app.sarif", ("runs", 0, "results")),
}
JUNK = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1.5,
        10**30,
        "",
        "x",
        "\u0000",
        "\U0001f600",
        [],
        {},
        [None],
        {"a": 1},
        [[[]]],
        "1e999",
        "NaN",
    ]
)


def _value(name: str) -> Any:
    return json.loads((SAMPLES / REPORTS[name][0]).read_text("utf-8"))


def _try(read: Any, name: str, data: bytes) -> Report | None:
    """The report, checked for what every report must keep; None when it was refused."""
    try:
        report: Report | None = read(name, data)
        assert report is not None
        problems = report.problems
    except UnreadableReport as refusal:
        report, problems = None, (refusal.problem,)
    except KindMismatch:
        return None
    assert all(problem.code in PROBLEMS for problem in problems)
    if report is None:
        return None
    assert len({f.fingerprint for f in report.findings}) == len(report.findings)
    assert digest_of(document_from(report, kind=Kind.SAST)).startswith("sha256:")
    return report


def _paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [path for key in keys for path in ((*prefix, key), *_paths(value[key], (*prefix, key)))]


def _replaced(value: Any, path: tuple[Any, ...], by: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = by


@pytest.mark.parametrize("name", REPORTS)
@given(data=st.data())
def test_any_value_in_any_place(read: Any, name: str, data: st.DataObject) -> None:
    """Every part of a real report replaced by junk still gives a report or a refusal."""
    value = _value(name)
    paths = _paths(value)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths))
        try:
            _replaced(value, path, deepcopy(data.draw(JUNK)))
        except (KeyError, IndexError, TypeError):
            continue  # an earlier replacement took its parent away
    _try(read, name, json.dumps(value).encode())


@pytest.mark.parametrize("name", REPORTS)
@given(cut=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=4))
def test_any_bytes(read: Any, name: str, cut: float, flips: list[tuple[float, int]]) -> None:
    """Cut and flipped bytes give a report or a refusal, never another error."""
    data = bytearray((SAMPLES / REPORTS[name][0]).read_bytes())
    for where, byte in flips:
        data[int(where * (len(data) - 1))] = byte
    _try(read, name, bytes(data[: int(len(data) * cut)]))


@pytest.mark.parametrize("name", REPORTS)
def test_a_byte_that_is_no_text(read: Any, name: str) -> None:
    """0x80 inside a string, wherever it stands, gives a report or a refusal, never another error."""
    data = (SAMPLES / REPORTS[name][0]).read_bytes()
    for place in range(0, len(data), 1 if os.environ.get("GATEKEEPER_LONG") else 7):
        _try(read, name, data[:place] + b"\x80" + data[place + 1 :])


@pytest.mark.parametrize("name", REPORTS)
@settings(max_examples=200)
@given(data=st.data())
def test_a_mangled_item_never_lowers_the_total_in_silence(read: Any, name: str, data: st.DataObject) -> None:
    """Junk in place of an item, or in it, either keeps the count of findings or is a problem of its own."""
    value = _value(name)
    clean = _try(read, name, json.dumps(value).encode())
    assert clean is not None
    place = REPORTS[name][1]
    items = value
    for key in place:
        items = items[key]
    index = data.draw(st.integers(0, len(items) - 1))
    inner = data.draw(st.sampled_from([(), *_paths(items[index])]))
    junk = deepcopy(data.draw(JUNK))
    assume(inner[-1:] != ("vulns",) or junk != [])  # an audited package without known problems is no junk
    _replaced(value, (*place, index, *inner), junk)
    mangled = _try(read, name, json.dumps(value).encode())
    if mangled is None:
        return
    total = f"{clean.kind}.total"
    if mangled.metrics[total] < clean.metrics[total]:
        assert mangled.problems != clean.problems
        assert mangled.state is not State.OK or {p.code for p in mangled.problems} & {"not-open"}


@pytest.mark.parametrize("name", REPORTS)
def test_depth_and_length_are_bounded(read: Any, name: str) -> None:
    """Deep nesting, huge numbers and wrong encodings are refused by name."""
    for data in (
        b"[" * 100_000,
        b'{"results":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Bandit"}},"results":[' + b"[" * 50_000,
        b"9" * 6_000,
        b"\xff\xfe\x00",
        b'"\\ud800"',
        b"",
        b"  \n ",
        b"null",
        b"NaN",
    ):
        assert _try(read, name, data) is None


@pytest.mark.parametrize("name", REPORTS)
def test_encodings(read: Any, name: str) -> None:
    """UTF-8 with a mark and UTF-16 say the same as plain UTF-8."""
    text = (SAMPLES / REPORTS[name][0]).read_text("utf-8")
    reports = [_try(read, name, text.encode(e)) for e in ("utf-8", "utf-8-sig", "utf-16")]
    assert reports[0] is not None
    assert reports[0] == reports[1] == reports[2]


@pytest.mark.parametrize("name", REPORTS)
def test_order_of_items_is_not_identity(read: Any, name: str) -> None:
    """A report turned upside down makes the same document."""
    value = _value(name)
    items = value
    for key in REPORTS[name][1]:
        items = items[key]
    before = _try(read, name, json.dumps(value).encode())
    items.reverse()
    after = _try(read, name, json.dumps(value).encode())
    assert before is not None
    assert after is not None
    assert digest_of(document_from(before)) == digest_of(document_from(after))
