"""Targets made of text."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gatekeeper_scanners.dependency_lists.find import Dependencies, dependencies_of


@pytest.fixture
def read(tmp_path: Path) -> Callable[[dict[str, str | bytes]], Dependencies]:
    """What the given files, by relative name, ask for."""

    def make(files: dict[str, str | bytes]) -> Dependencies:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return dependencies_of(tmp_path, tuple(sorted(files)))

    return make
