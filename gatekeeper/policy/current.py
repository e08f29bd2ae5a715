"""Which evidence may be used for a question, and why the rest may not.

In this order: is it about this subject; is it the newest of its slot; can its sender be believed; is it
fresh; does it prove what it claims. What is missing gets a reason, never a value.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gatekeeper.decision import EvidenceUse, Reason, SetInput
from gatekeeper.evidence import Baseline, Database, Evidence, Kind, Param, Problem, State, Trust, Use
from gatekeeper.messages.problems import NOTES
from gatekeeper.policy.model import NEVER_TOLERATED, Binding, Policy, Requirement
from gatekeeper.policy.said import reason
from gatekeeper.policy.spelling import END_OF_TIME, later, shown_duration, utc
from gatekeeper.subject import Subject

CLOCK_SKEW_S = 5 * 60
"""A report may be this far ahead of our clock before its time is not believed."""

DATABASE_PARTIAL = "database-partial"
DATABASE_UNKNOWN = "database-unknown"

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """One piece of evidence after looking at it. `fault` says why it cannot be used; None when it can."""

    evidence: Evidence
    use: Use
    fault: Reason | None = None
    problems: tuple[Problem, ...] = ()
    """Problems of the question, beside those of the report."""
    tolerated: tuple[str, ...] = ()
    changes_at: datetime | None = None
    """The first instant after `as_of` at which time alone changes this."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """All evidence of the question, looked at."""

    looked: tuple[Looked, ...]
    baseline: Baseline | None

    def current(self, kind: Kind, name: str | None = None) -> list[Looked]:
        """The current evidence of `kind` (of one `name`), usable or not."""
        return self._used_as((Use.USED, Use.STALE), kind, name)

    def others(self, kind: Kind, name: str | None = None) -> list[Looked]:
        """Evidence of `kind` that is not about this subject, or whose sender is not believed."""
        return self._used_as((Use.MISMATCHED, Use.UNLINKED, Use.UNTRUSTED), kind, name)

    def baseline_of(self, kind: Kind, name: str | None = None) -> list[Evidence] | None:
        """The evidence of `kind` behind the baseline, the newest of each slot; None without a baseline."""
        if self.baseline is None:
            return None
        mine = [e for e in self.baseline.evidence if e.kind is kind and name in (None, e.name)]
        return [e for slot in _slots(mine) for e in slot if e.order == max(one.order for one in slot)]

    def _used_as(self, uses: tuple[Use, ...], kind: Kind, name: str | None) -> list[Looked]:
        return [
            one
            for one in self.looked
            if one.evidence.kind is kind and name in (None, one.evidence.name) and one.use in uses
        ]


def look_at(
    evidence: Iterable[Evidence],
    policy: Policy,
    subject: Subject,
    as_of: datetime,
    baseline: Baseline | None,
    sets: Iterable[SetInput] = (),
    stage: str | None = None,
) -> Material:
    """Every piece of `evidence` with its use, in an order that does not depend on how it arrived.

    `stage` says how far a sender must be believed; without it, any sender is.
    """
    partial = {one.id: one for one in sets if not one.is_complete}
    looked: list[Looked] = []
    mine: list[Evidence] = []
    for item in evidence:
        use = _binding(item, policy.requirement(item.kind), subject)
        if use is None:
            mine.append(item)
        else:
            looked.append(Looked(evidence=item, use=use, fault=_not_ours(item, use, subject)))
    for slot in _slots(mine):
        newest = _newest(slot)
        for item in slot:
            requirement = policy.requirement(item.kind)
            if (item.provenance.rank, item.order) == newest:
                given_set = partial.get(item.set_id) if item.set_id is not None else None
                doubt = _doubt(item, requirement, policy, stage)
                if doubt is not None:
                    looked.append(Looked(evidence=item, use=Use.UNTRUSTED, fault=doubt))
                else:
                    looked.append(_look(item, requirement, as_of, given_set))
            elif item.order > newest[1]:
                looked.append(Looked(evidence=item, use=Use.UNTRUSTED))
            else:
                looked.append(Looked(evidence=item, use=Use.SUPERSEDED))
    return Material(looked=tuple(sorted(looked, key=lambda one: _key(one.evidence))), baseline=baseline)


def current_of(evidence: Iterable[Evidence], policy: Policy, subject: Subject) -> list[Evidence]:
    """The newest of each slot that is about `subject`, usable or not."""
    mine = [item for item in evidence if _binding(item, policy.requirement(item.kind), subject) is None]
    return [
        item for slot in _slots(mine) for item in slot if (item.provenance.rank, item.order) == _newest(slot)
    ]


def shown(one: Looked) -> EvidenceUse:
    """How the decision lists it."""
    item = one.evidence
    return EvidenceUse(
        id=item.id,
        kind=item.kind,
        name=item.name,
        job=item.job,
        format=item.document.format,
        state=item.document.state,
        use=one.use,
        trust=item.provenance.trust,
        sha256=item.sha256,
        digest=item.digest,
        received_at=item.received_at,
        produced_at=item.document.produced_at,
        problems=item.document.problems + one.problems,
        tolerated=one.tolerated,
    )


def _binding(item: Evidence, requirement: Requirement, subject: Subject) -> Use | None:
    """None when `item` is about `subject`."""
    if requirement.bind is Binding.ARTIFACT:
        if item.artifact is None or subject.artifact is None:
            # A scan of something unnamed says nothing about the artifact, nor can anything be said of none.
            return Use.UNLINKED
        return None if item.artifact == subject.artifact else Use.MISMATCHED
    if item.source is None or subject.source is None:
        if item.source is None and subject.source is None:
            return None
        # One of them has only its artifact, and nothing says from which source that was built.
        nameless = item if item.source is None else subject
        return Use.UNLINKED if nameless.artifact is not None else Use.MISMATCHED
    return None if item.source.tree == subject.source.tree else Use.MISMATCHED


def _not_ours(item: Evidence, use: Use, subject: Subject) -> Reason:
    if use is Use.UNLINKED and subject.source is None and item.source is not None:
        return reason("artifact-unlinked", artifact=subject.artifact or "")
    return reason(str(use), kind=str(item.kind), name=item.name)


def _newest(slot: Iterable[Evidence]) -> tuple[tuple[int, bool], int]:
    """Rank and order of what is current; several with the same are all current: none of them is newer."""
    return max((item.provenance.rank, item.order) for item in slot)


def _doubt(item: Evidence, requirement: Requirement, policy: Policy, stage: str | None) -> Reason | None:
    """Why the sender of `item` is not believed for entering `stage`; None when it is."""
    if stage is None or stage not in policy.stages:
        return None
    names: dict[str, Param] = {"kind": str(item.kind), "name": item.name}
    levels = tuple(Trust)
    demanded = max(
        (trust for start, trust in requirement.trust.items() if policy.reaches(stage, start)),
        key=levels.index,
        default=Trust.CLAIMED,
    )
    trust = item.provenance.trust
    if levels.index(trust) < levels.index(demanded):
        return reason("untrusted", trust=str(trust), demanded=str(demanded), **names)
    start = requirement.protected_from
    if start is not None and policy.reaches(stage, start) and not item.provenance.ref_protected:
        return reason("ref-unprotected", **names)
    return None


def _slots(evidence: Sequence[Evidence]) -> list[list[Evidence]]:
    slots: dict[tuple[Kind, str, str], list[Evidence]] = defaultdict(list)
    for item in evidence:
        slots[item.slot].append(item)
    return list(slots.values())


def _key(item: Evidence) -> tuple[str, str, str, int, str, str, str]:
    return (item.kind, item.name, item.job, item.order, item.digest, item.sha256, item.id)


def _look(
    item: Evidence, requirement: Requirement, as_of: datetime, partial: SetInput | None = None
) -> Looked:
    """The current evidence of a slot: its state first, because a newer failure hides no older success."""
    changes: list[datetime] = []
    age_fault = _age_fault(item, requirement, as_of, changes)
    skewed = _ahead(item.document.produced_at, as_of) or _ahead(item.received_at, as_of)
    state_fault, tolerated = _state_fault(item, requirement)
    problems = [Problem(code="clock-skew")] if skewed else []
    if requirement.db_max_age_s is not None and _database_date(item) is None:
        problems.append(Problem(code=DATABASE_UNKNOWN))
        if DATABASE_UNKNOWN in requirement.allow:
            tolerated = (*tolerated, DATABASE_UNKNOWN)
    return Looked(
        evidence=item,
        use=Use.STALE if age_fault else Use.USED,
        fault=state_fault or (_set_fault(item, partial) if partial else None) or age_fault,
        problems=tuple(problems),
        tolerated=tolerated,
        changes_at=min((change for change in changes if change > as_of), default=None),
    )


def _age_fault(
    item: Evidence, requirement: Requirement, as_of: datetime, changes: list[datetime]
) -> Reason | None:
    names: dict[str, Param] = {"kind": str(item.kind), "name": item.name}
    fault = None
    if requirement.max_age_s is not None:
        limit = shown_duration(requirement.max_age_s)
        times = [utc(item.received_at)]
        # A time without zone is no time: it could be off by a day.
        if item.document.produced_at is not None and item.document.produced_at.tzinfo is not None:
            times.append(utc(item.document.produced_at))
        if ahead := [time for time in times if _ahead(time, as_of)]:
            changes.extend(time - timedelta(seconds=CLOCK_SKEW_S) for time in ahead)
            fault = reason("clock-skew", time=ahead[0].isoformat(), **names)
        elif as_of - min(times) > timedelta(seconds=requirement.max_age_s):
            fault = reason("stale", max_age=limit, time=min(times).isoformat(), **names)
        changes.append(_after(min(times), requirement.max_age_s))
    if requirement.db_max_age_s is not None and fault is None:
        newest = _database_date(item)
        if newest is not None:
            fault = _database_fault(newest, requirement.db_max_age_s, as_of, changes, names)
        elif DATABASE_UNKNOWN not in requirement.allow:
            fault = reason(DATABASE_UNKNOWN, **names)
    return fault


def _database_date(item: Evidence) -> datetime | None:
    """How new the scanner's vulnerability database was; None when nothing says it."""
    database = item.document.database
    if database is None or database.newest_at is None or database.newest_at.tzinfo is None:
        return None
    return utc(database.newest_at)


