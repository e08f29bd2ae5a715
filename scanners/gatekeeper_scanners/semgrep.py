"""Semgrep with the rules that ship with Gatekeeper, and no others; no network, no metrics."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gatekeeper.canonical import digest
from gatekeeper.evidence import Kind, Problem
from gatekeeper.resources import rules_folder
from gatekeeper_scanners.interface import CannotRun, Command, Job, Review, Scanner

LANGUAGES = MappingProxyType(
    {
        "python": ("*.py", "*.pyi"),
        "javascript": ("*.js", "*.jsx", "*.mjs", "*.cjs"),
        "typescript": ("*.ts", "*.tsx"),
        "java": ("*.java",),
        "kotlin": ("*.kt",),
        "go": ("*.go",),
        "ruby": ("*.rb",),
        "php": ("*.php",),
        "c": ("*.c", "*.h"),
        "cpp": ("*.cpp", "*.h"),
        "csharp": ("*.cs",),
        "rust": ("*.rs",),
        "bash": ("*.sh", "*.bash"),
        "yaml": ("*.yaml", "*.yml"),
        "json": ("*.json",),
        "terraform": ("*.tf",),
        "hcl": ("*.tf",),
        "html": ("*.html",),
        "dockerfile": ("Dockerfile", "*.dockerfile"),
        "generic": ("*",),
        "regex": ("*",),
    }
)
"""The files that a rule of a language reads, as far as the manifest lists them."""

_ALIASES = {
    "py": "python", "js": "javascript", "ts": "typescript", "sh": "bash", "docker": "dockerfile",
    "golang": "go", "none": "regex", "c++": "cpp", "c#": "csharp", "tf": "terraform",
}  # fmt: skip

_SILENCER = re.compile(rb"\bnosem(grep)?\b", re.IGNORECASE)
"""Semgrep drops a finding on a line with this word, or below one, without a trace in its JSON."""


class _Paths(msgspec.Struct):
    scanned: list[str] = []


class _Report(msgspec.Struct):
    paths: _Paths = msgspec.field(default_factory=_Paths)


@contextmanager
def _prepare(job: Job) -> Iterator[Command]:
    rules = rules_folder() / "semgrep"
    files = expected_files(job.files, rules)
    if not files:
        raise CannotRun("nothing-to-scan", tool="semgrep", files="files of a language that the rules know")
    # Without one, semgrep falls back to a list of its own that hides tests/, vendor/ and node_modules/.
    ignore = job.source / ".semgrepignore"
    ignore.touch()
    yield Command(
        arguments=(
            "scan",
            "--config", str(rules),
            "--no-rewrite-rule-ids",
            "--metrics", "off",
            "--disable-version-check",
            "--oss-only",
            "--no-git-ignore",
            "--max-target-bytes", "0",
            "--jobs", str(_jobs()),
            "--timeout", "30",
            "--timeout-threshold", "0",  # a slow rule must not switch the others off for the file
            "--json",
            "--output", str(job.report),
            "--quiet",
            ".",
        ),
        cwd=job.source,
        environ={"SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0"},
        finished_codes=frozenset({0, 1}),
        files_seen=len(files),
        rules_digest=_digest(rules),
        placeholders={"rules": rules},
    )  # fmt: skip


def _jobs() -> int:
    """One core is left to the other scanners: with more jobs than free cores semgrep burns its time on locks.

    Measured with 1.182 on 2 busy cores, 411 files: 1 job 12 s of CPU, 2 jobs 26 s, and slower by the clock.
    """
    return max(1, min(4, len(os.sched_getaffinity(0)) - 1))


def expected_files(files: tuple[str, ...], rules: Path) -> frozenset[str]:
    """Those of `files` that at least one rule reads.

    Raises:
        CannotRun: there is no rule, a rule file is damaged, or names a language that is not listed here.
    """
    patterns = {pattern for language in _languages(rules) for pattern in LANGUAGES[language]}
    return frozenset(
        file for file in files if any(fnmatchcase(PurePosixPath(file).name, pattern) for pattern in patterns)
    )


def _languages(rules: Path) -> frozenset[str]:
    found: set[str] = set()
    for path in _rule_files(rules):
        try:
            document: Any = YAML(typ="safe", pure=True).load(path.read_bytes())
            named = {str(name) for rule in document["rules"] for name in rule["languages"]}
        except (YAMLError, OSError, KeyError, TypeError) as exc:
            raise CannotRun("rules-damaged", file=path.name, detail=str(exc)[:200]) from exc
        found |= {_ALIASES.get(name.lower(), name.lower()) for name in named}
    if not found:
        raise CannotRun("no-rules", tool="semgrep")
    if unknown := sorted(found - LANGUAGES.keys()):
        raise CannotRun("rules-damaged", file="a rule", detail=f"unknown language {unknown[0]}")
    return frozenset(found)


def _rule_files(rules: Path) -> tuple[Path, ...]:
    return tuple(sorted(rules.glob("**/*.yaml")))


def _digest(rules: Path) -> str:
    """Digest over (relative name, content) of the rule files."""
    return digest(
        [(path.relative_to(rules).as_posix(), path.read_text("utf-8")) for path in _rule_files(rules)]
    )


def _review(job: Job, command: Command, report: bytes) -> Review:  # noqa: ARG001 - the seam's signature
    """Semgrep names every file it looked at in `paths.scanned`, and leaves out what `nosemgrep` silences."""
    try:
        scanned = set(msgspec.json.decode(report, type=_Report).paths.scanned)
    except msgspec.DecodeError:
        return Review(report=report)  # its reader refuses it, with the reason
    expected = expected_files(job.files, rules_folder() / "semgrep")
    problems = []
    if missing := len(expected - scanned):
        problems.append(Problem(code="files-not-scanned", params={"files": missing}))
    if silenced := sum(_silenced_lines(job.source / name) for name in expected):
        problems.append(Problem(code="lines-silenced", params={"count": silenced, "word": "nosemgrep"}))
    return Review(report=report, problems=tuple(problems))


def _silenced_lines(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(1 for line in lines if _SILENCER.search(line))


SEMGREP = Scanner(name="semgrep", kind=Kind.SAST, prepare=_prepare, review=_review)
