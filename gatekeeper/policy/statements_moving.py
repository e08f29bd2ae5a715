"""What a policy says of signatures, windows, paths, waivers and of itself, statement by statement."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from gatekeeper.policy.calendar import shown_opening
from gatekeeper.policy.model import Act, Policy
from gatekeeper.policy.promotion import STANDARD, ApprovalDemand, Inline, Owed, Path, Signing, Window
from gatekeeper.policy.spelling import shown_duration
from gatekeeper.policy.statement import Effect, Statement, Strictness, less, more, rank
from gatekeeper.policy.statements import ACTS

_DAY, _WEEK = 24 * 60, 7 * 24 * 60
Names = tuple[tuple[str, str], ...]


def approval_statements(policy: Policy) -> Iterator[Statement]:
    """Who signs what, who may not, and what voids a signature."""
    yield from _signings(policy.approvals, "approval", ())
    floor = policy.revoke_on
    strict = less("revoke", floor.rank) if floor else less("revoke", None)
    yield Statement(code="revoke-on", value=floor or "never", strict=strict)
    yield _truth("by-mail", is_true=policy.is_by_mail, is_strict=False)
    yield _truth("distinct-people", is_true=policy.separation.distinct_people, is_strict=True)
    for party in policy.separation.approver_is_not:
        yield Statement(code="approver-is-not", names=(("party", str(party)),), adds=Effect.TIGHTER)


def window_statements(policy: Policy) -> Iterator[Statement]:
    """When stages may be entered."""
    for window in policy.windows:
        yield from _window(window)


def path_statements(policy: Policy) -> Iterator[Statement]:
    """The promotion orders and what each leaves out."""
    standard = policy.path(STANDARD)
    for path in policy.paths or ([standard] if standard else []):
        yield from _path(path)


def limit_statements(policy: Policy) -> Iterator[Statement]:
    """How far waivers go."""
    limits = policy.waiver_limits
    yield Statement(code="waiver-days", value=str(limits.max_days), strict=less("days", limits.max_days))
    for severity, days in limits.days_by_severity.items():
        yield Statement(
            code="waiver-days-of",
            names=(("severity", str(severity)),),
            value=str(days),
            strict=less("days", days),
            adds=Effect.TIGHTER,
        )
    role = limits.approved_by_role
    if role is not None:
        yield Statement(code="waiver-role", value=role, adds=Effect.TIGHTER)
    yield Statement(code="inline", value=limits.inline, strict=rank("inline", limits.inline, tuple(Inline)))


def top_statements(policy: Policy) -> Iterator[Statement]:
    """What the file says of itself and of all rules."""
    yield Statement(code="name", value=policy.name)
    yield Statement(code="owner", value=policy.owner)
    yield Statement(code="time-zone", value=policy.time_zone)
    yield Statement(code="stages", value=" > ".join(policy.stages))
    if policy.score is not None:
        for code, value in (("score-pass", policy.score.pass_), ("score-warn", policy.score.warn)):
            yield Statement(
                code=code, value=value, strict=more("score", Fraction(value)), adds=Effect.TIGHTER
            )
    seconds = policy.valid_for_s
    yield Statement(code="valid-for", value=shown_duration(seconds), strict=less("valid", seconds))
    acts: tuple[tuple[str, Act], ...] = (("on-missing", policy.on_missing), ("on-error", policy.on_error))
    for code, act in acts:
        yield Statement(code=code, value=act, strict=rank("act", act, ACTS))
    for glob in policy.applies_to:
        yield Statement(code="applies-to", names=(("glob", glob),))
    for one in policy.extends:
        version = "" if one.version is None else f"@{one.version}"
        yield Statement(
            code="extends", names=(("parent", one.name),), value=f"{one.name}{version} {one.digest}"
        )
    yield Statement(code="tests", value=str(len(policy.tests)))


def _truth(code: str, *, is_true: bool, is_strict: bool, names: Names = ()) -> Statement:
    strict = more("truth", int(is_true is is_strict))
    return Statement(code=code, names=names, value="yes" if is_true else "no", strict=strict)


def _signings(signings: tuple[Signing, ...], code: str, names: Names) -> Iterator[Statement]:
    for signing in signings:
        for demand in signing.demands:
            yield from _demand(demand, signing.stage, code, (*names, ("role", demand.role)))


def _demand(demand: ApprovalDemand, stage: str, code: str, names: Names) -> Iterator[Statement]:
    people = f"{demand.count} {'person' if demand.count == 1 else 'people'}"
    conditions = [f"{guard.metric} {guard.condition}" for guard in demand.when]
    conditions += [f"score {demand.score}"] if demand.score else []
    needed = " and ".join(conditions)
    whole = Statement(
        code=code,
        names=names,
        stage=stage,
        value=people + (f" if {needed}" if needed else ""),
        adds=Effect.TIGHTER,
        is_whole=True,
    )
    yield whole
    yield Statement(
        code=f"{code}-count",
        names=names,
        stage=stage,
        value=str(demand.count),
        strict=more("count", demand.count),
        parent=whole.key,
    )
    yield Statement(
        code=f"{code}-if",
        names=names,
        stage=stage,
        value=needed or "always",
        strict=None if needed else more("always", 1),
        parent=whole.key,
    )


def _window(window: Window) -> Iterator[Statement]:
    hours = "; ".join(sorted(shown_opening(one) for one in window.openings)) or "at any time"
    whole = Statement(code="window", stage=window.stage, value=hours, adds=Effect.TIGHTER, is_whole=True)
    yield whole
    yield Statement(
        code="window-hours", stage=window.stage, value=hours, strict=_open_minutes(window), parent=whole.key
    )
    for day in window.holidays:
        yield Statement(
            code="holiday",
            names=(("date", day.isoformat()),),
            stage=window.stage,
            adds=Effect.TIGHTER,
            parent=whole.key,
        )
    for freeze in window.freezes:
        span = (
            ("begins", f"{freeze.begins_at:%Y-%m-%dT%H:%MZ}"),
            ("ends", f"{freeze.ends_at:%Y-%m-%dT%H:%MZ}"),
        )
        yield Statement(
            code="freeze",
            names=span,
            stage=window.stage,
            value=freeze.reason,
            adds=Effect.TIGHTER,
            parent=whole.key,
        )


def _open_minutes(window: Window) -> Strictness:
    """The minutes of the week at which it is open."""
    if not window.openings:
        return frozenset(range(_WEEK))
    found: set[int] = set()
    for one in window.openings:
        opens, closes = (moment.hour * 60 + moment.minute for moment in (one.opens, one.closes))
        length = closes - opens if closes > opens else closes + _DAY - opens
        for day in one.days:
            found |= {(day * _DAY + opens + minute) % _WEEK for minute in range(length)}
    return frozenset(found)


def _path(path: Path) -> Iterator[Statement]:
    names = (("path", path.name),)
    whole = Statement(code="path", names=names, value=" > ".join(path.stages), is_whole=True)
    parts = [
        Statement(code="path-stages", names=names, value=" > ".join(path.stages)),
        Statement(code="path-refs", names=names, value=", ".join(sorted(path.refs)) or "none"),
        _truth("path-order", is_true=path.in_order, is_strict=True, names=names),
        Statement(code="path-loosen-reason", names=names, value=path.loosen_reason or "none"),
        Statement(
            code="path-approvals", names=names, value="the policy's" if path.approvals is None else "its own"
        ),
    ]
    yield whole
    for part in parts:
        yield replace(part, parent=whole.key)
    # What a path leaves out is told with a new path too: it is what makes it looser.
    for rule in path.without_rules:
        yield Statement(code="path-rule", names=(*names, ("rule", rule)), adds=Effect.LOOSER)
    for kind in path.without_evidence:
        yield Statement(code="path-evidence", names=(*names, ("kind", str(kind))), adds=Effect.LOOSER)
    yield from _signings(path.approvals or (), "path-approval", names)
    for owed in path.obligations:
        yield _owed(owed, names)


def _owed(owed: Owed, names: Names) -> Statement:
    return Statement(
        code="path-obligation",
        names=(*names, ("obligation", owed.id)),
        value=f"{owed.title} ({owed.owner_role}, within {shown_duration(owed.within_s)})",
        strict=less("within", owed.within_s),
        adds=Effect.TIGHTER,
    )
