"""The second person: approves a draft, which makes the version; rejects it; or begins a way back."""

from fnmatch import fnmatchcase

import msgspec

from gatekeeper.caller import Caller, Scope
from gatekeeper.canonical import digest_of_bytes
from gatekeeper.policy.model import Policy
from gatekeeper.policy_draft import Checked, DraftState, PolicyDraft
from gatekeeper.recorded import Event
from gatekeeper.service.errors import Conflict, Denied, NotFound, Refused, coded
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.policies import add_version, demand_words
from gatekeeper.service.policy_drafts import (
    demand_newest,
    demand_revision,
    demand_sound,
    demand_state,
    step,
    tell,
)
from gatekeeper.service.server import Server
from gatekeeper.store import people, policies, policy_drafts, policy_schedule
from gatekeeper.store.database import Connection
from gatekeeper.store.statements import one_at_a_time


class _Tried(msgspec.Struct, frozen=True):
    digest: str


def approve(
    server: Server,
    caller: Caller,
    draft_id: str,
    *,
    revision: int,
    digest: str,
    comment: str = "",
    backtest: bytes | None = None,
) -> PolicyDraft:
    """The draft, with the version that it became: in force now, or from its time on.

    `digest` is that of the policy which the approver was shown; `backtest` the result that they saw.

    Raises:
        Denied: no person with `policy:approve` over all that the policy decides about; `own-draft`.
        NotFound, Conflict, Stale: there is no such draft; it was changed, or the policy was; it would tie.
        Refused: the backtest is of another policy, or the draft means something else by now.
    """
    caller = authorize.demand(authorize.demand_person(caller), Scope.POLICY_APPROVE)
    demand_words("comment", comment)

    def work(connection: Connection, held: PolicyDraft) -> PolicyDraft:
        demand_revision(connection, held, revision, None)
        demand_state(held, DraftState.SUBMITTED)
        demand_another(connection, caller, held)
        demand_newest(connection, held.policy, held.based_on, held.text)
        policy = demand_sound(connection, held)
        _demand_reach(connection, caller, policy)
        if digest != policy.digest:
            raise coded(
                Conflict, "draft-changed", f"draft {held.id} is the policy {policy.digest}, not {digest[:80]}"
            )
        shown = _shown(policy, backtest)
        made = add_version(
            server,
            connection,
            policy,
            held.text,
            author=held.authors[0],
            reason=held.reason,
            approved_by=caller.principal,
            draft=held.id,
            backtest=shown,
            in_force_from=held.in_force_from,
        )
        return msgspec.structs.replace(
            held,
            state=DraftState.APPROVED,
            judged_by=caller.principal,
            comment=comment,
            backtest=shown,
            version=made.version,
        )

    return step(server, caller, draft_id, Event.POLICY_APPROVED, work)


def reject(server: Server, caller: Caller, draft_id: str, *, revision: int, comment: str) -> PolicyDraft:
    """The draft, at its end.

    Raises:
        Denied, NotFound: no person with `policy:approve`; there is no such draft.
        Conflict, Stale: it is not submitted, or was changed.
        Refused: there is no comment: its author has to know why.
    """
    caller = authorize.demand(authorize.demand_person(caller), Scope.POLICY_APPROVE)
    demand_words("comment", comment)
    if not comment.strip():
        raise coded(Refused, "bad-parameter", "comment is empty: say why it is rejected")

    def work(connection: Connection, held: PolicyDraft) -> PolicyDraft:
        demand_revision(connection, held, revision, None)
        demand_state(held, DraftState.SUBMITTED)
        return msgspec.structs.replace(
            held, state=DraftState.REJECTED, judged_by=caller.principal, comment=comment
        )

    return step(server, caller, draft_id, Event.POLICY_REJECTED, work)


def roll_back(server: Server, caller: Caller, name: str, *, to: int, reason: str) -> PolicyDraft:
    """A submitted draft with the content of an older version: one more approval and it is in force.

    Who holds `policy:approve` may begin it too, so that two of them suffice in an emergency.

    Raises:
        Denied: no person with `policy:write` or `policy:approve`.
        NotFound: there is no such version.
        Refused: there is no reason, or the old content cannot decide any more.
    """
    scope = Scope.POLICY_WRITE if caller.may(Scope.POLICY_WRITE) else Scope.POLICY_APPROVE
    caller = authorize.demand(authorize.demand_person(caller), scope)
    demand_words("reason", reason)
    if not reason.strip():
        raise coded(Refused, "bad-parameter", "reason is empty: say why the old rules come back")

    def work(connection: Connection) -> PolicyDraft:
        one_at_a_time(connection)
        old = policies.version(connection, name, to)
        if old is None:
            raise coded(NotFound, "policy-not-found", f"there is no policy {name[:80]}@{to}")
        at = server.clock()
        made = PolicyDraft(
            id=new_id("pdr", at),
            policy=name,
            based_on=policy_schedule.newest_number(connection, name),
            revision=1,
            state=DraftState.SUBMITTED,
            text=old.text,
            checked=Checked(digest=old.digest),
            reason=reason,
            in_force_from=None,
            authors=(caller.principal,),
            created_at=at,
            changed_at=at,
        )
        demand_sound(connection, made)
        policy_drafts.add(connection, made)
        tell(connection, Event.POLICY_SUBMITTED, made, caller)
        return made

    return server.database.write(work)


def demand_another(connection: Connection, caller: Caller, held: PolicyDraft) -> None:
    """Return when the caller had no hand in the draft, under whatever account.

    Raises:
        Denied: `own-draft`.
    """
    person = caller.person or ""
    mine = {f"person:{one}" for one in (person, *people.joined_ids(connection, person))}
    if mine & set(held.authors) or caller.principal in held.authors:
        raise coded(
            Denied,
            "own-draft",
            f"{caller.principal} wrote or submitted draft {held.id}: another person approves it",
        )


def _demand_reach(connection: Connection, caller: Caller, policy: Policy) -> None:
    """Return when the caller may approve for every project that the policy decides or will decide about."""
    out = [path for path in policy_schedule.paths_of(connection, policy.name) if not caller.reaches(path)]
    out += [glob for glob in policy.applies_to if not any(_covers(wider, glob) for wider in caller.projects)]
    if out:
        raise coded(
            Denied,
            "project-not-granted",
            f"{caller.principal} holds policy:approve for {', '.join(caller.projects)}, and policy "
            f"{policy.name} decides about {out[0]!r} too",
        )


def _covers(wider: str, glob: str) -> bool:
    """True when all that `glob` fits, `wider` fits as well; false when that is not certain."""
    return wider == glob or ("[" not in wider + glob and "?" not in wider and fnmatchcase(glob, wider))


def _shown(policy: Policy, backtest: bytes | None) -> str | None:
    """The digest of the backtest, when it is one of this very policy."""
    if backtest is None:
        return None
    tried = msgspec.json.decode(backtest, type=_Tried).digest
    if tried != policy.digest:
        raise coded(Refused, "bad-parameter", f"the backtest is of the policy {tried}, not of this draft")
    return digest_of_bytes(backtest).removeprefix("sha256:")
