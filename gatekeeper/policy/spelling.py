"""How conditions, durations, times and decimals are spelled in a policy file.

Each function returns the value or raises `ValueError` with words for the person who wrote it.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from importlib.resources import files
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]  # it ships data and has no annotations

from gatekeeper.policy.condition import Condition, MetricRef, Op
from gatekeeper.policy.model import NoWorse

TZDATA_VERSION: str = tzdata.IANA_VERSION
END_OF_TIME = datetime.max.replace(tzinfo=UTC)
MAX_DURATION_S = 366 * 24 * 3600

_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_CONDITION = re.compile(r"(>=|<=|==|!=|>|<) *(\S+)")
_DURATION = re.compile(r"([1-9][0-9]{0,6}) *([smhd])")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def decimal(text: str) -> str:
    """`080.50` as `80.5`: plain digits without superfluous zeros."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r} is not a decimal number such as 80 or 99.5")
    whole, _, rest = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    whole = whole.lstrip("-").lstrip("0") or "0"
    rest = rest.rstrip("0")
    plain = f"{whole}.{rest}" if rest else whole
    return plain if plain == "0" else sign + plain


def condition(text: str) -> Condition:
    """`>= 80` as a condition."""
    found = _CONDITION.fullmatch(text.strip())
    if not found:
        raise ValueError(
            f'{text!r} is not a condition: write an operator (>= <= > < == !=) and a number, such as ">= 80"'
        )
    return Condition(Op(found[1]), decimal(found[2].removesuffix("%")))


def duration_s(text: str) -> int:
    """`90s`, `15m`, `24h` or `7d` in seconds; at most 366 days."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a duration: write a number and s, m, h or d, such as 24h")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > MAX_DURATION_S:
        raise ValueError(f"{text!r} is longer than 366 days")
    return seconds


def shown_duration(seconds: int) -> str:
    """Seconds as `24h`: the largest unit that divides them; days from two days on."""
    for unit, size, least in (("d", 86400, 2), ("h", 3600, 1), ("m", 60, 1)):
        if seconds % size == 0 and seconds // size >= least:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def metric_ref(text: str) -> MetricRef:
    """`tests.failed@e2e` as metric and name."""
    metric, at, name = text.partition("@")
    if at and not name:
        raise ValueError(f"{text!r} ends in @ without a name")
    return MetricRef(metric, name or None)


def no_worse_by(text: str) -> NoWorse:
    """`10%` or `0.5`: how much worse than the baseline is still accepted."""
    by = decimal(text.removesuffix("%").strip())
    if Fraction(by) < 0:
        raise ValueError(f"{text!r} is negative: that would demand better than the baseline")
    return NoWorse(by=by, is_relative=text.endswith("%"))


def zone(name: str) -> ZoneInfo:
    """The time zone of this name from the pinned `tzdata`, never from the system's database."""
    if not _ZONE.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a time zone such as Europe/Berlin")
    place = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not place.is_file():
        raise ValueError(f"{name!r} is not a time zone of tzdata {TZDATA_VERSION}")
    with place.open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


def instant(text: str, *, begins_in: ZoneInfo | None = None) -> datetime:
    """A timestamp with zone in UTC; with `begins_in`, also a bare date, which begins at 00:00 there."""
    if begins_in is not None and _DATE.fullmatch(text):
        try:
            return datetime.fromisoformat(text).replace(tzinfo=begins_in).astimezone(UTC)
        except (ValueError, OverflowError) as exc:
            raise ValueError(f"{text!r} is not a date of the calendar") from exc
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{text!r} is not a time such as 2027-01-15T10:00:00Z") from exc
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone: end it with Z or an offset such as +08:00")
    try:
        return found.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"{text!r} is out of range") from exc


def end(text: str, *, ends_in: ZoneInfo) -> datetime:
    """As `instant`, but a bare date ends at 24:00: the first instant after it."""
    if not _DATE.fullmatch(text):
        return instant(text)
    try:
        return instant((day(text) + timedelta(days=1)).isoformat(), begins_in=ends_in)
    except OverflowError as exc:
        raise ValueError(f"{text!r} is out of range") from exc


def day(text: str) -> date:
    """`2026-12-25` as a date."""
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError as exc:
        raise ValueError(f"{text!r} is not a date of the calendar") from exc
    raise ValueError(f"{text!r} is not a date such as 2026-12-25")


def clock(text: str) -> time:
    """`09:00` as a time of day; `24:00` is 00:00, the end of the day."""
    if text == "24:00":
        return time()
    if not _CLOCK.fullmatch(text):
        raise ValueError(f'{text!r} is not a time of day such as "09:00"')
    return time.fromisoformat(text)


def utc(moment: datetime) -> datetime:
    """`moment` in UTC; one without a zone is read as UTC."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)


def later(moment: datetime, seconds: int) -> datetime:
    """`moment` plus `seconds`; the end of the calendar when that lies beyond it."""
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return END_OF_TIME
