"""The fingerprint of a SARIF result: the tool's own stable one where it has one, else ours.

`fingerprints` are made to be stable (SARIF 3.27.16): the greatest version is taken. `partialFingerprints`
only contribute to an identity (3.27.17): they are joined with rule and path. Names that speak of lines,
columns or offsets move with the code and are left out, such as CodeQL's
`primaryLocationStartColumnFingerprint`; CodeQL's
`primaryLocationLineHash` hashes the code around the line and is enough alone.
"""

import re

from gatekeeper.evidence import Kind
from gatekeeper.reports.findings import sarif_model as sarif
from gatekeeper.reports.findings.fingerprint import code_fingerprint, own_fingerprint, partial_fingerprint
from gatekeeper.reports.findings.sarif_places import Place
from gatekeeper.reports.findings.semgrep import WITHHELD

_MOVING = re.compile(r"column|offset|position|guid|timestamp|(?:line|region)(?!_?hash)", re.IGNORECASE)
_VERSIONED = re.compile(r"(.*)/v([0-9]{1,9})")
_LINE_HASH = "primaryLocationLineHash"
_PACKAGE_KINDS = (Kind.SCA, Kind.CONTAINER)


def fingerprint_of(
    result: sarif.Result, *, tool: str, rule: str, kind: Kind, place: Place, message: str
) -> str:
    """The identity of `result`, before results of the same identity are told apart."""
    if own := _newest(result.fingerprints):
        name, value = own[-1]
        return own_fingerprint(tool, name, value)
    if partial := _newest(result.partial_fingerprints):
        alone = [pair for pair in partial if pair[0].partition("/")[0] == _LINE_HASH]
        return partial_fingerprint(tool=tool, rule=rule, path=place.anchor, values=alone or partial)
    return code_fingerprint(
        tool=tool,
        rule=rule,
        path=place.anchor,
        # Scanners of packages write the installed version into the message: it is no part of the problem.
        snippet=None if kind in _PACKAGE_KINDS else place.snippet,
        message="" if kind in _PACKAGE_KINDS else message,
    )


def _newest(values: dict[str, str] | None) -> list[tuple[str, str]]:
    """(name, value) of the greatest version of each usable name, by name."""
    best: dict[str, tuple[int, str]] = {}
    for full_name, value in (values or {}).items():
        if not value or value == WITHHELD or _MOVING.search(full_name):
            continue
        match = _VERSIONED.fullmatch(full_name)
        name, version = (match[1], int(match[2])) if match else (full_name, 0)
        best[name] = max(best.get(name, (-1, "")), (version, value))
    return sorted(
        (name if version == 0 else f"{name}/v{version}", value) for name, (version, value) in best.items()
    )
