"""When a call is tried again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from gatekeeper.client.retries import Attempts, Timing, seconds_of


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_pauses_double_up_to_their_limit() -> None:
    """With the least chance: half of each; five tries have four pauses."""
    attempts = Attempts(Timing(most_pause_s=3), clock=Clock(), dice=lambda: 0.0)
    assert [attempts.pause_after(503) for _ in range(5)] == [0.25, 0.5, 1.0, 1.5, None]


def test_no_pause_ends_after_the_deadline() -> None:
    """A body has more time by its size."""
    clock = Clock()
    assert Attempts(Timing(total_s=0.3), clock=clock, dice=lambda: 1.0).pause_after(503) is None
    assert Attempts(Timing(total_s=0.3), allowance_s=1, clock=clock, dice=lambda: 1.0).pause_after(503) == 0.5
    attempts = Attempts(Timing(total_s=9), clock=clock)
    clock.now += 10
    assert attempts.is_late
    assert attempts.rest_s > 0


@pytest.mark.parametrize(
    "fault", [httpx.UnsupportedProtocol("x"), httpx.LocalProtocolError("x"), 400, 404, 409, 422, 500]
)
def test_what_will_not_pass_is_not_tried_again(fault: httpx.TransportError | int) -> None:
    """It would be the same."""
    assert Attempts(Timing(), clock=Clock()).pause_after(fault) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), (" 0 ", 0.0), ("", None), ("-1", None), ("soon", None), ("1.5", None), (None, None)],
)
def test_retry_after_in_seconds(text: str | None, seconds: float | None) -> None:
    """Nonsense says nothing."""
    assert seconds_of(text) == seconds


def test_retry_after_as_a_date() -> None:
    """The other form of the header; the past is now."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < (seconds_of(soon) or 0) <= 60
    assert seconds_of("Mon, 01 Jan 2001 00:00:00 GMT") == 0
