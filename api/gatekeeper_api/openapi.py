"""The description of the API: what FastAPI derives, with our errors and our authentication."""

import json
from typing import Any

from fastapi import FastAPI

from gatekeeper_api import docs_page
from gatekeeper_api.problems import Problem
from gatekeeper_api.schemas.components import components as components_of_routes

DESCRIPTION = """\
Send evidence, ask the gate, record decisions. Times are RFC 3339 in UTC with microseconds. Lists are
`{"items": [...], "next": cursor or null}` and take `cursor` and `limit`. Every error is
`application/problem+json` (RFC 9457) with a stable `code` and a `hint`. The verdict is in the body, and
in the status only where `http_status=true` asks for it.\
"""

TAGS = [
    {
        "name": "evidence",
        "description": "Reports, upload sets, and which artifact was built from which source.",
    },
    {"name": "gate", "description": "May this subject enter this stage? Nothing is recorded."},
    {"name": "decisions", "description": "Evaluate and record; what was decided."},
    {"name": "policies", "description": "Immutable versions of the rules."},
    {"name": "projects", "description": "What is released."},
    {"name": "findings", "description": "Which projects have it, since when."},
    {"name": "tokens", "description": "Who may do what."},
    {"name": "people", "description": "Who signs: accounts, roles, scopes."},
    {"name": "sessions", "description": "Logging in and out."},
    {"name": "operations", "description": "Alive, ready, metrics."},
]

_SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token `gk_<id>_<secret>`, the id_token of a GitLab or GitHub job, or the secret "
        "`gks_...` of a person's session. A browser sends the session as a cookie instead, and with "
        "everything that is not GET the header `X-CSRF-Token`.",
    }
}


def install(app: FastAPI) -> None:
    """Describe `app` as it is now, once: `app.openapi()`, `/openapi.json` and `/docs` say the same."""
    derive = app.openapi
    document = _mended(derive())
    app.openapi_schema = document
    app.state.query_names = _query_names(document)
    app.state.openapi_bytes = text_of(document).encode()
    app.state.docs_html = docs_page.render(document)


def text_of(document: dict[str, Any]) -> str:
    """The document as `api/openapi.json` holds it."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _mended(document: dict[str, Any]) -> dict[str, Any]:
    """Without FastAPI's own 422, which is never sent; with bearer authentication as the default."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(components_of_routes())
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = _SECURITY
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path.startswith("/api/"):
                operation.setdefault("security", [{"bearer": []}])
    return document


def _query_names(document: dict[str, Any]) -> dict[tuple[str, str], frozenset[str]]:
    """By path and method the query parameters that the document names: routes refuse all others."""
    return {
        (path, method.upper()): frozenset(
            one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
