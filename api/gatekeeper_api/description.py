"""`api/openapi.json`: the description of a server with default settings."""

from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.app import create_app
from gatekeeper_api.openapi import text_of
from gatekeeper_api.routes import ROUTERS
from gatekeeper_api.services import Services


def described() -> str:
    """The document as `api/openapi.json` holds it."""
    app = create_app(ServerSettings(public_url=None), Services(routers=ROUTERS))
    return text_of(app.openapi())
