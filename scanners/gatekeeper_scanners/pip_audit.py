"""pip-audit: dependencies with known vulnerabilities, answered from the advisory mirror on loopback.

pip-audit gets a list of our own making, with exact versions only: given the project's lists it would stop at
the first line that is not pinned, drop lines whose marker is false on this machine, and skip addresses in
silence. What cannot be pinned is counted here. Afterwards its report is compared with what the mirror
answered: every version was asked for, and every advisory answered is in the report.
"""

import http.client
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

from gatekeeper.evidence import Kind, Problem
from gatekeeper.run_record import Rating
from gatekeeper_scanners.advisories.manifest import MirrorUnavailable
from gatekeeper_scanners.advisories.osv_answers import AnswerLog
from gatekeeper_scanners.advisories.osv_server import serving
from gatekeeper_scanners.advisories.records import CANARY_ID, CANARY_PACKAGE, CANARY_VERSION, PYPI
from gatekeeper_scanners.advisories.store import Mirror, open_mirror
from gatekeeper_scanners.dependency_lists.find import Dependencies, dependencies_of
from gatekeeper_scanners.dependency_lists.interface import LeftOut, Pin
from gatekeeper_scanners.interface import CannotRun, Command, Job, Review, Scanner

_NAMED = 20
"""Entries that a problem names; its count is always complete."""
_PROBE_SECONDS = 15.0


@dataclass
class _Proof:
    """What the mirror was asked and answered in this run."""

    log: AnswerLog = field(default_factory=AnswerLog)
    has_canary: bool = False
    """The canary was found before and after the run."""


@dataclass(frozen=True, kw_only=True)
class _Audit(Command):
    """The command, and what its report will be compared with."""

    asked: tuple[Pin, ...]
    known: tuple[Problem, ...]
    """Problems that are certain before the run."""
    proof: _Proof


class _Vulnerability(msgspec.Struct):
    id: str
    aliases: list[str] = []


class _Dependency(msgspec.Struct):
    name: str
    version: str | None = None
    vulns: list[_Vulnerability] = []


class _Report(msgspec.Struct):
    dependencies: list[_Dependency]


@contextmanager
def _prepare(job: Job) -> Iterator[Command]:
    dependencies = dependencies_of(job.source, job.files)
    if not dependencies.lists:
        raise CannotRun("no-dependency-list")
    with _mirror(job) as mirror:
        asked, crowded = requirement_lines(dependencies.pins)
        (job.workspace / "requirements.txt").write_text("".join(f"{line}\n" for line in asked.values()))
        proof = _Proof()
        with serving(mirror, proof.log) as url:
            if not _finds_canary(url):
                raise CannotRun("canary-not-found")
            yield _Audit(
                arguments=_arguments(job),
                cwd=job.workspace,
                # Not an argument: the port is another one each time, and the record of a run is compared.
                environ={"PIP_AUDIT_OSV_URL": f"{url}/v1/query"},
                finished_codes=frozenset({0, 1}),  # 1: it found something
                files_seen=len(dependencies.lists),
                database=mirror.manifest.database,
                asked=tuple(asked),
                known=tuple(_known(dependencies, crowded, mirror)),
                proof=proof,
            )
            proof.has_canary = _finds_canary(url)


def _arguments(job: Job) -> tuple[str, ...]:
    return (
        "-r", str(job.workspace / "requirements.txt"),
        "--no-deps", "--disable-pip",  # nothing is resolved, downloaded or built
        "-s", "osv",
        "--cache-dir", str(job.workspace / "cache"),
        "-f", "json", "--aliases", "on", "--desc", "on",
        "--progress-spinner", "off",
        "-o", str(job.report),
    )  # fmt: skip


def _mirror(job: Job) -> Mirror:
    try:
        return open_mirror(job.settings.advisories, allow_partial=True)
    except MirrorUnavailable as exc:
        raise CannotRun(exc.code, detail=exc.message) from exc


def _known(dependencies: Dependencies, crowded: Sequence[Pin], mirror: Mirror) -> Iterator[Problem]:
    extra = [LeftOut("", f"{pin.name}=={pin.version}", "too many versions of one name") for pin in crowded]
    left_out = [*dependencies.left_out, *extra]
    if left_out:
        lines = tuple(f"{item.place} {item.entry} ({item.reason})".strip() for item in left_out[:_NAMED])
        yield Problem(code="unaudited", params={"count": len(left_out), "what": lines})
    if not mirror.manifest.is_complete:
        yield Problem(code="database-partial")


