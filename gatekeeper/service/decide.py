"""Decisions: the usable stored one, or a new one that is recorded only when nothing changed meanwhile."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from gatekeeper.caller import Caller, Scope
from gatekeeper.decision import Decision, as_json, decision_from
from gatekeeper.recorded import Event, GateState, StoredDecision
from gatekeeper.service import answers, opening, policy_schedule, projects, records
from gatekeeper.service.answers import Gate
from gatekeeper.service.errors import NotFound, Unavailable, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.questions import (
    Asked,
    Judged,
    Known,
    demand_stage_of_policy,
    judged,
    known,
    stored_inputs,
)
from gatekeeper.service.server import Server
from gatekeeper.store import decisions, gate_states, outbox
from gatekeeper.store import policy_schedule as waiting_rows
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection

TRIES = 2
"""How often a decision is made while others write: evidence or a baseline that comes meanwhile has it made
again. After that the project stands still for it: builds that are judged side by side would never end."""
RETRY_AFTER_S = 5


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A recorded decision; `is_new` is False when a usable one was there."""

    decision: Decision
    is_new: bool


R = TypeVar("R", bound=Answered | Gate | None)


def decide(server: Server, caller: Caller, asked: Asked) -> Answered | Gate:
    """The decision, on the disk; or a pending gate when it is too early to ask.

    Raises:
        Denied, NotFound, Conflict, Refused: as `questions.known`.
        Unavailable, StoreUnavailable: nothing was recorded; ask again.
    """
    caller = authorize.demand(caller, Scope.DECISION_WRITE)
    for _ in range(TRIES):
        found = server.database.read(lambda connection: known(server, connection, caller, asked))
        now = server.clock()
        if found.is_overtaken(now):
            policy_schedule.enter_due(server)
            continue
        if (ready := _ready(server, found, now)) is not None:
            return ready
        made = judged(server, found, now)
        if (stored := _record(server, found, made, caller.principal)) is not None:
            return stored
    return _decided_alone(server, caller, asked)


def look(server: Server, caller: Caller, asked: Asked) -> Gate:
    """The answer now. Nothing is recorded, but the answer is kept at hand for the next who asks.

    Raises:
        Denied, NotFound, Conflict, Refused: as `questions.known`.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[Known, GateState | None]:
        found = known(server, connection, caller, asked)
        return found, _at_hand(connection, found)

    found, held = server.database.read(work)
    if found.is_overtaken(server.clock()):
        policy_schedule.enter_due(server)
        found, held = server.database.read(work)
    if held is not None and held.as_of <= server.clock() < held.valid_until:
        return answers.gate_from(held.body)
    return answer_about(server, found)


def answer_about(server: Server, found: Known) -> Gate:
    """The answer to a question about which this is known; kept at hand unless it is pending."""
    demand_stage_of_policy(server, found)
    now = server.clock()
    if pending := found.pending(now):
        return answers.waiting(found.subject, found.stage, pending, RETRY_AFTER_S)
    if (held := found.usable(now)) is not None:
        gate = answers.decided(decision_from(held.body), is_recorded=True, until=found.policy_until)
    else:
        made = judged(server, found, now).decision
        gate = answers.decided(made, is_recorded=False, until=found.policy_until)

    def work(connection: Connection) -> None:
        if is_unchanged(server, connection, found):
            _keep_at_hand(connection, found, gate)

    server.database.write(work)
    return gate


def get(server: Server, caller: Caller, decision_id: str) -> Decision:
    """A recorded decision.

    Raises:
        Denied, NotFound: the caller may not read; there is none of this id in its reach.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> StoredDecision | None:
        stored = decisions.by_id(connection, decision_id)
        project = project_rows.by_id(connection, stored.project_id) if stored else None
        return stored if project is not None and projects.is_reached(caller, project) else None

    stored = server.database.read(work)
    if stored is None:
        raise coded(NotFound, "decision-not-found", f"there is no decision {decision_id!r} in reach")
    return decision_from(stored.body)


