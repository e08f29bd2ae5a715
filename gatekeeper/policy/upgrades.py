"""The fewest package upgrades that clear a number of findings."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from packaging.version import Version

from gatekeeper.finding import Finding

VersionKey = tuple[int, Version | None, tuple[tuple[int, int, str], ...]]

_MOST_COMPARED = 200_000
"""Versions times findings of one package; real ones stay far below."""


def upgrades(found: Sequence[Finding], steps: int) -> tuple[tuple[tuple[str, int], ...], set[str]]:
    """The fewest upgrades that clear `steps` of `found`, or as many as can be, and the fingerprints.

    Each is written `name 1.0 -> 1.2` with the number of findings that it clears; those that clear most first.
    """
    groups: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for finding in found:
        if finding.package and finding.package.fixed_versions:
            package = finding.package
            groups[(package.ecosystem, package.name, package.version or "")].append(finding)
    options = []
    for (_, name, version), findings in groups.items():
        best = _best_version(findings, version)
        if best is not None:
            options.append((f"{name} {version} -> {best[0]}".replace("  ", " "), best[1]))
    options.sort(key=lambda option: (-len(option[1]), option[0]))
    chosen: list[tuple[str, int]] = []
    cleared: set[str] = set()
    for label, fingerprints in options:
        if len(cleared) >= steps:
            break
        chosen.append((label, len(fingerprints)))
        cleared |= fingerprints
    return tuple(chosen), cleared


def _best_version(findings: Iterable[Finding], current: str) -> tuple[str, set[str]] | None:
    """The lowest version that clears the most of one package's findings, and what it clears.

    A version clears a finding when it is one of its fixed versions, not below the highest of them, or a later
    one of the same series (1.26.19 after 1.26.17). Any other version in between may lie in a range that was
    vulnerable again, so it is not trusted.
    """
    fixes = {f.fingerprint: _Fixes(f.package.fixed_versions) for f in findings if f.package}
    keys = {text: key for fix in fixes.values() for text, key in fix.keys.items()}
    floor = version_key(current) if current else None
    later = sorted((text for text in keys if floor is None or keys[text] > floor), key=keys.__getitem__)
    best: tuple[str, set[str]] | None = None
    # The highest versions are kept: none below the highest of all clears everything that it clears.
    for version in later[-max(1, _MOST_COMPARED // max(1, len(fixes))) :]:
        clears = {fingerprint for fingerprint, fix in fixes.items() if fix.are_in(version, keys[version])}
        if best is None or len(clears) > len(best[1]):
            best = (version, clears)
    return best


class _Fixes:
    """The versions that fix one finding; at least one."""

    def __init__(self, versions: Iterable[str]) -> None:
        self.keys = {text: version_key(text) for text in versions}
        self._highest = max(self.keys.values())
        self._first_of_series: dict[tuple[int, int, int], Version] = {}
        for _, version, _ in self.keys.values():
            if version is not None:
                series = _series(version)
                self._first_of_series[series] = min(self._first_of_series.get(series, version), version)

    def are_in(self, text: str, key: VersionKey) -> bool:
        """True when version `text` is one of these, not below the highest, or a later one of a series."""
        version = key[1]
        if text in self.keys or key >= self._highest:
            return True
        first = None if version is None else self._first_of_series.get(_series(version))
        return version is not None and first is not None and version >= first


def _series(version: Version) -> tuple[int, int, int]:
    return (version.epoch, version.major, version.minor)


def version_key(text: str) -> VersionKey:
    """A key that orders versions: by PEP 440, and the rest, which come first, by their numbers."""
    try:
        return (1, Version(text), ())
    except ValueError:  # no version, or a number of more digits than Python converts
        parts = text.replace("-", ".").replace("+", ".").split(".")
        return (0, None, tuple((1, int(p), "") if _is_number(p) else (0, 0, p) for p in parts))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
