"""Where a SARIF result is: artifact locations into paths, regions into lines."""

import re
from urllib.parse import unquote

import msgspec

from gatekeeper.finding import Location
from gatekeeper.reports.findings import sarif_model as sarif
from gatekeeper.reports.findings.numbers import line_of
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.paths import normal_path

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least: `C:` is a drive
_MAX_BASES = 16


class Place(msgspec.Struct, frozen=True, gc=False):
    """The first readable location of a result."""

    location: Location | None
    """None when it names no file: an address in memory, a logical location only."""
    anchor: str
    """What stands for the path in the identity: the path, or the logical name."""
    snippet: str | None


NOWHERE = Place(None, "", None)


class Places:
    """Resolves the locations of one run."""

    def __init__(self, run: sarif.Run) -> None:
        self._artifacts = run.artifacts or []
        self._bases = run.original_uri_base_ids or {}
        self._roots = sorted(
            (root for name in self._bases if (root := self._root(name))), key=len, reverse=True
        )
        self._paths: dict[tuple[str | None, str | None, int | None], str | None] = {}

    def first(self, locations: list[msgspec.Raw], max_locations: int, notes: Notes) -> Place:
        """The first location that can be read; the others of a result show the same problem (SARIF 3.27.12).

        Raises:
            msgspec.DecodeError: there are locations and none can be read.
        """
        if len(locations) > max_locations:
            notes.count("locations-not-read", n=len(locations) - max_locations)
        failure = ""
        for raw in locations[:max_locations]:
            try:
                return self._place(sarif.LOCATION.decode(raw))
            except (msgspec.DecodeError, UnicodeDecodeError) as exc:
                failure = str(exc)  # not the exception: with its traceback it would be a cycle
        if failure:
            raise msgspec.ValidationError(failure)
        return NOWHERE

    def _place(self, location: sarif.Location) -> Place:
        physical = location.physical_location
        artifact = physical.artifact_location if physical else None
        path = self._path(artifact) if artifact else None
        region = physical.region if physical else None
        snippet = region.snippet.text if region and region.snippet else None
        if path is None:
            return Place(None, _logical_name(location), snippet)
        if region is None:
            return Place(Location(path=path), path, snippet)
        return Place(
            Location(
                path=path,
                # A region by charOffset or byteOffset alone has no line (SARIF 3.30.4).
                line=line_of(region.start_line),
                column=line_of(region.start_column),
                end_line=line_of(region.end_line),
            ),
            path,
            snippet,
        )

    def _path(self, location: sarif.ArtifactLocation) -> str | None:
        key = (location.uri, location.uri_base_id, location.index)
        if key not in self._paths:
            self._paths[key] = self._resolve(location)
        return self._paths[key]

    def _resolve(self, location: sarif.ArtifactLocation) -> str | None:
        if location.uri is None and location.index is not None and 0 <= location.index < len(self._artifacts):
            location = self._artifacts[location.index].location or location
        if location.uri is None:
            return None
        if _SCHEME.match(location.uri):
            return self._relative(location.uri)
        return normal_path(unquote(self._prefix(location.uri_base_id) + location.uri))

    def _prefix(self, base: str | None) -> str:
        """The relative folders that a chain of bases adds below its root (SARIF 3.14.14)."""
        prefix = ""
        for _ in range(_MAX_BASES):
            found = self._bases.get(base) if base else None
            if found is None or found.uri is None or _SCHEME.match(found.uri) or found.uri.startswith("/"):
                return prefix
            prefix = found.uri.removesuffix("/") + "/" + prefix
            base = found.uri_base_id
        return prefix

    def _root(self, base: str) -> str | None:
        uri = self._bases[base].uri
        return uri if uri and uri.startswith("file:") else None

    def _relative(self, uri: str) -> str:
        """A path below the longest known root; elsewhere the path as it is, and other addresses unchanged."""
        for root in self._roots:
            folder = root.removesuffix("/") + "/"
            if uri.startswith(folder):
                return normal_path(unquote(uri.removeprefix(folder)))
        if not uri.startswith("file:"):
            return uri
        return normal_path(unquote(re.sub(r"^file:(//[^/]*)?", "", uri)))


def _logical_name(location: sarif.Location) -> str:
    for logical in location.logical_locations or ():
        if name := logical.fully_qualified_name or logical.name:
            return name
    return ""
