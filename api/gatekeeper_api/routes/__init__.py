"""Every router of `/api/v1`, in the order of the documentation."""

from collections.abc import Sequence

from fastapi import APIRouter

ROUTERS: Sequence[APIRouter] = ()
"""Made with `app.api_router`; `Services.routers` of a real server, and what `api/openapi.json` describes."""
