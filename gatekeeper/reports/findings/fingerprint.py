"""Identities of findings that survive moved lines and reordered reports.

    fingerprint = SHA-256 over length-prefixed parts, case kept; the parts begin with the way it was made:
      own         tool, name, value             the tool's own stable identity
      partial     tool, rule, path, name, value, ... what the tool adds to an identity
      snippet     tool, rule, path, snippet     the flagged code, white space made even
      message     tool, rule, path, message     when the report holds no code
      dependency  ecosystem, package, advisory

Where findings of one report share these parts, the second and later ones, in the order of their place in the
file, get their occurrence index mixed in. Severity, line, version and (where there is code) message are not
identity.
"""

import hashlib
import re
from collections import Counter, defaultdict

import msgspec

from gatekeeper.finding import Finding

_ADVISORY_ORDER = ("CVE-", "GHSA-", "PYSEC-")
_RUNS = re.compile(r"[-_.]+")
_DIGITS = re.compile(r"(\d+)")


def own_fingerprint(tool: str, name: str, value: str) -> str:
    """The identity that the tool itself gave; `name` is the tool's name for the way it was computed."""
    return _digest("own", tool, name, value)


def code_fingerprint(*, tool: str, rule: str, path: str, snippet: str | None, message: str) -> str:
    """The identity of a problem in code: by the flagged code, else by the message.

    Without code in the report, two problems of one rule in one file with one message differ only in their
    occurrence, so inserting one before the other makes the later one look new.
    """
    code = " ".join(snippet.split()) if snippet else ""
    if code:
        return _digest("snippet", tool, rule, path, code)
    return _digest("message", tool, rule, path, message)


def partial_fingerprint(*, tool: str, rule: str, path: str, values: list[tuple[str, str]]) -> str:
    """The identity from what the tool contributes: `values` are (name, value) in a fixed order."""
    return _digest("partial", tool, rule, path, *(text for pair in values for text in pair))


def dependency_fingerprint(*, ecosystem: str, package: str, advisories: tuple[str, ...]) -> str:
    """The identity of a known problem of a package, whichever of its `advisories` was reported first."""
    name = pypi_name(package) if ecosystem == "PyPI" else package
    return _digest("dependency", ecosystem, name, canonical_advisory(advisories))


def pypi_name(name: str) -> str:
    """`name` as PEP 503 normalises it."""
    # `packaging.utils` does the same, and asks the platform for its tags on import: 20 ms of every start.
    return _RUNS.sub("-", name).lower()


def canonical_advisory(advisories: tuple[str, ...]) -> str:
    """The one id that stands for all: the lowest CVE, else GHSA, else PYSEC, else any; numbers as numbers.

    Every database names the CVE when there is one, so reports of different databases agree.
    """
    return min(advisories, key=_advisory_rank)


def with_occurrences(findings: list[Finding]) -> list[Finding]:
    """`findings` in their order, no two with the same fingerprint.

    Those that share one are ordered by their place in the file, not by their order in the report.
    """
    crowded = {key for key, count in Counter(f.fingerprint for f in findings).items() if count > 1}
    if not crowded:
        return findings
    members: dict[str, list[int]] = defaultdict(list)
    for index, finding in enumerate(findings):
        if finding.fingerprint in crowded:
            members[finding.fingerprint].append(index)
    told_apart = list(findings)
    for key, indexes in members.items():
        indexes.sort(key=lambda index: _place(findings[index]))
        for occurrence, index in enumerate(indexes[1:], start=1):
            own = _digest("occurrence", key, str(occurrence))
            told_apart[index] = msgspec.structs.replace(findings[index], fingerprint=own)
    return told_apart


def _digest(*parts: str) -> str:
    text = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _advisory_rank(advisory: str) -> tuple[int, list[int | str]]:
    family = next((n for n, prefix in enumerate(_ADVISORY_ORDER) if advisory.startswith(prefix)), 3)
    # re.split with a group alternates text and digits, so the lists compare position by position.
    return family, [int(part) if part.isdecimal() else part for part in _DIGITS.split(advisory)]


def _place(finding: Finding) -> tuple[str, int, int, str, bytes]:
    at = finding.location
    version = (finding.package.version if finding.package else None) or ""
    content = msgspec.json.encode(finding)
    if at is None:
        return "", 0, 0, version, content
    return at.path, at.line or 0, at.column or 0, version, content
