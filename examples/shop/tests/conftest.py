"""A shop with a fresh database for every test."""

import pytest

from shop import create_app


@pytest.fixture
def visitor(tmp_path):
    app = create_app(tmp_path)
    app.testing = True
    with app.test_client() as client:
        yield client