def _database_fault(
    newest: datetime, max_age_s: int, as_of: datetime, changes: list[datetime], names: dict[str, Param]
) -> Reason | None:
    if _ahead(newest, as_of):
        changes.append(newest - timedelta(seconds=CLOCK_SKEW_S))
        return reason("clock-skew", time=newest.isoformat(), **names)
    changes.append(_after(newest, max_age_s))
    if as_of - newest > timedelta(seconds=max_age_s):
        return reason("database-stale", max_age=shown_duration(max_age_s), time=newest.isoformat(), **names)
    return None


def _after(time: datetime, seconds: int) -> datetime:
    """The first instant at which `time` is older than `seconds`."""
    moment = later(time, seconds)
    return moment + _TICK if moment < END_OF_TIME else moment


def _ahead(time: datetime | None, as_of: datetime) -> bool:
    return (
        time is not None and time.tzinfo is not None and utc(time) - as_of > timedelta(seconds=CLOCK_SKEW_S)
    )


def _state_fault(item: Evidence, requirement: Requirement) -> tuple[Reason | None, tuple[str, ...]]:
    """Why the state forbids use, and the problem codes that the policy let through."""
    document = item.document
    names: dict[str, Param] = {"kind": str(item.kind), "name": item.name}
    problems = document.problems
    is_partial = document.database is not None and not _is_whole(document.database)
    if is_partial and all(problem.code != DATABASE_PARTIAL for problem in problems):
        problems = (*problems, Problem(code=DATABASE_PARTIAL))
    codes = _counted(problems)
    match document.state:
        case State.OK if not is_partial:
            return None, ()
        case State.OK | State.INCOMPLETE:
            causes = [p for p in problems if p.code not in NOTES]
            wrong = [p for p in causes if not _is_tolerated(p.code, causes, requirement)]
            if causes and not wrong:
                return None, tuple(sorted({problem.code for problem in causes}))
            return reason("incomplete", problems=_counted(wrong) or ("no reason given",), **names), ()
        case State.FAILED:
            return reason("failed", problems=codes or ("no reason given",), **names), ()
        case State.UNREADABLE:
            return reason("unreadable", problems=codes or ("no reason given",), **names), ()