def requirement_lines(pins: Sequence[Pin]) -> tuple[dict[Pin, str], list[Pin]]:
    """A line for each pin that pip-audit accepts all together, and the pins for which there is none.

    It refuses two versions of one name, which a project with several lists rightly has, but compares names as
    they are written. PEP 503 makes `Flask` and `flask` one package, so each further version of a name gets a
    spelling of its own; the report has the normalised name.
    """
    lines: dict[Pin, str] = {}
    crowded: list[Pin] = []
    used: dict[str, int] = defaultdict(int)
    for pin in pins:
        spelled = _spelling(pin.name, used[pin.name])
        used[pin.name] += 1
        if spelled is None:
            crowded.append(pin)
        else:
            lines[pin] = f"{spelled}=={pin.version}"
    return lines, crowded


def _spelling(name: str, number: int) -> str | None:
    """The spelling `number` of `name`, by upper case letters; None when there are no more."""
    letters = [i for i, letter in enumerate(name) if letter.isalpha()]
    if number >= 2 ** len(letters):
        return None
    upper = {place for bit, place in enumerate(letters) if number >> bit & 1}
    return "".join(letter.upper() if i in upper else letter for i, letter in enumerate(name))


def _finds_canary(url: str) -> bool:
    """Ask as pip-audit asks, over the same server, for the one advisory that is always there."""
    query = {"package": {"name": CANARY_PACKAGE, "ecosystem": PYPI}, "version": CANARY_VERSION}
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=_PROBE_SECONDS)
    try:
        connection.request("POST", "/v1/query", body=json.dumps(query))
        response = connection.getresponse()
        answer: Any = json.loads(response.read()) if response.status == http.HTTPStatus.OK else {}
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return [vuln.get("id") for vuln in answer.get("vulns", [])] == [CANARY_ID]


def _review(job: Job, command: Command, report: bytes) -> Review:  # noqa: ARG001 - the seam's signature
    """The report as pip-audit wrote it, with ratings, and everything that it does not prove."""
    if not isinstance(command, _Audit):
        raise TypeError("the command of another scanner")
    problems = list(command.known)
    if not command.proof.has_canary:
        problems.append(Problem(code="canary-not-found"))
    try:
        dependencies = msgspec.json.decode(report, type=_Report).dependencies
    except msgspec.DecodeError:
        return Review(report=report, problems=tuple(problems))  # its reader refuses it, with the reason
    problems += _disagreements(command, dependencies)
    reported = {vuln.id for dependency in dependencies for vuln in dependency.vulns}
    ratings = _ratings_by_name(command.proof.log)
    return Review(
        report=report,
        problems=tuple(problems),
        ratings={name: ratings[name] for name in sorted(reported & ratings.keys())},
    )


def _ratings_by_name(log: AnswerLog) -> dict[str, Rating]:
    """Ratings by every id of an advisory: pip-audit prefers a PYSEC or CVE alias to the record's own id."""
    by_name: dict[str, Rating] = {}
    for rating in log.ratings().values():
        for name in rating.aliases:
            if name not in by_name or rating.severity.rank > by_name[name].severity.rank:
                by_name[name] = rating
    return by_name


def _disagreements(command: _Audit, dependencies: Sequence[_Dependency]) -> Iterator[Problem]:
    """Where the list, the questions, the answers and the report do not say the same."""
    reported: dict[Pin, set[str]] = defaultdict(set)
    for dependency in dependencies:
        pin = Pin(canonicalize_name(dependency.name), dependency.version or "")
        reported[pin] |= {name for vuln in dependency.vulns for name in (vuln.id, *vuln.aliases)}
    answered: dict[Pin, set[str]] = defaultdict(set)
    uncertain: set[str] = set()
    for answer in command.proof.log.answers():
        answered[Pin(answer.name, answer.version)] |= set(answer.ids)
        uncertain |= set(answer.uncertain)
    asked = set(command.asked)
    yield from _named("not-queried", (reported.keys() | asked) - answered.keys())
    yield from _named("not-reported", asked - reported.keys())
    ratings = command.proof.log.ratings()
    lost = {
        f"{pin.name} {pin.version} {name}"
        for pin, names in answered.items()
        for name in names
        if pin in asked and not reported.get(pin, set()) & {name, *ratings[name].aliases}
    }
    yield from _named("advisories-lost", lost)
    yield from _named("advisories-uncertain", uncertain)


def _named(code: str, items: set[Pin] | set[str]) -> Iterator[Problem]:
    if items:
        words = sorted(f"{item.name} {item.version}" if isinstance(item, Pin) else item for item in items)
        yield Problem(code=code, params={"count": len(words), "names": tuple(words[:_NAMED])})


PIP_AUDIT = Scanner(name="pip-audit", kind=Kind.SCA, prepare=_prepare, review=_review)
