"""Drafts of policies: written by anybody who may, submitted by a person, approved by another one.

Every save reads the text, runs its tests, and keeps what that said; only a sound draft is submitted. Its
steps: draft -> submitted -> approved, which makes the version; or rejected; or withdrawn. Editing a draft
that was submitted takes it back. Each step names the revision that its caller saw.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.policy.load import PolicyRefused, load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.policy.testing import run_tests
from gatekeeper.policy_draft import Checked, DraftState, PolicyDraft
from gatekeeper.recorded import Event
from gatekeeper.service.errors import Conflict, NotFound, Refused, ServiceError, coded
from gatekeeper.service.events import event
from gatekeeper.service.extended_policies import stored, stored_in
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.policies import demand_size, demand_words
from gatekeeper.service.policy_changes import changes
from gatekeeper.service.policy_resolve import demand_no_tie
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, policies, policy_drafts, policy_schedule
from gatekeeper.store.database import Connection
from gatekeeper.store.statements import one_at_a_time

MAX_KEPT = 100
"""Faults and names that are kept of one check."""
OPEN = (DraftState.DRAFT, DraftState.SUBMITTED)


class Stale(Conflict):
    """Somebody changed it meanwhile. `changes` says in words what is different now."""

    code = "draft-changed"

    def __init__(self, message: str, *, hint: str = "", changes: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.changes = changes


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A draft, and what it changes against the newest version."""

    draft: PolicyDraft
    changes: tuple[str, ...]


def create(
    server: Server,
    caller: Caller,
    name: str,
    text: bytes,
    *,
    based_on: int | None,
    reason: str,
    in_force_from: datetime | None = None,
) -> PolicyDraft:
    """The new draft, with what its check said.

    Raises:
        Denied: no `policy:write`.
        Refused: too large, of another policy, or `in_force_from` has passed.
        Stale: `policy-moved`: `based_on` is not the newest version.
    """
    caller = authorize.demand(caller, Scope.POLICY_WRITE)
    checked = _taken(server, name, text, reason, in_force_from)

    def work(connection: Connection) -> PolicyDraft:
        one_at_a_time(connection)
        demand_newest(connection, name, based_on, text)
        at = server.clock()
        made = PolicyDraft(
            id=new_id("pdr", at),
            policy=name,
            based_on=based_on,
            revision=1,
            state=DraftState.DRAFT,
            text=text,
            checked=checked,
            reason=reason,
            in_force_from=in_force_from,
            authors=(caller.principal,),
            created_at=at,
            changed_at=at,
        )
        policy_drafts.add(connection, made)
        tell(connection, Event.POLICY_DRAFTED, made, caller)
        return made

    return server.database.write(work)


def edit(
    server: Server,
    caller: Caller,
    draft_id: str,
    text: bytes,
    *,
    revision: int,
    based_on: int | None,
    reason: str,
    in_force_from: datetime | None = None,
) -> PolicyDraft:
    """The draft with another text. One that was submitted is a draft again.

    Raises:
        Denied, NotFound, Refused: as `create`; there is no such draft.
        Stale: somebody else saved it, or it is at its end; or `policy-moved`.
    """
    caller = authorize.demand(caller, Scope.POLICY_WRITE)
    held = server.database.read(lambda connection: found(connection, draft_id))
    checked = _taken(server, held.policy, text, reason, in_force_from)

    def work(connection: Connection, held: PolicyDraft) -> PolicyDraft:
        demand_revision(connection, held, revision, text)
        demand_state(held, *OPEN)
        demand_newest(connection, held.policy, based_on, text)
        return msgspec.structs.replace(
            held,
            state=DraftState.DRAFT,
            text=text,
            checked=checked,
            based_on=based_on,
            reason=reason,
            in_force_from=in_force_from,
            authors=tuple(dict.fromkeys((*held.authors, caller.principal))),
        )

    return step(server, caller, draft_id, Event.POLICY_DRAFTED, work)


