"""pip-audit JSON (`pip-audit -f json`): the object of 2.x, and the bare list of 1.x."""

from typing import Annotated, Any

import msgspec
from packaging.version import Version

from gatekeeper.evidence import Kind, Producer
from gatekeeper.finding import Finding, Package, Severity
from gatekeeper.reports.findings.fingerprint import dependency_fingerprint, pypi_name, with_occurrences
from gatekeeper.reports.findings.items import check_count, each
from gatekeeper.reports.findings.report import finding_report
from gatekeeper.reports.interface import Head, Report, ReportFormat
from gatekeeper.reports.json import decode
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.repeated_keys import Decisive, refuse_repeated_keys
from gatekeeper.reports.source import ReportSource

_ECOSYSTEM = "PyPI"


class _Dependency(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(min_length=1)]
    version: str | None = None
    vulns: list[msgspec.Raw] | None = None
    skip_reason: str | None = None


class _Vulnerability(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(min_length=1)]
    fix_versions: list[str] | None = None
    aliases: list[str] | None = None
    description: str | None = None


class _Log(msgspec.Struct):
    dependencies: list[msgspec.Raw]


_EITHER: Any = _Log | list[msgspec.Raw]
_DEPENDENCY = msgspec.json.Decoder(_Dependency)
_DECISIVE = Decisive("name", "version", "vulns", "skip_reason")
_VULNERABILITY = msgspec.json.Decoder(_Vulnerability)


def detect(head: Head) -> bool:
    """`dependencies` beside `fixes`, or a list of packages with `vulns` or `skip_reason`."""
    items = b'"vulns"' in head.data or b'"skip_reason"' in head.data
    if head.data.startswith(b"["):
        return items and b'"name"' in head.data
    return "dependencies" in head.keys and (items or "fixes" in head.keys)


def read(source: ReportSource, limits: Limits, _kind: Kind | None) -> Report:
    """The known problems of the audited packages; one finding per problem and package, aliases merged.

    pip-audit exits 0 and says "No known vulnerabilities found" when it skipped every dependency. Here a
    skipped one is counted in `sca.unaudited`, and makes the report `incomplete`. pip-audit rates nothing:
    severities are
    `unknown`.

    Raises:
        UnreadableReport: it is not pip-audit JSON.
    """
    notes = Notes()
    log: Any = decode(source, _EITHER)
    raws: list[msgspec.Raw] = log.dependencies if isinstance(log, _Log) else log
    check_count(raws, limits)
    refuse_repeated_keys(source, {"dependencies": 1})
    findings: list[Finding] = []
    audited = 0
    for dependency in each(raws, _DEPENDENCY, notes=notes, decisive=_DECISIVE):
        if dependency.vulns is None or dependency.skip_reason is not None or not dependency.version:
            notes.count("unaudited", dependency.skip_reason or "no answer")
        else:
            audited += 1
        findings += _findings(dependency, limits, notes)
    if not audited:
        notes.add("no-data")
    findings = with_occurrences(findings)
    open_fixable = sum(bool(f.package and f.package.fixed_versions) for f in findings if f.is_open)
    return finding_report(
        FORMAT.name,
        Kind.SCA,
        findings=findings,
        notes=notes,
        suppressed=None,
        producer=Producer(name="pip-audit"),
        metrics={
            "sca.dependencies": audited,
            "sca.unaudited": notes.total("unaudited"),
            "sca.fixable": open_fixable,
        },
    )


FORMAT = ReportFormat(
    name="pip-audit",
    title="pip-audit JSON",
    kinds=(Kind.SCA,),
    tools="pip-audit",
    detect=detect,
    read=read,
)


def _findings(dependency: _Dependency, limits: Limits, notes: Notes) -> list[Finding]:
    known = list(each(dependency.vulns or [], _VULNERABILITY, notes=notes))
    return [_finding(dependency, group, limits) for group in _same_problem(known)]


def _same_problem(known: list[_Vulnerability]) -> list[list[_Vulnerability]]:
    """`known` in groups that share an id, directly or through a third (PYSEC names CVE, GHSA names CVE)."""
    first_with: dict[str, int] = {}
    leader = list(range(len(known)))

    def leader_of(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for index, vulnerability in enumerate(known):
        for name in _names(vulnerability):
            one, other = leader_of(first_with.setdefault(name, index)), leader_of(index)
            leader[max(one, other)] = min(one, other)
    groups: dict[int, list[_Vulnerability]] = {}
    for index, vulnerability in enumerate(known):
        groups.setdefault(leader_of(index), []).append(vulnerability)
    return list(groups.values())


def _names(vulnerability: _Vulnerability) -> set[str]:
    return {vulnerability.id, *(alias for alias in vulnerability.aliases or () if alias)}


def _finding(dependency: _Dependency, group: list[_Vulnerability], limits: Limits) -> Finding:
    first = group[0]
    aliases = {name for one in group for name in _names(one)} - {first.id}
    fixes = {version for one in group for version in one.fix_versions or ()}
    advisories = (first.id, *sorted(aliases))
    description = next((one.description for one in group if one.description), None)
    return Finding(
        fingerprint=dependency_fingerprint(
            ecosystem=_ECOSYSTEM, package=dependency.name, advisories=advisories
        ),
        tool="pip-audit",
        rule=first.id,
        severity=Severity.UNKNOWN,
        message=(description or first.id)[: limits.max_message_chars],
        advisories=advisories,
        package=Package(
            ecosystem=_ECOSYSTEM,
            name=pypi_name(dependency.name),
            version=dependency.version,
            fixed_versions=tuple(sorted(fixes, key=_release_order)),
        ),
    )


def _release_order(version: str) -> tuple[int, Any]:
    try:
        return 0, Version(version)
    except ValueError:  # no version, or a number of more digits than Python converts
        return 1, version
