"""Speed floors of the coverage readers: the least Python that yields the bare facts, with no check at all.

Each floor is what a reader is measured against. They are wrong on dialects, by design: none unites repeated
lines, checks a number or a total, or refuses hostile input.
"""

import re
from pathlib import Path
from typing import Any
from xml.parsers import expat

import msgspec

from gatekeeper.reports.json import collector_off

CHUNK_BYTES = 1024 * 1024


def cobertura(path: Path) -> dict[str, dict[int, int]]:
    """{file: {line: hits}} by a bare expat loop."""
    files: dict[str, dict[int, int]] = {}
    lines: dict[int, int] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal lines
        if name == "line":
            lines[int(attributes["number"])] = int(attributes["hits"])
        elif name == "class":
            lines = files.setdefault(attributes["filename"], {})

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    with path.open("rb") as stream, collector_off():
        while chunk := stream.read(CHUNK_BYTES):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    return files


class _Summary(msgspec.Struct, gc=False):
    covered_lines: int
    num_statements: int


class _File(msgspec.Struct, gc=False):
    executed_lines: list[int]
    missing_lines: list[int]
    summary: _Summary


class _Root(msgspec.Struct, gc=False):
    files: dict[str, _File]
    totals: _Summary


def coverage_py(path: Path) -> dict[str, Any]:
    """{file: lists and summary} by a bare typed decode that skips functions, classes and branches."""
    with collector_off():
        return dict(msgspec.json.decode(path.read_bytes(), type=_Root).files)


_DA = re.compile(rb"^DA:(\d+),(\d+)", re.M)
_SF = re.compile(rb"^SF:(.*)$", re.M)


def lcov(path: Path) -> dict[str, dict[int, int]]:
    """{file: {line: hits}} by one regular expression per record."""
    files: dict[str, dict[int, int]] = {}
    for record in path.read_bytes().split(b"end_of_record"):
        found = _SF.search(record)
        if found:
            files[found[1].decode()] = {int(line): int(hits) for line, hits in _DA.findall(record)}
    return files
