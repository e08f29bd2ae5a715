"""JSON bodies: bounded, read after the sender is known, and refused for any word that is not known."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from gatekeeper.service.errors import Refused, coded
from gatekeeper_api.parts import parts_of

M = TypeVar("M", bound=BaseModel)
_JSON = ("", "application/json")


def json_of(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """A dependency that reads the body as `model`; put it behind the one that finds the caller.

    FastAPI would read the body first, and would tell a stranger what is wrong with it.
    """

    async def read(request: Request) -> M:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in _JSON:
            raise HTTPException(415, f"the body is {media_type[:60]!r}; this route takes application/json")
        body = await body_of(request)
        try:
            return model.model_validate_json(body, strict=True)
        except ValidationError as error:
            faults = error.errors(include_url=False)
            if faults[0]["type"] == "json_invalid":
                why = str(faults[0]["ctx"]["error"])
                raise coded(Refused, "bad-parameter", f"the body is not JSON: {why}") from error
            placed = [{**fault, "loc": ("body", *fault["loc"])} for fault in faults]
            raise RequestValidationError(placed) from error

    return read


async def body_of(request: Request) -> bytes:
    """The whole body, which the middleware bounds.

    Raises:
        HTTPException: 413, it is larger than `max_json_bytes`; 408, its sender was silent for too long.
        ClientDisconnect: the sender left.
    """
    idle_s = parts_of(request).settings.body_idle_s
    try:
        async with asyncio.timeout(idle_s):
            return await request.body()
    except TimeoutError as error:
        raise HTTPException(
            408, f"the body did not come within {idle_s} s, the limit (GATEKEEPER_BODY_IDLE_S)"
        ) from error


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route that takes this body."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
