"""Open findings as rows of plain values, with only the columns that an expression reads."""

from collections.abc import Callable, Sequence
from typing import Any

from gatekeeper.evidence import Kind
from gatekeeper.finding import Finding

Row = dict[str, Any]
"""A finding by the keys of `expression_subset.FIELDS`."""


class FindingRows:
    """The open findings of one kind. Columns and rows are made when they are first read, and kept."""

    def __init__(self, kind: Kind, findings: Sequence[Finding], new: frozenset[str]) -> None:
        self._kind, self._findings, self._new = kind, findings, new
        self._columns: dict[str, list[Any]] = {}
        self._distinct: dict[tuple[str, ...], list[Row]] = {}

    def rows(self, keys: frozenset[str]) -> list[Row]:
        """One row for each finding, in their order."""
        names = tuple(sorted(keys))
        return [_row(names, values) for values in self._values(names)]

    def distinct(self, keys: frozenset[str]) -> list[Row]:
        """One row for all findings that are alike in `keys`, where the first of them stands."""
        names = tuple(sorted(keys))
        if names not in self._distinct:
            self._distinct[names] = [_row(names, values) for values in dict.fromkeys(self._values(names))]
        return self._distinct[names]

    def findings_of(self, keys: frozenset[str], is_meant: Callable[[Row], bool]) -> tuple[Finding, ...]:
        """The findings whose rows are meant, in their order; each of the `distinct` rows is asked once."""
        names = tuple(sorted(keys))
        every = self._values(names)
        meant = {values: is_meant(_row(names, values)) for values in dict.fromkeys(every)}
        return tuple(one for one, values in zip(self._findings, every, strict=True) if meant[values])

    def _values(self, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
        if not names:
            return [()] * len(self._findings)
        return list(zip(*(self._column(name) for name in names), strict=True))

    def _column(self, name: str) -> list[Any]:
        if name not in self._columns:
            self._columns[name] = [self._value(finding, name) for finding in self._findings]
        return self._columns[name]

    def _value(self, finding: Finding, name: str) -> Any:
        """One value; what the finding does not have is None, which is null in an expression."""
        package, place = finding.package, finding.location
        match name:
            case "kind":
                return self._kind.value
            case "severity":
                return finding.severity.value
            case "path":
                return _text(place.path) if place else None
            case "line":
                return place.line if place else None
            case "package":
                return _text(f"{package.ecosystem}/{package.name}".lower()) if package else None
            case "version":
                return _text(package.version) if package and package.version else None
            case "fixable":
                return bool(package and package.fixed_versions)
            case "new":
                return finding.fingerprint in self._new
            case "advisories":
                return tuple(map(_text, finding.advisories))
            case "cwe":
                return finding.cwe
            case "rule":
                return _text(finding.rule)
            case "tool":
                return _text(finding.tool)
            case _:
                raise KeyError(name)


def _row(names: tuple[str, ...], values: tuple[Any, ...]) -> Row:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in zip(names, values, strict=True)
    }


def _text(text: str) -> str:
    """`text` as UTF-8 can hold it; a report may have half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
