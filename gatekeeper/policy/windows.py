"""Windows: whether a stage may be entered at an instant, and when that changes.

An instant is open when a clock on the wall in the policy's time zone shows a time within an opening, no holiday
closes it and no freeze does. So a time that a clock skips is never open, and one that it shows twice is open
twice. The zones are those of the pinned `tzdata`, never the system's.
"""

from datetime import datetime

from gatekeeper.policy.entry import Held
from gatekeeper.policy.promotion import Window


def window_held(window: Window, time_zone: str, as_of: datetime) -> Held:
    """The result `window` of the stage's window, and the next instant at which it opens or closes."""
    raise NotImplementedError