def page(
    server: Server,
    caller: Caller,
    project: str,
    *,
    stage: str | None,
    commit: str | None,
    artifact: str | None,
    before: tuple[int, str] | None,
    limit: int,
) -> tuple[list[tuple[str, StoredDecision]], tuple[int, str] | None]:
    """(project path, decision) of a project, the newest first, and the cursor of the next page.

    Raises:
        Denied, NotFound: the caller may not read; the project is not in its reach.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[list[tuple[str, StoredDecision]], tuple[int, str] | None]:
        found = projects.named(connection, caller, project)
        batch = decisions.page(
            connection,
            found.id,
            stage=stage,
            commit=commit,
            artifact=artifact,
            before=before,
            limit=limit + 1,
        )
        last = batch[limit - 1] if len(batch) > limit else None
        more = (decisions.moment(last), last.id) if last is not None else None
        return [(found.path, one) for one in batch[:limit]], more

    return server.database.read(work)


def record_about(server: Server, found: Known, actor: str) -> bool:
    """Record a new decision about a subject whose stored one no longer holds; True when that was done.

    Only where the answer is another one than before: time alone makes no record.
    """
    now = server.clock()
    if found.newest is None or found.is_overtaken(now) or found.pending(now) or found.usable(now) is not None:
        return False
    made = judged(server, found, now)
    if _answer_in(decision_from(found.newest.body)) == _answer_in(made.decision):
        return False
    return _record(server, found, made, actor) is not None


def _answer_in(decision: Decision) -> tuple[object, ...]:
    """What a decision says. Not `digests.outputs`: the end of its time is in there, and moves by itself."""
    return (
        decision.outcome, decision.allowed, decision.score, decision.reasons, decision.rules,
        decision.missing, decision.waivers, decision.would_change, decision.approvals, decision.obligations,
        decision.override,
    )  # fmt: skip


def _record(server: Server, found: Known, made: Judged, actor: str) -> Answered | None:
    """The decision, recorded; the one that somebody else recorded meanwhile; None when facts changed."""

    def work(connection: Connection) -> Answered | None:
        if not is_unchanged(server, connection, found):
            return None
        newest = decisions.newest(
            connection,
            found.project.id,
            stage=found.stage,
            tree=found.tree,
            commit=found.commit,
            artifact=found.artifact,
        )
        if (held := replace(found, newest=newest).usable(made.decision.as_of)) is not None:
            return Answered(decision=decision_from(held.body), is_new=False)
        return _kept(server, connection, found, made, actor)

    return _told(server, server.database.write(work))


def _decided_alone(server: Server, caller: Caller, asked: Asked) -> Answered | Gate:
    """The decision, made and recorded while everybody else who writes to the project waits.

    By now its documents are in memory, so that takes milliseconds.
    """

    def work(connection: Connection) -> Answered | Gate:
        project_rows.lock(connection, known(server, connection, caller, asked).project.id)
        found = known(server, connection, caller, asked)
        now = server.clock()
        if found.is_overtaken(now):
            raise Unavailable("another version of the policy comes into force at this moment; ask again")
        if (ready := _ready(server, found, now)) is not None:
            return ready
        return _kept(server, connection, found, judged(server, found, now), caller.principal)

    return _told(server, server.database.write(work))


def _ready(server: Server, found: Known, now: datetime) -> Answered | Gate | None:
    """What needs no judgement: it is too early, or the stored decision is still the answer."""
    demand_stage_of_policy(server, found)
    if pending := found.pending(now):
        return answers.waiting(found.subject, found.stage, pending, RETRY_AFTER_S)
    if (held := found.usable(now)) is not None:
        return Answered(decision=decision_from(held.body), is_new=False)
    return None


def _kept(server: Server, connection: Connection, found: Known, made: Judged, actor: str) -> Answered:
    """The decision as a record, with its event, and at hand for those who ask."""
    decision, at = made.decision, server.clock()
    if not decisions.add(connection, _stored(found, made, actor, at)):
        return Answered(decision=decision, is_new=False)
    _keep_at_hand(connection, found, answers.decided(decision, is_recorded=True, until=found.policy_until))
    told = event(
        Event.DECISION, decision, project_id=found.project.id, actor=actor, at=at, subject=decision.id
    )
    outbox.tell(connection, told)
    after = records.stages_after(server.policy(found.version), found.stage)
    if after:
        gate_states.touch_stages(connection, found.project.id, tree=found.tree, stages=after, at=at)
    opening.open_obligations(server, connection, found, decision, actor=actor, at=at)
    return Answered(decision=decision, is_new=True)


def _told(server: Server, done: R) -> R:
    """`done`, counted in the metrics when it is a new record."""
    if isinstance(done, Answered) and done.is_new:
        server.recorded(done.decision)
    return done


def is_unchanged(server: Server, connection: Connection, found: Known) -> bool:
    """True while nothing that was judged has changed; the project then waits for this transaction."""
    project = project_rows.lock(connection, found.project.id)
    held = decisions.baseline(connection, project.id, found.stage, found.tree)
    before = records.prior(
        connection,
        project,
        server.policy(found.version),
        stage=found.stage,
        tree=found.tree,
        artifact=found.artifact,
    )
    now = project_rows.revision(connection, project.id, found.tree, found.artifact) + records.order_of(before)
    until = waiting_rows.next_at(connection, project.policy)
    return (now, project.policy_digest, held[1] if held else "", until) == (
        found.revision, found.version.digest, found.baseline_digest, found.policy_until,
    )  # fmt: skip


def _at_hand(connection: Connection, found: Known) -> GateState | None:
    """The answer that was kept about this very subject, when nothing of it changed since."""
    key = f"a:{found.artifact}" if found.artifact else f"c:{found.commit}"
    held = gate_states.current(connection, found.project.id, found.stage, key)
    if held is None:
        return None
    is_same = (held.tree, held.commit, held.artifact, held.policy_digest, held.baseline_digest) == (
        found.tree, found.commit, found.artifact, found.version.digest, found.baseline_digest,
    )  # fmt: skip
    return held if is_same else None


def _keep_at_hand(connection: Connection, found: Known, gate: Gate) -> None:
    """What gate queries read from now on, by commit and by artifact, until a fact or the time changes it.

    Not for a commit whose tree only the asker said: whoever asks next may have said another one, or none.
    """
    if gate.as_of is None or gate.valid_until is None:
        return
    keys = [f"a:{found.artifact}"] if found.artifact else []
    if found.commit and not found.artifact:
        told = project_rows.tree_of(connection, found.project.id, found.commit)
        keys = [f"c:{found.commit}"] if told is not None and told[0] == found.tree else []
    for key in keys:
        gate_states.put(
            connection,
            GateState(
                project_id=found.project.id,
                stage=found.stage,
                key=key,
                tree=found.tree,
                artifact=found.artifact,
                commit=found.commit,
                policy_digest=found.version.digest,
                baseline_digest=found.baseline_digest,
                as_of=gate.as_of,
                valid_until=gate.valid_until,
                decision_id=gate.decision,
                allowed=gate.allowed,
                body=answers.as_bytes(gate),
            ),
        )


def _stored(found: Known, made: Judged, actor: str, at: datetime) -> StoredDecision:
    decision = made.decision
    return StoredDecision(
        id=decision.id,
        project_id=found.project.id,
        stage=found.stage,
        path=decision.path,
        tree=found.tree,
        commit=found.commit,
        artifact=found.artifact,
        question=decision.question,
        policy_name=found.version.name,
        policy_version=found.version.version,
        policy_digest=found.version.digest,
        baseline_digest=found.baseline_digest,
        revision=found.revision,
        outcome=decision.outcome,
        allowed=decision.allowed,
        score=decision.score,
        is_protected=made.is_protected,
        as_baseline=made.as_baseline,
        as_of=decision.as_of,
        valid_until=decision.valid_until,
        inputs=stored_inputs(made.inputs),
        body=as_json(decision),
        asked_by=actor,
        recorded_at=at,
    )