def submit(server: Server, caller: Caller, draft_id: str, *, revision: int) -> PolicyDraft:
    """The draft, waiting for a second person.

    Raises:
        Denied, NotFound: no person with `policy:write`; there is no such draft.
        Refused: `draft-not-sound`: it has faults, or tests that fail.
        Conflict, Stale: it is not a draft any more, was changed, or would tie with another policy.
    """
    caller = authorize.demand(authorize.demand_person(caller), Scope.POLICY_WRITE)

    def work(connection: Connection, held: PolicyDraft) -> PolicyDraft:
        demand_revision(connection, held, revision, None)
        demand_state(held, DraftState.DRAFT)
        demand_newest(connection, held.policy, held.based_on, held.text)
        demand_no_tie(connection, held.policy, demand_sound(connection, held).applies_to)
        authors = tuple(dict.fromkeys((*held.authors, caller.principal)))
        return msgspec.structs.replace(held, state=DraftState.SUBMITTED, authors=authors)

    return step(server, caller, draft_id, Event.POLICY_SUBMITTED, work)


def withdraw(server: Server, caller: Caller, draft_id: str, *, revision: int) -> PolicyDraft:
    """The draft, given up.

    Raises:
        Denied, NotFound: no `policy:write`; there is no such draft.
        Conflict, Stale: it is at its end, or was changed.
    """
    caller = authorize.demand(caller, Scope.POLICY_WRITE)

    def work(connection: Connection, held: PolicyDraft) -> PolicyDraft:
        demand_revision(connection, held, revision, None)
        demand_state(held, *OPEN)
        return msgspec.structs.replace(held, state=DraftState.WITHDRAWN)

    return step(server, caller, draft_id, Event.POLICY_WITHDRAWN, work)


def get(server: Server, caller: Caller, draft_id: str) -> Shown:
    """The draft with all that whoever approves has to see.

    Raises:
        Denied, NotFound: no `gate:read`; there is no such draft.
    """
    authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> Shown:
        draft = found(connection, draft_id)
        number = draft.based_on
        base = policies.version(connection, draft.policy, number) if number is not None else None
        said = changes(base.text if base else None, draft.text, stored_in(connection))
        return Shown(draft=draft, changes=said)

    return server.database.read(work)


def page(
    server: Server,
    caller: Caller,
    *,
    policy: str | None,
    state: DraftState | None,
    before: str | None,
    limit: int,
) -> tuple[list[PolicyDraft], str | None]:
    """Drafts, the newest first, and the cursor of the next page."""
    authorize.demand(caller, Scope.GATE_READ)
    batch = server.database.read(
        lambda connection: policy_drafts.page(
            connection, policy=policy, state=state, before=before, limit=limit + 1
        )
    )
    return batch[:limit], batch[limit - 1].id if len(batch) > limit else None


def step(
    server: Server,
    caller: Caller,
    draft_id: str,
    kind: Event,
    work: Callable[[Connection, PolicyDraft], PolicyDraft],
) -> PolicyDraft:
    """The draft as `work` makes it from what it is: one step, one transaction, one event."""

    def transaction(connection: Connection) -> PolicyDraft:
        one_at_a_time(connection)
        held = found(connection, draft_id)
        changed = msgspec.structs.replace(
            work(connection, held), revision=held.revision + 1, changed_at=server.clock()
        )
        if not policy_drafts.change(connection, changed, was=held.revision):
            raise Stale(f"draft {draft_id} was changed by somebody else")
        tell(connection, kind, changed, caller)
        return changed

    return server.database.write(transaction)


def found(connection: Connection, draft_id: str) -> PolicyDraft:
    """The draft.

    Raises:
        NotFound: `draft-not-found`.
    """
    held = policy_drafts.by_id(connection, draft_id)
    if held is None:
        raise coded(NotFound, "draft-not-found", f"there is no draft {draft_id[:80]!r}")
    return held


