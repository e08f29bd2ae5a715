"""Reading XML: what is accepted, what is refused by name, and what a hostile file may cost."""

import contextlib
import io
import re
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.evidence import Problem
from gatekeeper.reports.interface import UnreadableReport
from gatekeeper.reports.limits import DEFAULT_LIMITS, Limits
from gatekeeper.reports.source import CHUNK_BYTES, ReportSource
from gatekeeper.reports.xml import Attributes, TextCapture, first_tag, parse_xml

PLAIN = b'<suite><case name="a"><note>text &amp; more</note></case><case name="b"/></suite>'


class Cases:
    """Handlers that keep the names of cases and the text of notes."""

    roots = ("suite",)

    def __init__(self, text: TextCapture) -> None:
        self.names: list[str] = []
        self.notes: list[str] = []
        self.starts = {"case": self._case, "note": lambda _: text.begin(20)}
        self.ends = {"note": lambda: self.notes.append(text.take())}

    def _case(self, attributes: Attributes) -> None:
        self.names.append(attributes.get("name", ""))


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[Cases, tuple[Problem, ...]]:
    """The handlers after reading `data`, and the problems of reading."""
    return parse_xml(ReportSource(io.BytesIO(data), name="x.xml", limits=limits), limits, Cases)


def refusal(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Problem:
    """The problem for which `data` is refused."""
    with pytest.raises(UnreadableReport) as refused:
        read(data, limits)
    return refused.value.problem


def test_elements_and_captured_text() -> None:
    """Handlers get attributes, and text only where they asked for it."""
    cases, problems = read(PLAIN)
    assert (cases.names, cases.notes, problems) == (["a", "b"], ["text & more"], ())


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + PLAIN,
        b"\r\n \t<?xml version='1.0'?>\n" + PLAIN,
        b"\xef\xbb\xbf\n<?xml version='1.0' encoding='UTF-8'?>" + PLAIN,
        PLAIN.decode().encode("utf-16"),
        ("\ufeff<?xml version='1.0' encoding='utf-16'?>" + PLAIN.decode()).encode("utf-16-be"),
        ("<?xml version='1.0' encoding='utf-8'?>" + PLAIN.decode()).encode("utf-16"),
        b"<?xml version='1.0' encoding='ISO-8859-1'?>" + PLAIN,
        b"<?xml version='1.0' encoding='gb2312'?>" + PLAIN,
        PLAIN.replace(b"<suite", b"<suite xmlns='urn:x'"),
        re.sub(rb"<(/?)(?=\w)", rb"<\1x:", PLAIN).replace(b"x:suite", b"x:suite xmlns:x='urn:x'", 1),
        b"<!DOCTYPE suite SYSTEM 'http://localhost/suite.dtd'>" + PLAIN,
        b"<!DOCTYPE suite PUBLIC '-//X//Y' 'suite.dtd' [ <!ELEMENT suite ANY> ]>" + PLAIN,
        b"<?style sheet?><!-- hello -->" + PLAIN + b"\n<!-- bye -->",
    ],
)
def test_forms_that_mean_the_same(data: bytes) -> None:
    """Byte order marks, leading space, encodings, namespaces and a plain DOCTYPE change nothing."""
    cases, problems = read(data)
    assert (cases.names, cases.notes, problems) == (["a", "b"], ["text & more"], ())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"hello", "malformed"),
        (b"\x00\x01\x02", "malformed"),
        (PLAIN[:-1], "malformed"),
        (PLAIN[:40], "malformed"),
        (PLAIN + PLAIN, "malformed"),
        (PLAIN.replace(b"&amp;", b"&nbsp;"), "malformed"),
        (PLAIN.replace(b"&amp;", b"<"), "malformed"),
        (PLAIN.replace(b"&amp;", b"\xe9"), "malformed"),
        (b"<!DOCTYPE suite SYSTEM 'x.dtd'>" + PLAIN.replace(b"&amp;", b"&cut;"), "malformed"),
        (b"<!DOCTYPE suite [<!ENTITY a 'b'>]>" + PLAIN, "hostile"),
        (b"<!DOCTYPE suite [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + PLAIN, "hostile"),
        (b"<!DOCTYPE suite [<!ENTITY % a SYSTEM 'x.dtd'>%a;]>" + PLAIN, "hostile"),
        (b"<!DOCTYPE suite [<!ATTLIST case name CDATA 'x'>]>" + PLAIN, "hostile"),
        (b"<other/>", "wrong-shape"),
        (b"<?xml version='1.0' encoding='utf-7'?>" + PLAIN, "encoding"),
        (b"<?xml version='1.0' encoding='rot13'?>" + PLAIN, "encoding"),
        (b"<?xml version='1.0' encoding='cp9999'?>" + PLAIN, "encoding"),
        (b"<?xml version='1.0' encoding='utf-16'?>" + PLAIN, "encoding"),
        (b"<?xml version='1.0' encoding='gbk'?><suite>\xff\xff</suite>", "encoding"),
        (PLAIN.decode().encode("utf-16")[:-3], "malformed"),
    ],
)
def test_refusals_have_a_name(data: bytes, code: str) -> None:
    """What cannot be read whole is refused; nothing is repaired by guessing."""
    assert refusal(data).code == code


