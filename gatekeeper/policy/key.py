"""What one key of a policy file is, and the shapes of values that many keys share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatekeeper.finding import Severity
from gatekeeper.policy.model import Act


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key: its name, what it means, the JSON Schema of its value, and whether it must be there."""

    name: str
    text: str
    schema: Mapping[str, Any]
    is_required: bool = False


def text(pattern: str | None = None) -> dict[str, Any]:
    """A text that is not empty, of a pattern."""
    return {"type": "string", "minLength": 1} | ({"pattern": pattern} if pattern else {})


def choice(*options: str) -> dict[str, Any]:
    """One of some words."""
    return {"enum": list(options)}


def many(items: Mapping[str, Any]) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": items}


def some(items: Mapping[str, Any]) -> dict[str, Any]:
    """A list of different items, at least one."""
    return many(items) | {"minItems": 1, "uniqueItems": True}


def section(name: str) -> dict[str, Any]:
    """A mapping with the keys of a section."""
    return {"$ref": f"#/$defs/{name}"}


def mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with free keys."""
    return {"type": "object", "additionalProperties": values}


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping with free keys, at least one."""
    return mapping(values) | {"minProperties": 1}


def either(*options: Mapping[str, Any]) -> dict[str, Any]:
    """A value of one of several shapes."""
    return {"oneOf": list(options)}


def whole(least: int, most: int) -> dict[str, Any]:
    """A whole number within bounds."""
    return {"type": "integer", "minimum": least, "maximum": most}


NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
NAME = text(NAME_PATTERN)
SLOT = text(r"^\S{1,100}$")
GLOB = text(r"^\S{1,200}$")
CONDITION = text(r"^\s*(>=|<=|==|!=|>|<) *-?[0-9]+(\.[0-9]+)?%?\s*$")
DURATION = text(r"^\s*[1-9][0-9]{0,6} *[smhd]\s*$")
NUMBER: Mapping[str, Any] = {"type": ["number", "string"]}
TRUTH: Mapping[str, Any] = {"type": "boolean"}
TIME = text()
ACT = choice(*Act)
SEVERITY = choice(*Severity)
METRICS = mapping(NUMBER)
