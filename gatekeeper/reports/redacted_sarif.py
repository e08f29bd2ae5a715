"""A SARIF log of secrets as it may be kept: its structure, places and rules, and no other text.

Everything is thrown away that is not known to be safe: strings, numbers and names of members alike. Inside
property bags, and below members that SARIF 2.1.0 does not know, nothing is known to be safe.
"""

import re
from typing import Any

import msgspec

from gatekeeper.reports.json import as_utf8, collector_off
from gatekeeper.reports.redaction import REDACTED, plain_address

_VOCABULARY = """
    $schema version runs properties inlineExternalProperties tool driver extensions name semanticVersion
    informationUri downloadUri rules notifications id guid helpUri help shortDescription fullDescription
    messageStrings defaultConfiguration enabled level relationships target
    invocations executionSuccessful startTimeUtc endTimeUtc timeUtc exitCode commandLine arguments
    toolExecutionNotifications toolConfigurationNotifications descriptor
    originalUriBaseIds artifacts location length versionControlProvenance repositoryUri columnKind
    results ruleId ruleIndex rule toolComponent index kind baselineState message text markdown
    locations relatedLocations physicalLocation artifactLocation uri uriBaseId region contextRegion snippet
    startLine startColumn endLine endColumn charOffset charLength byteOffset byteLength logicalLocations
    codeFlows threadFlows stacks frames fixes artifactChanges replacements deletedRegion insertedContent
    fingerprints partialFingerprints suppressions status justification occurrenceCount provenance
    invocationIndex parentIndex
"""
_MEMBERS = frozenset(_VOCABULARY.split())
"""Names that stand in the output as they are; others are numbered."""

_IDENTIFIERS = frozenset({"ruleId", "id"})
_ADDRESSES = frozenset({"$schema", "uri", "informationUri", "helpUri", "downloadUri", "repositoryUri"})
_OF_A_TOOL = frozenset({"name", "version", "semanticVersion"})
_TOOLS = frozenset({"driver", "extensions"})
_WORDS = {
    "level": frozenset({"none", "note", "warning", "error"}),
    "kind": frozenset({"notApplicable", "pass", "fail", "review", "open", "informational"})
    | frozenset({"inSource", "external"}),
    "baselineState": frozenset({"new", "unchanged", "updated", "absent"}),
    "status": frozenset({"accepted", "underReview", "rejected"}),
    "columnKind": frozenset({"utf16CodeUnits", "unicodeCodePoints"}),
}
_PATTERNS = {
    name: re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?")
    for name in ("startTimeUtc", "endTimeUtc", "timeUtc")
}
_COUNTS = """
    startLine startColumn endLine endColumn charOffset charLength byteOffset byteLength index ruleIndex
    invocationIndex parentIndex exitCode occurrenceCount length
"""
_NUMBERS = frozenset(_COUNTS.split())


def redacted_sarif(data: bytes) -> bytes:
    """The log in `data`, a report that was read, as JSON in which nothing may be a secret.

    Raises:
        ValueError, RecursionError, MemoryError, UnreadableReport: it cannot be done; then keep nothing.
    """
    with collector_off():
        return msgspec.json.encode(_known(msgspec.json.decode(as_utf8(data)), name="", owner=""))


def _known(value: Any, *, name: str, owner: str) -> Any:
    """`value` of the member `name` in the object that is the member `owner`; items count as their list."""
    match value:
        case dict():
            return {
                key if key in _MEMBERS else f"{REDACTED} {number}": (
                    _unknown(item)
                    if key == "properties" or key not in _MEMBERS
                    else _known(item, name=key, owner=name)
                )
                for number, (key, item) in enumerate(value.items(), start=1)
            }
        case list():
            return [_known(item, name=name, owner=owner) for item in value]
        case str():
            return _text(value, name, owner)
        case bool() | None:
            return value
        case int() if name in _NUMBERS and abs(value) < 2**53:
            return value
        case _:
            return REDACTED


def _text(value: str, name: str, owner: str) -> str:
    if name in _ADDRESSES:
        return plain_address(value)
    pattern = _PATTERNS.get(name)
    is_safe = (
        name in _IDENTIFIERS
        or (name in _OF_A_TOOL and owner in _TOOLS)
        or (name == "version" and owner == "")
        or value in _WORDS.get(name, ())
        or (pattern is not None and pattern.fullmatch(value) is not None)
    )
    return value if is_safe else REDACTED


def _unknown(value: Any) -> Any:
    match value:
        case dict():
            return {
                f"{REDACTED} {number}": _unknown(item) for number, item in enumerate(value.values(), start=1)
            }
        case list():
            return [_unknown(item) for item in value]
        case bool() | None:
            return value
        case _:
            return REDACTED
