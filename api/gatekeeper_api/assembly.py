"""Builds the parts of a server from its settings, and puts them together."""

from gatekeeper.errors import UsageError
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.services import Services


def services_for(settings: ServerSettings) -> Services:  # noqa: ARG001 - the parts come with the use cases
    """What the routes of a server with these settings need."""
    return Services()


def work(settings: ServerSettings) -> None:  # noqa: ARG001 - the jobs come with the use cases
    """Do jobs until stopped."""
    raise UsageError("there are no jobs in this version")
