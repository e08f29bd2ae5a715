"""How the routes of `/api/v1` are made."""

from enum import Enum

from fastapi import APIRouter

from gatekeeper_api import problems

API_PREFIX = "/api/v1"


def api_router(tag: str, path: str = "") -> APIRouter:
    """A router for `/api/v1<path>`, as `Services.routers` takes them.

    A route carries its whole path and its own responses, for `create_app` adds it as it is.
    """
    tags: list[str | Enum] = [tag]
    return APIRouter(prefix=API_PREFIX + path, tags=tags, responses=problems.documented(401, 403, 429))
