"""The Semgrep rules that ship: complete, and right about their own cases."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gatekeeper.resources import rules_folder
from gatekeeper.settings import Settings
from gatekeeper_scanners.manifest import manifest_in, tools_folder
from gatekeeper_scanners.toolchain import toolchain

RULES = rules_folder() / "semgrep"
SEVERITIES = {"CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"}
_CASE = re.compile(r"(?:#|//)\s*(ruleid|ok):\s*([\w, -]+)")


def _rules() -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted(RULES.glob("*.yaml")):
        for rule in YAML(typ="safe").load(file)["rules"]:
            yield file, rule


def _cases(file: Path) -> set[tuple[str, str]]:
    """(`ruleid` or `ok`, rule) for every case beside a rule file."""
    beside = [path for path in file.parent.glob(f"{file.stem}.*") if path != file]
    found = (match.groups() for path in beside for match in _CASE.finditer(path.read_text("utf-8")))
    return {(says, rule.strip()) for says, rules in found for rule in rules.split(",")}


def test_each_id_is_used_once() -> None:
    """Waivers and baselines name a rule by its id, so an id stands for one rule."""
    ids = [rule["id"] for _, rule in _rules()]
    assert len(ids) == len(set(ids))
    assert len(ids) >= 20


@pytest.mark.parametrize(("file", "rule"), [pytest.param(*pair, id=pair[1]["id"]) for pair in _rules()])
def test_a_rule_is_complete(file: Path, rule: dict[str, Any]) -> None:
    """Every rule has a case it must find, one it must not, a severity, a CWE and a way to read more."""
    assert {("ruleid", rule["id"]), ("ok", rule["id"])} <= _cases(file)
    assert re.fullmatch(r"gk-[a-z0-9-]+", rule["id"])
    assert rule["severity"] in SEVERITIES
    metadata = rule["metadata"]
    assert all(re.match(r"CWE-\d+: \S", cwe) for cwe in metadata["cwe"])
    assert metadata["owasp"]
    assert metadata["category"] == "security"
    assert metadata["confidence"] in {"HIGH", "MEDIUM", "LOW"}
    assert all(link.startswith("https://") for link in metadata["references"])
    assert len(rule["message"]) > 60, "say what is wrong and what to do instead"


def test_the_readme_lists_every_rule() -> None:
    """The table in `rules/README.md` names each rule with its severity."""
    text = (RULES.parent / "README.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `(gk-[\w-]+)` \| (\w+) \|", text, re.MULTILINE))
    assert listed == {rule["id"]: rule["severity"] for _, rule in _rules()}


def test_semgrep_agrees_with_every_case(toolchain_settings: Settings) -> None:
    """The pinned Semgrep finds what each case says, and nothing else, without a word of complaint."""
    manifest = manifest_in(tools_folder() / "semgrep")
    ready = toolchain(manifest, toolchain_settings.tools, say=lambda _line: None, cancel=threading.Event())
    command = (ready.python, "-I", "-m", manifest.module, "scan", "--test", "--json",
               "--metrics", "off", "--disable-version-check", "--config", RULES, RULES)  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    answer = json.loads(done.stdout)
    results = {rule: check for file in answer["results"].values() for rule, check in file["checks"].items()}
    wrong = {rule: check for rule, check in results.items() if not check["passed"] or check["errors"]}
    assert not wrong
    assert results.keys() == {rule["id"] for _, rule in _rules()}
    assert not answer["config_missing_tests"]
    assert not answer["config_with_errors"]
    assert done.returncode == 0
