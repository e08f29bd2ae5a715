"""multipart/form-data: three parts, each bounded, and every fault told apart from a mistake."""

import gzip
import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.reports.refusal import UnreadableReport
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.forms import BadForm, Form, display_name

TYPE = "multipart/form-data; boundary=cut"


def part(name: str, data: bytes, *headers: str, filename: str = "") -> bytes:
    """One part of a form."""
    named = f'; filename="{filename}"' if filename else ""
    head = [f'Content-Disposition: form-data; name="{name}"{named}', *headers]
    return b"--cut\r\n" + "\r\n".join(head).encode() + b"\r\n\r\n" + data + b"\r\n"


def read(folder: Path, data: bytes, size: int = 10**6, **limits: int) -> Form:
    """The form in `data`, fed in pieces of `size`."""
    form = Form(TYPE, folder, ServerSettings(data=folder, **limits))  # type: ignore[arg-type]
    try:
        for start in range(0, len(data), size):
            form.write(data[start : start + size])
        form.finish()
    finally:
        form.close()
    return form


@given(size=st.integers(1, 300), report=st.binary(max_size=200), commit=st.binary(max_size=50))
def test_parts_arrive_whole_however_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, size: int, report: bytes, commit: bytes
) -> None:
    """Also where the data looks almost like the boundary."""
    report = report + b"\r\n--cu" + report
    data = (
        part("report", report, filename="a/b/junit.xml")
        + part("record", b"{}")
        + part("commit", commit)
        + b"--cut--\r\n"
    )
    form = read(tmp_path_factory.mktemp("form"), data, size)
    assert form.parts["report"].path.read_bytes() == report
    assert form.parts["report"].sha256 == hashlib.sha256(report).hexdigest()
    assert form.parts["report"].filename == "junit.xml"
    assert form.parts["record"].path.read_bytes() == b"{}"
    assert form.parts["commit"].path.read_bytes() == commit
    assert all(found.is_whole for found in form.parts.values())


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (part("report", b"x") + part("extra", b"y") + b"--cut--", "'extra'"),
        (part("report", b"x") + part("report", b"y") + b"--cut--", "more than one part `report`"),
        (part("record", b"{}") + b"--cut--", "no part `report`"),
        (part("report", b"eA==", "Content-Transfer-Encoding: base64") + b"--cut--", "'base64'"),
        (b"--cut\r\n\r\nx\r\n--cut--", "''"),
    ],
)
def test_a_form_that_is_not_ours_is_a_mistake(tmp_path: Path, data: bytes, word: str) -> None:
    """It names the part."""
    with pytest.raises(BadForm) as refused:
        read(tmp_path, data)
    assert word in refused.value.message
    assert refused.value.code == "bad-parameter"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        part("report", b"x"),
        part("report", b"x") + b"--cut",
        part("report", b"x").replace(b"\r\n\r\n", b"\r\nBad header\r\n\r\n"),
        part("report", b"x", *(f"X-{number}: y" for number in range(50))) + b"--cut--",
        part("report", b"x", "X: " + "y" * 10_000) + b"--cut--",
    ],
)
def test_a_form_that_is_cut_or_damaged_is_a_finding(tmp_path: Path, data: bytes) -> None:
    """The sender may have died while it sent: the slot has no newer report that could be believed."""
    with pytest.raises(UnreadableReport) as refused:
        read(tmp_path, data)
    assert refused.value.problem.code == "malformed"


@pytest.mark.parametrize(("name", "limit"), [("record", "max_record_bytes"), ("report", "max_decoded_bytes")])
def test_each_part_has_its_limit(tmp_path: Path, name: str, limit: str) -> None:
    """It names the part and the setting."""
    with pytest.raises(UnreadableReport) as refused:
        read(tmp_path, part(name, b"x" * 1025), **{limit: 1024})
    problem = refused.value.problem
    assert (problem.code, problem.params["part"], problem.params["limit"]) == ("too-large", name, 1024)
    assert problem.params["setting"] == f"GATEKEEPER_{limit.upper()}"


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=" + "x" * 300]
)
def test_a_boundary_that_cannot_be_is_a_mistake(tmp_path: Path, content_type: str) -> None:
    """Missing or too long."""
    with pytest.raises(BadForm):
        Form(content_type, tmp_path, ServerSettings(data=tmp_path))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("junit.xml", "junit.xml"),
        ("../../etc/passwd", "passwd"),
        ("C:\\build\\junit.xml", "junit.xml"),
        ("a\x1b[31m\u202eb.xml", "a[31mb.xml"),
        ("x" * 500, "x" * 200),
        ("", ""),
    ],
)
def test_a_file_name_is_only_for_people(sent: str, shown: str) -> None:
    """Never a path, never a way to steer a terminal."""
    assert display_name(sent) == shown


def test_the_whole_form_may_be_compressed(tmp_path: Path) -> None:
    """Content-Encoding belongs to the body and not to the part: what is fed here is decoded already."""
    data = part("report", gzip.compress(b"x")) + b"--cut--\r\n"
    assert read(tmp_path, data).parts["report"].path.read_bytes()[:2] == b"\x1f\x8b"
