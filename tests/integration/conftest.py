"""Integration tests run real tools. Their environments are made once and shared by all workers and runs."""

import os
from pathlib import Path

import pytest

from gatekeeper.settings import Settings, settings_from


@pytest.fixture(scope="session")
def toolchain_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The user's own cache (or `GATEKEEPER_HOME`) for the tools, which lock themselves; fresh data."""
    cache = settings_from(os.environ, home=Path.home()).cache
    return Settings(cache=cache, data=tmp_path_factory.mktemp("data"))
