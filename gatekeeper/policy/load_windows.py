"""`windows:` of a policy file: when a stage may be entered."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from gatekeeper.policy import spelling
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.keys_moving import DAYS
from gatekeeper.policy.promotion import Freeze, Opening, Window
from gatekeeper.policy.section import Section

MAX_HOLIDAYS = 1_000

_START = datetime(1970, 1, 1, tzinfo=UTC)


def read_windows(root: Section, stages: tuple[str, ...], zone: ZoneInfo) -> tuple[Window, ...]:
    """The windows in stage order; bare dates and times of day are those of `zone`."""
    found = {}
    for stage, section in root.named_sections("windows", "window"):
        if stage in stages:
            found[stage] = _window(stage, section, zone)
        else:
            section.fault("", f"unknown stage {stage!r}", hint=nearest(stage, stages))
    if "windows" in root and not root.entries("windows"):
        root.fault("windows", "is empty", hint="leave the key out")
    return tuple(found[stage] for stage in stages if stage in found)


def _window(stage: str, section: Section, zone: ZoneInfo) -> Window:
    openings = tuple(_opening(inner) for inner in section.sections("open", "opening"))
    if "open" in section and not openings:
        section.fault("open", f"{stage} never opens", hint="leave `open` out when it is open at any time")
    freezes = tuple(_freeze(inner, zone) for inner in section.sections("freezes", "freeze"))
    return Window(
        stage=stage,
        openings=tuple(sorted(set(openings), key=lambda one: (one.days, one.opens, one.closes))),
        holidays=_holidays(section),
        freezes=tuple(sorted(set(freezes), key=lambda one: (one.begins_at, one.ends_at, one.reason))),
    )


def _opening(section: Section) -> Opening:
    days = []
    for word in section.texts("days") or () if "days" in section else DAYS:
        if word in DAYS:
            days.append(DAYS.index(word))
        else:
            section.fault("days", f"{word!r} is not a day", hint=nearest(word, DAYS))
    if section.texts("days") == ():
        section.fault("days", "names no day, so it never opens", hint="leave the key out for all days")
    opens = section.spelled("from", spelling.clock, time())
    closes = section.spelled("to", spelling.clock, time())
    if opens == closes and opens != time():
        section.fault("to", "closes when it opens, so it never opens", hint="leave `from` and `to` out")
    return Opening(days=tuple(sorted(days)), opens=opens, closes=closes)


def _holidays(section: Section) -> tuple[date, ...]:
    found = set()
    for text in section.texts("holidays") or ():
        try:
            found.add(spelling.day(text))
        except ValueError as exc:
            section.fault("holidays", str(exc))
    if len(found) > MAX_HOLIDAYS:
        section.fault("holidays", f"lists {len(found):,} dates; the limit is {MAX_HOLIDAYS:,}")
    return tuple(sorted(found))


def _freeze(section: Section, zone: ZoneInfo) -> Freeze:
    begins = section.spelled("from", lambda text: spelling.instant(text, begins_in=zone), _START)
    ends = section.spelled("to", lambda text: spelling.end(text, ends_in=zone), spelling.END_OF_TIME)
    if ends <= begins:
        section.fault("to", "ends before it begins", hint="a bare date of `to` ends at 24:00")
    return Freeze(begins_at=begins, ends_at=ends, reason=section.text("reason", "unknown"))
