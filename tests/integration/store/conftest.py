"""Databases of both engines, without anything in them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatekeeper.store.database import Database, database_at


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that has no tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/db.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def opened() -> Iterator[Callable[[str], Database]]:
    """Opens databases; all are closed after the test."""
    made: list[Database] = []

    def make(url: str) -> Database:
        made.append(database_at(url))
        return made[-1]

    yield make
    for one in made:
        one.close()
