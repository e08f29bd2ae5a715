"""Bandit: Python code that is dangerous as written."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from gatekeeper.canonical import digest_of_bytes
from gatekeeper.evidence import Kind, Problem
from gatekeeper_scanners.interface import CannotRun, Command, Job, Review, Scanner

# Bandit 1.9 looks at *.py alone unless told otherwise.
_CONFIG = b'include: ["*.py", "*.pyw"]\nexclude_dirs: []\n'


class _Report(msgspec.Struct):
    metrics: dict[str, Any] = {}


@contextmanager
def _prepare(job: Job) -> Iterator[Command]:
    if not job.files:
        raise CannotRun("nothing-to-scan", tool="bandit", files="Python files")
    config = job.workspace / "bandit.yaml"
    config.write_bytes(_CONFIG)
    ini = job.workspace / "bandit.ini"
    ini.write_bytes(b"[bandit]\n")
    yield Command(
        arguments=(
            "-r", ".",
            "-c", str(config),
            "--ini", str(ini),  # else it searches the target for `.bandit` and obeys it
            "-x", "",  # its default skips every path that *contains* ".git", "CVS", ".egg"
            "-f", "json",
            "-o", str(job.report),
            "-q",
        ),
        cwd=job.source,
        finished_codes=frozenset({0, 1}),  # 1: it found something
        files_seen=len(job.files),
        rules_digest=digest_of_bytes(_CONFIG),
    )  # fmt: skip


def _review(job: Job, command: Command, report: bytes) -> Review:  # noqa: ARG001 - the seam's signature
    """A file that Bandit opened has an entry in `metrics`, also when it could not be parsed."""
    try:
        named = {name.removeprefix("./") for name in msgspec.json.decode(report, type=_Report).metrics}
    except msgspec.DecodeError:
        return Review(report=report)  # its reader refuses it, with the reason
    missing = len(set(job.files) - named)
    if not missing:
        return Review(report=report)
    return Review(report=report, problems=(Problem(code="files-not-scanned", params={"files": missing}),))


BANDIT = Scanner(name="bandit", kind=Kind.SAST, prepare=_prepare, review=_review)
