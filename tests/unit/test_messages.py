"""Every code that is used has words, and the words can be filled."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import gatekeeper
from gatekeeper.evidence import Message
from gatekeeper.messages import render, render_message
from gatekeeper.messages.problems import PROBLEMS

ROOT = Path(gatekeeper.__file__).parent
TABLE = {"scan": "{files:file|files} in {where}", "list": "see {names}", "plain": "{bytes} bytes"}
_SOURCES = [*ROOT.glob("reports/**/*.py"), *ROOT.parent.glob("scanners/gatekeeper_scanners/**/*.py")]
_MAKERS = {"UnreadableReport", "Problem"}
_NOTING = {"note", "add", "count"}


def _codes(path: Path) -> Iterator[str]:
    """Codes that stand literally in calls that make a problem."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        literal = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        if name == "UnreadableReport" or (name in _NOTING and _notes_problems(node)):
            literal += node.args[:1]
        if name in _MAKERS | _NOTING:
            yield from (
                arg.value for arg in literal if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            )


def _notes_problems(call: ast.Call) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    words = ast.unparse(owner) if owner else ""
    return words.endswith(("notes", "remarks"))


USED = sorted({(code, path.name) for path in _SOURCES for code in _codes(path)})


@pytest.mark.parametrize(("code", "file"), USED)
def test_every_problem_code_has_words(code: str, file: str) -> None:
    """A reader or runner only uses codes that stand in the table."""
    assert code in PROBLEMS, file


def test_the_search_for_codes_finds_them() -> None:
    """The test above looks at real codes."""
    found = {code for code, _ in USED}
    assert {"no-data", "no-cases", "malformed", "unknown-format", "totals-disagree"} <= found


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_words_are_well_formed(code: str) -> None:
    """Templates parse, name their parameters, and follow one style."""
    template = PROBLEMS[code]
    fields = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    assert all(field.isidentifier() for field in fields)
    assert template == template.strip()
    assert not template.endswith(".")


def test_numbers_choose_the_noun() -> None:
    """One file, two files; thousands have separators."""
    assert render("scan", {"files": 1, "where": "src"}, TABLE) == "1 file in src"
    assert render("scan", {"files": 12_345, "where": "src"}, TABLE) == "12,345 files in src"
    assert render("plain", {"bytes": 61_203_114}, TABLE) == "61,203,114 bytes"


def test_lists_are_joined() -> None:
    """Words and (word, count) pairs become one line."""
    assert render("list", {"names": ("a", "b")}, TABLE) == "see a, b"
    assert render("list", {"names": (("a", 2), ("b", 1000))}, TABLE) == "see a (2), b (1,000)"


def test_unknown_code_is_shown_as_it_is() -> None:
    """A code without words is still something to search for."""
    assert render_message(Message(code="brand-new"), TABLE) == "brand-new"
