"""The JSON Schema of policy files, made from the table that the loader reads; editors complete from it."""

from typing import Any

from gatekeeper.policy.keys import SECTIONS, Key

URI = "https://json-schema.org/draft/2020-12/schema"


def policy_json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of the keys and the shape of values.

    It is the shape only: that an operator fits its metric, or that a rule can fail, is known to the loader
    alone.
    """
    root = _object(SECTIONS["policy"])
    return {
        "$schema": URI,
        "$id": "urn:gatekeeper:schema:policy:v1",
        "title": "Gatekeeper policy",
        "description": "Rules that decide whether a subject may enter a stage.",
        **root,
        "$defs": {name: _object(keys) for name, keys in SECTIONS.items() if name != "policy"},
    }


def _object(keys: tuple[Key, ...]) -> dict[str, Any]:
    properties = {key.name: {"description": key.text, **key.schema} for key in keys}
    required = [key.name for key in keys if key.is_required]
    return {"type": "object", "additionalProperties": False, "properties": properties} | (
        {"required": required} if required else {}
    )
