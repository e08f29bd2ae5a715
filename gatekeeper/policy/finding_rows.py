"""Open findings as rows of plain values, with only the columns that an expression reads."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gatekeeper.evidence import Kind
from gatekeeper.finding import Finding
from gatekeeper.policy.expression_strict import TIMES

Row = dict[str, Any]
"""Findings that are alike, by the keys of `expression_subset.FIELDS`, and how many they are."""


class FindingRows:
    """The open findings of one kind. Columns and rows are made when they are first read, and kept."""

    def __init__(self, kind: Kind, findings: Sequence[Finding], new: frozenset[str]) -> None:
        self._kind, self._findings, self._new = kind, findings, new
        self._columns: dict[str, list[Any]] = {}
        self._distinct: dict[frozenset[str], list[Row]] = {}

    def distinct(self, keys: frozenset[str]) -> list[Row]:
        """One row for all findings that are alike in `keys`, where the first of them stands."""
        if keys not in self._distinct:
            names = tuple(sorted(keys))
            counts = Counter(self._values(names))
            self._distinct[keys] = [_row(names, values, times) for values, times in counts.items()]
        return self._distinct[keys]

    def findings_of(self, keys: frozenset[str], is_meant: Callable[[Row], bool]) -> tuple[Finding, ...]:
        """The findings whose rows are meant, in their order; each of the `distinct` rows is asked once."""
        names = tuple(sorted(keys))
        every = self._values(names)
        meant = {values: is_meant(_row(names, values, times)) for values, times in Counter(every).items()}
        return tuple(one for one, values in zip(self._findings, every, strict=True) if meant[values])

    def _values(self, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
        if not names:
            return [()] * len(self._findings)
        return list(zip(*(self._column(name) for name in names), strict=True))

    def _column(self, name: str) -> list[Any]:
        """One value for each finding; what it does not have is None, which is null in an expression."""
        if name not in self._columns:
            match name:
                case "kind":
                    self._columns[name] = [self._kind.value] * len(self._findings)
                case "new":
                    self._columns[name] = [f.fingerprint in self._new for f in self._findings]
                case _:
                    self._columns[name] = list(map(_VALUES[name], self._findings))
        return self._columns[name]


def _package(finding: Finding) -> str | None:
    package = finding.package
    return _text(f"{package.ecosystem}/{package.name}".lower()) if package else None


def _version(finding: Finding) -> str | None:
    return _text(finding.package.version) if finding.package and finding.package.version else None


def _text(text: str) -> str:
    """`text` as UTF-8 can hold it; a report may have half of a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


_VALUES: Mapping[str, Callable[[Finding], Any]] = MappingProxyType(
    {
        "severity": lambda finding: str(finding.severity),
        "rule": lambda finding: _text(finding.rule),
        "tool": lambda finding: _text(finding.tool),
        "path": lambda finding: _text(finding.location.path) if finding.location else None,
        "line": lambda finding: finding.location.line if finding.location else None,
        "package": _package,
        "version": _version,
        "fixable": lambda finding: bool(finding.package and finding.package.fixed_versions),
        "advisories": lambda finding: tuple(map(_text, finding.advisories)),
        "cwe": lambda finding: finding.cwe,
    }
)


def _row(names: tuple[str, ...], values: tuple[Any, ...], times: int) -> Row:
    row = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in zip(names, values, strict=True)
    }
    row[TIMES] = times
    return row
