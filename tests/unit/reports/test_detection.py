"""What a file is, by its content."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.evidence import Kind, State
from gatekeeper.reports.detection import (
    DECISION_SUITES,
    POLICY_TEST_SUITES,
    choose_format,
    head_of,
    shown,
)
from gatekeeper.reports.interface import Head, Report, ReportFormat, UnreadableReport
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import FORMATS
from gatekeeper.reports.source import HEAD_BYTES, ReportSource

SAMPLES = [
    pytest.param(folder.parent / name, entry["format"], id=f"{folder.parent.name}/{name}")
    for folder in sorted((Path(__file__).parents[2] / "samples").glob("*/expected.json"))
    for name, entry in json.loads(folder.read_text(encoding="utf-8")).items()
    if "read_as" not in entry and entry["format"] is not None
]


def head(data: bytes, name: str = "report") -> Head:
    """The head of a file with this content."""
    return head_of(ReportSource(io.BytesIO(data), name=name, limits=DEFAULT_LIMITS))


def _format(name: str, mark: bytes) -> ReportFormat:
    return ReportFormat(
        name=name,
        title=name,
        kinds=(Kind.SAST,),
        tools="",
        detect=lambda head: mark in head.data,
        read=lambda *_: Report(format=name, kind=Kind.SAST, state=State.OK),
    )


@pytest.mark.parametrize(("path", "expected"), SAMPLES)
def test_one_format_fits_each_sample(path: Path, expected: str) -> None:
    """Content alone finds the format: exactly one fits, whatever the file is called."""
    found = head(path.read_bytes(), name="upload.bin")
    assert [format_.name for format_ in FORMATS if format_.detect(found)] == [expected]


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0"?><testsuite name="a">',
        b'\xef\xbb\xbf\n <testsuite name="a">',
        '<?xml version="1.0" encoding="utf-16"?><testsuite name="a">'.encode("utf-16"),
        b'<?xml version="1.0" encoding="gbk"?><testsuite name="a">',
        b'<x:testsuite xmlns:x="urn:x" name="a">',
    ],
)
def test_head_of_xml(data: bytes) -> None:
    """The head knows the local name and the attributes of the first tag in every encoding."""
    found = head(data)
    assert found.root == "testsuite"
    assert found.attributes["name"] == "a"
    assert found.keys == frozenset()


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b'{"a": 1, "b": {"c": [{"d": 2}]}, "e": "f:g", "h": null}', {"a", "b", "e", "h"}),
        (b'\xef\xbb\xbf {"a": "}{\\"x\\":", "b": []}', {"a", "b"}),
        ('{"a": {"b": 1}, "ü": 2}'.encode("utf-16"), {"a", "ü"}),
        (b'{"a": ["x", "y"], "b', {"a"}),
        (b'{"a": "' + b"x" * HEAD_BYTES + b'", "b": 1}', {"a"}),
        (b'{"a": "' + b"x" * (HEAD_BYTES - 9) + b'\\", "b": 1}', {"a"}),
        (b'{"a": 1} {"b": 2}', {"a"}),
        (b'["a", {"b": 1}]', set()),
        (b"{" * 70_000, set()),
        (b"{", set()),
    ],
)
def test_top_level_keys(data: bytes, keys: set[str]) -> None:
    """Keys of the outermost object only, also when the head ends within a string."""
    assert head(data).keys == frozenset(keys)


@given(st.dictionaries(st.text(max_size=8), st.recursive(st.text(), st.lists, max_leaves=4), max_size=5))
def test_keys_of_whole_objects(value: dict[str, object]) -> None:
    """For a whole JSON object the scanner finds the keys that a decoder finds, but for escaped ones."""
    plain = {key for key in value if json.dumps(key, ensure_ascii=False) == f'"{key}"' and key}
    found = head(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")).keys
    assert plain <= found


@given(st.binary(max_size=400))
def test_any_bytes_have_a_head(data: bytes) -> None:
    """Making a head and asking every format never fails."""
    found = head(data)
    assert {type(format_.detect(found)) for format_ in FORMATS} == {bool}


def test_unknown_content_quotes_its_beginning() -> None:
    """What is no report is refused with its first bytes, and is never zero tests."""
    with pytest.raises(UnreadableReport) as refused:
        choose_format(head(b"\x1b[31mHello\r\n" + b"x" * 200), FORMATS)
    problem = refused.value.problem
    assert problem.code == "unknown-format"
    assert problem.params["head"] == "\\x1b[31mHello\\r\\n" + "x" * 68


def test_shown_bytes_are_printable() -> None:
    """Escapes stand for what a terminal would obey, hide or fail on."""
    assert shown(b"a\x00\x07\xff\xe2\x80\xaeb\xc3\xa4") == "a\\x00\\x07\\xff\\u202ebä"


def test_empty_file_is_named() -> None:
    """White space alone is an empty file."""
    with pytest.raises(UnreadableReport) as refused:
        choose_format(head(b"\xef\xbb\xbf \n"), FORMATS)
    assert refused.value.problem.code == "empty"


def test_file_name_breaks_a_tie() -> None:
    """Where two formats fit, the name decides; where it does not, the report is ambiguous."""
    formats = (_format("alpha-json", b"{"), _format("beta-json", b"{"))
    assert choose_format(head(b"{}", "My Alpha_JSON.txt"), formats).name == "alpha-json"
    with pytest.raises(UnreadableReport) as refused:
        choose_format(head(b"{}", "report.json"), formats)
    assert refused.value.problem.code == "ambiguous"
    assert refused.value.problem.params == {"formats": ("alpha-json", "beta-json")}


@pytest.mark.parametrize(
    "data",
    [
        f'<?xml version="1.0"?><testsuites name="{DECISION_SUITES}" tests="1"/>'.encode(),
        f'<testsuites name="{POLICY_TEST_SUITES}"><testsuite/></testsuites>'.encode(),
        b'{"id": "dec_1", "outcome": "pass", "allowed": true, "gate": false, "question": "sha256:0"}',
    ],
)
def test_our_own_answers_are_no_reports(data: bytes) -> None:
    """A green answer that lies beside the reports must not count as passed tests of the next one."""
    with pytest.raises(UnreadableReport) as caught:
        choose_format(head(data), FORMATS)
    assert caught.value.problem.code == "own-answer"
