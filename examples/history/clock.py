"""The time of the story. It moves only when the story does, so that a half-year passes in minutes."""

import threading
from datetime import datetime, timedelta


class StoryClock:
    """A clock that every look moves by a microsecond. It never goes back."""

    def __init__(self, begins_at: datetime) -> None:
        self._at = begins_at
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """The time now."""
        with self._lock:
            self._at += timedelta(microseconds=1)
            return self._at

    def forward_to(self, moment: datetime) -> None:
        """Let time pass until `moment`; nothing happens when that is over."""
        with self._lock:
            self._at = max(self._at, moment)