def demand_revision(connection: Connection, held: PolicyDraft, revision: int, text: bytes | None) -> None:
    """Return when the caller saw the draft as it is.

    Raises:
        Stale: with what `text` would change in it.
    """
    if held.revision != revision:
        said = changes(held.text, text, stored_in(connection)) if text is not None else ()
        raise Stale(
            f"draft {held.id} is at revision {held.revision}, not {revision}: somebody changed it at "
            f"{held.changed_at:%Y-%m-%dT%H:%M:%SZ}",
            hint="read it again, and put your change on top",
            changes=said,
        )


def demand_state(held: PolicyDraft, *allowed: DraftState) -> None:
    """Return when the draft stands so.

    Raises:
        Conflict: `draft-state`.
    """
    if held.state not in allowed:
        wanted = " or ".join(allowed)
        raise coded(Conflict, "draft-state", f"draft {held.id} is {held.state}, and not {wanted}")


def demand_newest(connection: Connection, name: str, based_on: int | None, text: bytes) -> None:
    """Return when nothing was published since `based_on`.

    Raises:
        Stale: `policy-moved`, with what `text` would change in the newest version.
    """
    newest = policy_schedule.newest_number(connection, name)
    if newest != based_on:
        base = policies.version(connection, name, newest) if newest is not None else None
        moved = Stale(
            f"the newest version of policy {name} is {newest or 'none'}, not {based_on or 'none'}",
            hint="put the change on top of the newest version, and say so with based_on",
            changes=changes(base.text if base else None, text, stored_in(connection)),
        )
        moved.code = "policy-moved"
        raise moved


def demand_sound(connection: Connection, held: PolicyDraft) -> Policy:
    """The policy in the draft, when it can decide and its tests pass.

    Raises:
        Refused: `draft-not-sound`.
    """
    checked = held.checked
    if not checked.is_sound:
        why = [*checked.faults, *(f"test {name!r} fails" for name in checked.failed)]
        raise coded(
            Refused,
            "draft-not-sound",
            f"draft {held.id} cannot be submitted: {'; '.join(why)[:1000]}",
            hint="mend it and save it again",
        )
    policy = load_policy(held.text, file="policy", resolve=stored_in(connection))
    if policy.digest != checked.digest:
        raise coded(Refused, "draft-not-sound", f"draft {held.id} means something else now: save it again")
    return policy


def tell(connection: Connection, kind: Event, draft: PolicyDraft, caller: Caller) -> None:
    """Write the step for the ledger: what it was about by digest, no text of people."""
    record = {
        "id": draft.id, "policy": draft.policy, "revision": draft.revision, "state": str(draft.state),
        "digest": draft.checked.digest, "based_on": draft.based_on, "backtest": draft.backtest,
        "version": draft.version,
    }  # fmt: skip
    told = event(kind, record, project_id=None, actor=caller.principal, at=draft.changed_at, subject=draft.id)
    outbox.tell(connection, told)


def _taken(server: Server, name: str, text: bytes, reason: str, in_force_from: datetime | None) -> Checked:
    """What the check of an acceptable save says."""
    demand_size(text)
    demand_words("reason", reason)
    if in_force_from is not None and in_force_from <= server.clock():
        raise coded(Refused, "bad-parameter", "in_force_from has passed; leave it out for `at once`")
    try:
        policy = load_policy(text, file="policy", resolve=stored(server.database))
    except PolicyRefused as refused:
        return Checked(faults=tuple(str(one)[:1000] for one in refused.errors[:MAX_KEPT]))
    if policy.name != name:
        raise _of_another(name, policy.name)
    outcomes = run_tests(policy)
    failed = tuple(one.name for one in outcomes if not one.passed)
    return Checked(digest=policy.digest, tests=len(outcomes), failed=failed[:MAX_KEPT])


def _of_another(name: str, other: str) -> ServiceError:
    return coded(Refused, "bad-parameter", f"the text is of policy {other}, not of {name}")
