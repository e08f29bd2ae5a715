"""Unit tests open no sockets."""

import pytest_socket


def pytest_runtest_setup() -> None:
    """Close the network before each test; Unix sockets stay open for the event loop and the runner."""
    pytest_socket.disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    """Open it again for the tests of other folders in the same worker."""
    pytest_socket.enable_socket()
