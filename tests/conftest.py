"""What all tests share: hypothesis profiles, and the folder of the repository."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_SLOW_BOX = (HealthCheck.too_slow,)
settings.register_profile("short", deadline=None, max_examples=60, suppress_health_check=_SLOW_BOX)
settings.register_profile("long", deadline=None, max_examples=2_000, suppress_health_check=_SLOW_BOX)
settings.load_profile("long" if os.environ.get("GATEKEEPER_LONG") else "short")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return Path(__file__).resolve().parent.parent
