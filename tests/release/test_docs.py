"""The documentation says what is so: generated pages are fresh, links lead somewhere, what is shown runs."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatekeeper.cli import exits
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.testing import run_tests

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(REPOSITORY)
    for path in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), REPOSITORY / "rules/README.md"]
)
GUIDES = [path for path in PAGES if path.parts[:2] == ("docs", "guides")]
JUNIT = """\
<testsuite name="shop" tests="4" failures="1">
  <testcase classname="shop.test_cart" name="test_empty"/>
  <testcase classname="shop.test_cart" name="test_one"/>
  <testcase classname="shop.test_cart" name="test_two"/>
  <testcase classname="shop.test_cart" name="test_total"><failure message="3 != 4"/></testcase>
</testsuite>
"""
"""What the reader of a guide has: the report of a test run with one failure."""

_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file that it stands for (`yaml policy.yaml`), its text."""

    language: str
    file: str
    text: str


def _blocks(page: Path) -> list[Block]:
    return [Block(*found) for found in _BLOCK.findall((REPOSITORY / page).read_text(encoding="utf-8"))]


def _commands(page: Path) -> Iterator[list[str]]:
    """The words of every `gatekeeper` command in the blocks of a page, without shell around it."""
    for block in _blocks(page):
        if block.language == "text":
            continue
        for line in block.text.splitlines():
            found = re.search(r"(?:^|[\s'\"`|(;])(gatekeeper (?![\w-]*[:=]).*)", line.split("  #")[0])
            if found:
                yield shlex.split(re.split(r" \|\| | \| | && | > |['\"]$", found[1])[0])[1:]


def test_generated_pages_are_those_of_the_code(tmp_path: Path) -> None:
    """`make docs` would change nothing."""
    made = subprocess.run(
        [sys.executable, "-P", REPOSITORY / "docs/generate.py", tmp_path],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert len(made) >= 9
    stale = [
        name
        for name in made
        if (tmp_path / name).read_text() != (REPOSITORY / "docs/reference" / name).read_text()
    ]
    assert stale == [], "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of every page is a file, a folder or a heading that exists."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)\s]+)", text)
    broken = []
    for target in targets:
        name, _, heading = target.partition("#")
        file = REPOSITORY / page.parent / name if name else REPOSITORY / page
        if not file.exists() or (heading and heading not in _headings(file)):
            broken.append(target)
    assert broken == []


def _headings(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_can_be_found() -> None:
    """The index leads to each guide and each page of the reference."""
    index = (REPOSITORY / "docs/README.md").read_text(encoding="utf-8")
    pages = [*REPOSITORY.glob("docs/guides/*.md"), *REPOSITORY.glob("docs/reference/*")]
    assert pages
    assert [page.name for page in pages if f"{page.parent.name}/{page.name}" not in index] == []


@pytest.mark.parametrize("page", [page for page in PAGES if list(_commands(page))], ids=str)
def test_commands_and_options_exist(page: Path) -> None:
    """Every command that a page shows is in the reference, with every option that it is given."""
    helps = dict(_helps())
    for words in _commands(page):
        path = max((p for p in helps if words[: len(p)] == list(p)), key=len)
        assert path or words[0].startswith("-"), words
        options = [word.partition("=")[0] for word in words[len(path) :] if re.match(r"--?[a-z]", word)]
        assert [option for option in options if option not in helps[path]] == [], words


def _helps() -> Iterator[tuple[tuple[str, ...], set[str]]]:
    text = (REPOSITORY / "docs/reference/cli.md").read_text(encoding="utf-8")
    for part in text.split("\n## gatekeeper")[1:]:
        title, _, body = part.partition("\n")
        options = body.partition("Options:")[2]
        yield tuple(title.split()), set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", options))


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_readme_has_the_exit_codes(readme: str) -> None:
    """The table of the README is that of the program."""
    rows = re.findall(r"^\| (\d+) \|", (REPOSITORY / readme).read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(row) for row in rows] == [code for code, _ in exits.TABLE]


def test_both_readmes_show_the_same() -> None:
    """Commands and files are the same in every language, but for comments and the words of a reader."""
    english, chinese = (
        [re.sub(r"\s+#.*|\[.*?\]\(.*?\)", "", block.text) for block in _blocks(Path(name))]
        for name in ("README.md", "README.zh-CN.md")
    )
    assert english == chinese


@pytest.mark.parametrize("page", [Path("README.md"), Path("README.zh-CN.md"), *GUIDES], ids=str)
def test_policies_in_the_docs_are_policies(page: Path) -> None:
    """What is shown as a whole policy loads, and its tests pass."""
    for block in _blocks(page):
        if block.text.startswith("schema: gatekeeper/v1") and block.file != "broken.yaml":
            policy = load_policy(block.text.encode(), file=str(page))
            assert [outcome for outcome in run_tests(policy) if not outcome.passed] == []


@pytest.mark.parametrize("page", GUIDES, ids=str)
def test_what_a_guide_shows_happens(page: Path, tmp_path: Path) -> None:
    """Blocks of `console` run in their order, with the files shown so far, and print each line that is shown.

    A line of `...` stands for any lines. `sh` and `yaml` without a file name are not run.
    """
    work = tmp_path / "project"
    work.mkdir()
    (work / "junit.xml").write_text(JUNIT)
    environ = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "COLUMNS": "80",
    }
    for block in _blocks(page):
        if block.file:
            (work / block.file).write_text(block.text, encoding="utf-8")
        if block.language != "console":
            continue
        for command, shown in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
            ended = subprocess.run(
                ["bash", "-c", command], cwd=work, env=environ, capture_output=True, text=True, timeout=60
            )
            printed = ended.stdout + ended.stderr
            rest = printed
            for line in filter(lambda text: text.strip() not in ("", "..."), shown.splitlines()):
                assert line in rest, f"{command}\n{line!r} is not (or not there) in:\n{printed}"
                rest = rest.partition(line)[2]
