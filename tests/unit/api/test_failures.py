"""Wrong credentials by address: how many, for how long, and in how much memory."""

from contextlib import suppress

import pytest

from gatekeeper_api import failures
from gatekeeper_api.failures import Failures, TooManyFailures


class Watch:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_ten_within_a_minute_are_counted_and_the_next_is_too_many() -> None:
    """It says when one more will count."""
    watch = Watch()
    counted = Failures(10, monotonic=watch)
    for _ in range(10):
        counted.count("192.0.2.1")
    with pytest.raises(TooManyFailures) as refused:
        counted.count("192.0.2.1")
    assert refused.value.retry_after_s == 6
    assert "192.0.2.1" in refused.value.message
    counted.count("192.0.2.2")


def test_with_time_they_are_forgotten() -> None:
    """One each six seconds, and never more than ten."""
    watch = Watch()
    counted = Failures(10, monotonic=watch)
    for _ in range(10):
        counted.count("192.0.2.1")
    watch.now += 6.0
    counted.count("192.0.2.1")
    with pytest.raises(TooManyFailures):
        counted.count("192.0.2.1")
    watch.now += 3600.0
    for _ in range(10):
        counted.count("192.0.2.1")
    with pytest.raises(TooManyFailures):
        counted.count("192.0.2.1")


def test_who_goes_on_trying_still_waits_no_longer_than_six_seconds() -> None:
    """A failure that was refused is not held against anybody."""
    watch = Watch()
    counted = Failures(10, monotonic=watch)
    for _ in range(100):
        with suppress(TooManyFailures):
            counted.count("192.0.2.1")
    watch.now += 6.0
    counted.count("192.0.2.1")


def test_addresses_are_remembered_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was quiet for longest goes first."""
    monkeypatch.setattr(failures, "_MAX_ADDRESSES", 3)
    counted = Failures(1, monotonic=Watch())
    for number in range(10):
        counted.count(f"192.0.2.{number}")
    assert list(counted._left) == ["192.0.2.7", "192.0.2.8", "192.0.2.9"]
