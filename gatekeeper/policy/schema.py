"""The JSON Schema of policy files, made from the table that the loader reads; editors complete from it."""

from typing import Any

from gatekeeper.policy.key import Key
from gatekeeper.policy.keys import ONE_OF, SECTIONS

URI = "https://json-schema.org/draft/2020-12/schema"


def policy_json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of the keys and the shape of values.

    It is the shape only: that an operator fits its metric, or that a rule can fail, is known to the loader
    alone.
    """
    root = _object("policy")
    return {
        "$schema": URI,
        "$id": "urn:gatekeeper:schema:policy:v1",
        "title": "Gatekeeper policy",
        "description": "Rules that decide whether a subject may enter a stage.",
        **root,
        "$defs": {name: _object(name) for name in SECTIONS if name != "policy"},
    }


def _object(name: str) -> dict[str, Any]:
    keys = SECTIONS[name]
    made: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _described(key) for key in keys},
    }
    if required := [key.name for key in keys if key.is_required]:
        made["required"] = required
    if name in ONE_OF:
        made["anyOf"] = [{"required": [key]} for key in ONE_OF[name]]
    return made


def _described(key: Key) -> dict[str, Any]:
    return {"description": key.text, **key.schema}
