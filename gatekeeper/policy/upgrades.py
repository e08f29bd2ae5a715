"""The fewest package upgrades that clear a number of findings."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from packaging.version import InvalidVersion, Version

from gatekeeper.finding import Finding


def upgrades(
    found: Sequence[Finding], steps: int, *, most: int
) -> tuple[tuple[tuple[str, int], ...], set[str]]:
    """The upgrades that clear `steps` of `found`, at most `most`, and the fingerprints that they clear.

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
    for label, fingerprints in options[:most]:
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
    fixes = {f.fingerprint: f.package.fixed_versions for f in findings if f.package}
    best: tuple[str, set[str]] | None = None
    for version in sorted({v for versions in fixes.values() for v in versions}, key=version_key):
        if current and version_key(version) <= version_key(current):
            continue
        clears = {
            fingerprint
            for fingerprint, versions in fixes.items()
            if version_key(version) >= max(map(version_key, versions))
            or any(_is_later_in_series(version, fixed) for fixed in versions)
        }
        if best is None or len(clears) > len(best[1]):
            best = (version, clears)
    return best


def _is_later_in_series(version: str, fixed: str) -> bool:
    """True when `version` is `fixed` or a later one with the same first two numbers."""
    one, other = version_key(version)[1], version_key(fixed)[1]
    if one is None or other is None:
        return version == fixed
    return one >= other and (one.epoch, one.major, one.minor) == (other.epoch, other.major, other.minor)


def version_key(text: str) -> tuple[int, Version | None, tuple[tuple[int, int, str], ...]]:
    """A key that orders versions: by PEP 440, and the rest, which come first, by their numbers."""
    try:
        return (1, Version(text), ())
    except InvalidVersion:
        parts = text.replace("-", ".").replace("+", ".").split(".")
        return (0, None, tuple((1, int(p), "") if _is_number(p) else (0, 0, p) for p in parts))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18