def _set_fault(item: Evidence, partial: SetInput) -> Reason:
    """A shard proves nothing alone: what the missing ones would have said is unknown."""
    missing = tuple(str(part) for part in partial.missing) or ("unknown",)
    return reason("parts-missing", kind=str(item.kind), name=item.name, set=partial.name, parts=missing)


def _is_whole(database: Database) -> bool:
    return database.is_complete and database.records > 0


def _is_tolerated(code: str, problems: Iterable[Problem], requirement: Requirement) -> bool:
    if code in NEVER_TOLERATED or code not in requirement.allow:
        return False
    most = requirement.allow[code]
    if most is None:
        return True
    counts = [_count(problem) for problem in problems if problem.code == code]
    # A problem that does not say how many cannot be within a limit.
    return all(count is not None for count in counts) and sum(c for c in counts if c is not None) <= most


def _count(problem: Problem) -> int | None:
    """How many: the parameter `count`, or the only number that the problem has."""
    numbers = {key: value for key, value in problem.params.items() if isinstance(value, int)}
    number = numbers.get("count", next(iter(numbers.values())) if len(numbers) == 1 else None)
    return number if number is not None and number >= 0 else None


def _counted(problems: Iterable[Problem]) -> tuple[str | tuple[str, int], ...]:
    counts: dict[str, int | None] = {}
    for problem in problems:
        count = _count(problem)
        before = counts.get(problem.code, 0)
        counts[problem.code] = None if before is None or count is None else before + count
    return tuple((code, n) if n is not None else code for code, n in sorted(counts.items()))
