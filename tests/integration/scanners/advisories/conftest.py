"""A mirror of the records in `tests/advisories`."""

from pathlib import Path

import pytest

from gatekeeper import clock
from gatekeeper.settings import Settings
from gatekeeper_scanners.advisories.importer import import_advisories

RECORDS = Path(__file__).parents[3] / "advisories"


@pytest.fixture
def records() -> Path:
    """The folder of the records."""
    return RECORDS


@pytest.fixture
def mirrored(toolchain_settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose mirror holds the records, with the shared tools."""
    settings = Settings(cache=toolchain_settings.cache, data=tmp_path / "data")
    import_advisories(RECORDS, settings.advisories, now=clock.now())
    return settings
