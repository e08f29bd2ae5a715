"""What a report is, by its content: the head that formats look at, and the choice between them."""

import codecs
import re
from collections.abc import Sequence
from typing import NoReturn

from gatekeeper.reports.interface import Head, ReportFormat, UnreadableReport
from gatekeeper.reports.source import ReportSource
from gatekeeper.reports.xml import first_tag
from gatekeeper.reports.xml_text import MULTI_BYTE, declared_encoding

DECISION_SUITES = "gatekeeper decision"
POLICY_TEST_SUITES = "gatekeeper policy test"
"""Names of the root in JUnit XML that we write ourselves: never evidence of tests, however green."""

_SHOWN_BYTES = 80
_DECISION_KEYS = frozenset({"outcome", "allowed", "question"})


def head_of(source: ReportSource) -> Head:
    """The decoded beginning of `source`. Never fails: bytes that cannot be decoded are left as they are."""
    data = _decoded(source.head()).lstrip(b" \t\r\n")
    root, attributes = first_tag(data) if data.startswith(b"<") else (None, {})
    keys = _top_level_keys(data) if data.startswith(b"{") else frozenset[str]()
    return Head(data=data, name=source.name, root=root, attributes=attributes, keys=keys)


def choose_format(head: Head, formats: Sequence[ReportFormat]) -> ReportFormat:
    """The one format that recognises the content; where several do, the one that the file name holds.

    Raises:
        UnreadableReport: `empty`; `own-answer`; `unknown-format` with the first bytes; `ambiguous` with the
            candidates.
    """
    if not head.data:
        raise UnreadableReport("empty")
    if _is_own_answer(head):
        raise UnreadableReport("own-answer")
    matches = [format_ for format_ in formats if format_.detect(head)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise UnreadableReport("unknown-format", head=shown(head.data))
    return _by_file_name(head.name, matches)


def shown(data: bytes) -> str:
    """The first 80 bytes as printable text; everything else as escapes, so that no terminal obeys them."""
    text = data[:_SHOWN_BYTES].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _is_own_answer(head: Head) -> bool:
    """Pipelines keep answers beside reports; read as tests, a green answer would vouch for the next one."""
    return head.attributes.get("name") in (DECISION_SUITES, POLICY_TEST_SUITES) or head.keys >= _DECISION_KEYS


def _by_file_name(name: str, matches: Sequence[ReportFormat]) -> ReportFormat:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower())
    named = [format_ for format_ in matches if format_.name in words]
    if len(named) != 1:
        _refuse_ambiguous(matches)
    return named[0]


def _refuse_ambiguous(matches: Sequence[ReportFormat]) -> NoReturn:
    raise UnreadableReport("ambiguous", formats=tuple(sorted(format_.name for format_ in matches)))


def _decoded(head: bytes) -> bytes:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head.decode("utf-16", "replace").encode()
    try:
        encoding = declared_encoding(head)
    except UnreadableReport:
        encoding = None  # the reader says so; detection only needs the names, which are ASCII
    if encoding in MULTI_BYTE:
        return head.decode(encoding, "replace").encode()
    return head.removeprefix(codecs.BOM_UTF8)


# A string that the end of the head cuts off matches to the end, so that its inside is never read as JSON.
_JSON_TOKEN = re.compile(rb'"((?:[^"\\]++|\\.)*+)("|\Z)|[{}\[\]:,]', re.DOTALL)


def _top_level_keys(data: bytes) -> frozenset[str]:
    """Keys of the outermost object that stand in `data`, as written; the rest of the JSON is not checked."""
    keys: set[str] = set()
    depth = 0
    last = ""
    for token in _JSON_TOKEN.finditer(data):
        mark = token[0]
        if mark in b"{[":
            depth += 1
        elif mark in b"}]":
            depth -= 1
            if depth == 0:
                break
        elif mark == b":" and depth == 1 and last:
            keys.add(last)
        last = token[1].decode("utf-8", "replace") if token[1] is not None and depth == 1 else ""
    return frozenset(keys)
