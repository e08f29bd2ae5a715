"""The description of the API: complete, as committed, and readable without a network."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import jsonschema
import pytest

from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.app import create_app
from gatekeeper_api.description import described
from gatekeeper_api.services import Services

Ask = Callable[..., httpx.Response]
PROBLEM = "application/problem+json"
OTHERS = {
    ("/readyz", "503"): {"application/json"},
    ("/api/v1/gate", "409"): {"application/json", PROBLEM},
}
"""Answers that are no refusals though no 2xx: not ready, and a gate asked for a status."""


def test_the_committed_description_is_that_of_the_code(repository: Path) -> None:
    """`make docs` writes it."""
    assert (repository / "api" / "openapi.json").read_text(encoding="utf-8") == described()


def test_the_application_says_what_is_committed(settings: ServerSettings, ask: Ask, repository: Path) -> None:
    """But for the address, which is the server's own."""
    served = ask(create_app(settings, Services()), "GET", "/openapi.json")
    document = json.loads((repository / "api" / "openapi.json").read_text(encoding="utf-8"))
    assert served.headers["content-type"] == "application/json"
    assert set(served.json()["paths"]) <= set(document["paths"])
    settings = settings.model_copy(update={"public_url": "https://gate.test"})
    elsewhere = ask(create_app(settings, Services()), "GET", "/openapi.json").json()
    assert elsewhere["servers"] == [{"url": "https://gate.test"}]


def test_every_operation_documents_its_refusals_as_problems() -> None:
    """No other shape but those of `OTHERS`; FastAPI's own 422 is nowhere."""
    text = described()
    assert "HTTPValidationError" not in text
    document = json.loads(text)
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            assert operation["tags"], path
            for status, answer in operation["responses"].items():
                if not status.startswith(("2", "303")):
                    assert set(answer["content"]) == OTHERS.get((path, status), {PROBLEM}), (path, status)
            if path.startswith("/api/"):
                assert {"401", "403", "422", "429", "500", "503"} <= set(operation["responses"]), path


def test_a_problem_is_what_its_schema_says(settings: ServerSettings, ask: Ask) -> None:
    """The shape test of the others, against the document."""
    schema = json.loads(described())["components"]["schemas"]["Problem"]
    jsonschema.validate(ask(create_app(settings, Services()), "GET", "/nope").json(), schema)


def test_the_page_for_people_needs_no_script_and_no_network(settings: ServerSettings, ask: Ask) -> None:
    """Its policy allows nothing but its own style, and every operation is on it."""
    app = create_app(settings, Services())
    page = ask(app, "GET", "/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script" not in page.headers["content-security-policy"]
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "<script" not in page.text
    assert not re.findall(r"(?:src|href)=\"(?!/openapi\.json|#)", page.text)
    for path in ask(app, "GET", "/openapi.json").json()["paths"]:
        assert path in page.text


@pytest.mark.parametrize("path", ["/docs/oauth2-redirect", "/redoc", "/api/v1/openapi.json"])
def test_fastapi_adds_no_pages_of_its_own(settings: ServerSettings, ask: Ask, path: str) -> None:
    """They would load from elsewhere."""
    assert ask(create_app(settings, Services()), "GET", path).status_code == 404
