"""The example shop, copied so that a test may change it."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def examples(repository: Path) -> Path:
    """The folder `examples/`."""
    return repository / "examples"


@pytest.fixture
def shop(examples: Path, tmp_path: Path) -> Path:
    """A copy of the shop as it ships, without what a local run left behind."""
    left_behind = shutil.ignore_patterns("__pycache__", ".pytest_cache", ".coverage*", "data")
    return Path(shutil.copytree(examples / "shop", tmp_path / "shop", ignore=left_behind))
