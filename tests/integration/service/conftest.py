"""A CI provider for the tests that need somebody to be."""

from collections.abc import Iterator

import pytest
from local_issuer import LocalIssuer, running_issuer


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    """A CI provider on this machine that signs id_tokens and publishes its keys."""
    with running_issuer() as issuer:
        yield issuer
