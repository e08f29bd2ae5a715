"""Answers of routes, as bytes: made in the thread that has the values, not on the event loop."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import BaseModel

from gatekeeper_api.schemas.base import Shape

JSON = "application/json"


def answered(content: Shape, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`content` as JSON."""
    return raw_json(content.model_dump_json().encode(), status, headers)


def raw_json(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A body that is JSON already."""
    return Response(body, status, headers=dict(headers or {}), media_type=JSON)


def says(
    model: type[BaseModel] | str, description: str, *, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What a status of a route answers with, for `responses=`; a name stands for a schema of msgspec."""
    name = model if isinstance(model, str) else model.__name__
    told: dict[str, Any] = {
        "description": description,
        "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}},
    }
    if headers:
        told["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()
        }
    return told


RETRY_AFTER = {"Retry-After": "Seconds until it is worth asking again."}
LOCATION = {"Location": "Where it can be read."}