def test_refusal_names_the_place() -> None:
    """A fault says its line and column."""
    assert refusal(b"<suite>\n  <case></suite>").params == {
        "where": "line 2, column 11",
        "detail": "mismatched tag",
    }


def test_forbidden_characters_are_replaced_and_counted() -> None:
    """Raw control bytes and references to them become U+FFFD in a second reading."""
    data = b"<suite><case name='\x1b[1m'><note>&#x1b;&#X00;&#27;\x00\xef\xbf\xbf&#x9;</note></case></suite>"
    cases, problems = read(data.replace(b"&#X00;", b"&#x0;"))
    assert cases.names == ["\ufffd[1m"]
    assert cases.notes == ["\ufffd\ufffd\ufffd\ufffd\ufffd\t"]
    assert problems == (Problem(code="sanitised", params={"count": 6}),)


def test_forbidden_characters_on_the_border_of_chunks() -> None:
    """A reference that two chunks share is replaced like any other."""
    for shift in range(8):
        filler = b"x" * (CHUNK_BYTES - len(b"<suite>") - shift)
        cases, problems = read(b"<suite>" + filler + b"&#x1b;<case name='a'/></suite>")
        assert cases.names == ["a"]
        assert problems == (Problem(code="sanitised", params={"count": 1}),)


def test_control_byte_in_a_name_stays_unreadable() -> None:
    """A damaged element name is never mended into another element."""
    assert refusal(b"<suite><ca\x01se/></suite>").code == "malformed"


def test_other_encodings_are_not_sanitised() -> None:
    """Only UTF-8 is read a second time."""
    assert refusal(b"<?xml version='1.0' encoding='latin-1'?><suite>\x1b</suite>").code == "malformed"


def test_depth_is_bounded() -> None:
    """Nesting up to the limit is read; one more is refused with the limit."""
    limits = replace(DEFAULT_LIMITS, max_depth=10)
    read(b"<suite>" + b"<a>" * 9 + b"</a>" * 9 + b"</suite>", limits)
    assert refusal(b"<suite>" + b"<a>" * 10, limits) == Problem(code="too-deep", params={"limit": 10})
    assert refusal(b"<suite>" + b"<a>" * 2_000_000).code == "too-deep"


def test_attributes_are_bounded() -> None:
    """A tag with more attributes than the limit is refused."""
    many = b" ".join(b"a%d='1'" % n for n in range(257))
    assert refusal(b"<suite><case " + many + b"/></suite>").code == "too-many-items"


def test_names_are_bounded() -> None:
    """A file that makes up a new name each time cannot fill the memory with names."""
    data = b"<suite>" + b"".join(b"<a%d/>" % n for n in range(200_000)) + b"</suite>"
    assert refusal(data).code == "hostile"


@pytest.mark.parametrize("opening", [b"<case name='", b"<!--", b"<case ", b"<?pi "])
def test_one_endless_tag_is_refused(opening: bytes) -> None:
    """A tag, comment or instruction longer than the limit is refused before it ends."""
    limits = replace(DEFAULT_LIMITS, max_token_bytes=2_000_000)
    assert refusal(b"<suite>" + opening + b" " * 6_000_000, limits).code == "hostile"


def test_long_text_costs_no_memory() -> None:
    """Text that nobody asked for, or more of it than was asked for, is not kept."""
    data = b"<suite><case><note>" + b"x" * 30_000_000 + b"</note></case>" + b"y" * 10_000_000 + b"</suite>"
    tracemalloc.start()
    try:
        cases, _ = read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert cases.notes == ["x" * 20]
    assert peak < 8_000_000


def test_oversized_report_is_refused_unread() -> None:
    """The size limit is checked first and named."""
    limits = replace(DEFAULT_LIMITS, max_bytes=10)
    assert refusal(PLAIN, limits) == Problem(code="too-large", params={"bytes": len(PLAIN), "limit": 10})


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"<?xml version='1.0'?><!-- c --><x:suite a='1'><cas", ("suite", {"a": "1"})),
        (b"<!DOCTYPE s [<!ENTITY e 'v'>]><s a='&e;'>", ("s", {"a": "v"})),
        (b"<suite a='1'", (None, {})),
        (b"<<", (None, {})),
        (b"", (None, {})),
        (b"<s>" + b"\x00" * 9000, ("s", {})),
    ],
)
def test_first_tag(head: bytes, expected: tuple[str | None, dict[str, str]]) -> None:
    """Detection sees the first tag of a cut-off document, and None where there is none."""
    assert first_tag(head) == expected


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    """Nothing but `UnreadableReport` leaves the reader, whatever stands in the middle of a report."""
    codes = {"malformed", "encoding", "hostile", "too-many-items"}
    with contextlib.suppress(UnreadableReport):
        cases, _ = read(b"<suite>" + noise + b"</suite>")
        assert len(cases.names) <= noise.count(b"case")
        return
    assert refusal(b"<suite>" + noise + b"</suite>").code in codes


@pytest.mark.parametrize("space", [" ", " " * 500])
@pytest.mark.parametrize("name", ["rot13", "no-such-encoding", "a" * 5_000])
def test_python_is_never_asked_for_a_codec(space: str, name: str) -> None:
    """A declaration that is hidden from the check is overruled, not followed."""
    data = f"<?xml version='1.0'{space}encoding='{name}'?><list><item/></list>".encode()
    with contextlib.suppress(UnreadableReport):
        read(data)
