"""Programs that some tests use and not every machine has."""

import os
import shutil

import pytest


def program(name: str) -> str:
    """The path of a program. Without it the test is skipped, or, with `CI` set, it fails."""
    found = shutil.which(name)
    if found is None:
        text = f"there is no {name}; `make test-tools` installs it on Debian"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return found
