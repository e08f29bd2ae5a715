"""The published JSON Schema of `gatekeeper/evidence/v1`: the types, tightened by what they promise.

python -m gatekeeper.reports.evidence_schema > docs/reference/evidence-v1.schema.json
"""

import json
import sys
from typing import Any

import msgspec

from gatekeeper.evidence import SCHEMA, EvidenceDocument

_COUNT = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
_INSTANT = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{6})?Z$"}
_RANGES = {"type": "string", "pattern": r"^(\d+(-\d+)?(,\d+(-\d+)?)*)?$"}
_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_DECIMAL = {"type": "string", "pattern": r"^\d+(\.\d+)?$"}
_NULL = {"type": "null"}

_TIGHTER: dict[str, dict[str, Any]] = {
    "EvidenceDocument": {
        "schema": {"const": SCHEMA},
        "produced_at": {"anyOf": [_INSTANT, _NULL]},
        "metrics": {
            "type": "object",
            "additionalProperties": {"anyOf": [_COUNT, {"$ref": "#/$defs/Ratio"}]},
        },
    },
    "Ratio": {"n": _COUNT, "d": {**_COUNT, "minimum": 1}},
    "Lines": {"hit": _RANGES, "miss": _RANGES},
    "Finding": {"cvss": {"anyOf": [_DECIMAL, _NULL]}},
    "Database": {"digest": _DIGEST, "records": _COUNT, "newest_at": {"anyOf": [_INSTANT, _NULL]}},
}


def evidence_schema() -> dict[str, Any]:
    """The schema as JSON-ready builtins (JSON Schema 2020-12).

    Every field is always written, so all are required; a field beyond them belongs to another version.
    """
    schema = msgspec.json.schema(EvidenceDocument)
    for name, definition in schema["$defs"].items():
        if "properties" not in definition:
            continue
        definition["properties"].update(_TIGHTER.get(name, {}))
        for field in definition["properties"].values():
            field.pop("default", None)
        definition["required"] = list(definition["properties"])
        definition["additionalProperties"] = False
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        "title": f"{SCHEMA}: the normalised document of one report",
        **schema,
    }


def evidence_schema_text() -> str:
    """The schema as the published file holds it."""
    return json.dumps(evidence_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(evidence_schema_text())
