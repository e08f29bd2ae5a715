"""Bodies: the same bytes at every try, never more or less than was announced."""

import gzip
from email.parser import BytesParser
from pathlib import Path

import pytest

from gatekeeper.client.body import Body, FileChanged, FileContent, Part, form
from gatekeeper.client.upload import ReportFile, Upload, body_of, query_of

SOURCE = {"project": "pay/api", "commit": "c" * 40, "tree": "d" * 40}


def report(content: bytes | FileContent, name: str = "junit.xml") -> ReportFile:
    """A report with a digest of no meaning."""
    return ReportFile(content=content, name=name, sha256="ab" * 32)


def parts_of(body: Body) -> dict[str, tuple[str | None, bytes]]:
    """File name and bytes by part, as a mail parser understands the form."""
    raw = f"Content-Type: {body.content_type}\r\n\r\n".encode() + b"".join(body.chunks())
    return {
        str(part.get_param("name", header="content-disposition")): (
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in BytesParser().parsebytes(raw).get_payload()
    }


def test_a_form_arrives_as_it_was_sent(tmp_path: Path) -> None:
    """Report, record and proof, with bytes of all kinds, in the length that was announced."""
    path = tmp_path / "junit.xml"
    path.write_bytes(bytes(range(256)) * 600)
    content = FileContent(path=path, size_bytes=256 * 600)
    body = body_of(Upload(**SOURCE, report=report(content), record=b"{}", commit_object=b"tree x\n\xff"))
    assert len(b"".join(body.chunks())) == body.size_bytes == int(body.headers()["Content-Length"])
    assert parts_of(body) == {
        "commit": ("commit", b"tree x\n\xff"),
        "record": ("record.run.json", b"{}"),
        "report": ("junit.xml", path.read_bytes()),
    }


def test_a_record_can_go_alone() -> None:
    """A scanner ran, and its report is gone: that is evidence too."""
    body = body_of(Upload(**SOURCE, record=b"{}"))
    assert list(parts_of(body)) == ["record"]
    with pytest.raises(ValueError, match="report or the record"):
        Upload(**SOURCE)


def test_no_name_breaks_out_of_its_header() -> None:
    """Quotes and line ends are written as browsers do."""
    body = form((Part(name="report", filename='a"\r\nX-Evil: 1\r\n\r\n.xml', content=b"x"),))
    head = b"".join(body.chunks()).split(b"\r\n\r\n")[0]
    assert b'filename="a%22%0D%0AX-Evil: 1%0D%0A%0D%0A.xml"' in head
    assert len(head.split(b"\r\n")) == 3


def test_a_large_report_alone_is_compressed(tmp_path: Path) -> None:
    """Anew at every try, while it is counted before compression."""
    text = b"".join(b'<testcase name="%d"/>' % number for number in range(20_000))
    path = tmp_path / "junit.xml"
    path.write_bytes(text)
    body = body_of(Upload(**SOURCE, report=report(FileContent(path=path, size_bytes=len(text)))))
    assert body.headers()["Content-Encoding"] == "gzip"
    told: list[int] = []
    for _ in range(2):
        packed = b"".join(body.chunks(told.append))
        assert gzip.decompress(packed) == text
        assert len(packed) < len(text) / 3
    assert sum(told) == 2 * len(text)


@pytest.mark.parametrize("content", [b"<a/>", b"x" * 200_000])
def test_what_is_small_or_looks_like_a_bomb_goes_as_it_is(content: bytes) -> None:
    """Servers refuse what expands without measure, and a report must not be taken for that."""
    assert not body_of(Upload(**SOURCE, report=report(content))).is_gzip


@pytest.mark.parametrize("now", [b"", b"abc", b"abcdefghi"])
def test_a_file_that_changes_is_not_sent_as_if_it_were_whole(now: bytes, tmp_path: Path) -> None:
    """Shorter or longer than it was: an error that names the file."""
    path = tmp_path / "junit.xml"
    path.write_bytes(now)
    with pytest.raises(FileChanged, match="changed while it was sent"):
        list(FileContent(path=path, size_bytes=6).chunks())
    path.unlink()
    with pytest.raises(FileChanged, match="cannot be read any more"):
        list(FileContent(path=path, size_bytes=6).chunks())


def test_all_lengths_survive(tmp_path: Path) -> None:
    """Those around the size of a piece too."""
    for size in (0, 1, 64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1):
        path = tmp_path / "x"
        path.write_bytes(bytes(range(251)) * (size // 251) + bytes(size % 251))
        assert b"".join(FileContent(path=path, size_bytes=size).chunks()) == path.read_bytes()


def test_the_query_says_what_it_is_about() -> None:
    """What is not known is left out."""
    upload = Upload(**SOURCE, report=report(b"x"), set="s", part="2/5", job="unit:junit.xml")
    assert query_of(upload) == SOURCE | {
        "name": "default",
        "job": "unit:junit.xml",
        "set": "s",
        "part": "2/5",
        "filename": "junit.xml",
    }
