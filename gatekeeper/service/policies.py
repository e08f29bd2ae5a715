"""Policies on the server: checked, numbered, immutable; the newest version whose time has come is in force.

Versions come from drafts that a second person approved (`policy_drafts`). Whoever may write policies imports
one directly only while nobody could approve it.
"""

from datetime import datetime

from gatekeeper.caller import Caller, Scope
from gatekeeper.policy.load import PolicyRefused, Resolve, load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.policy.testing import run_tests
from gatekeeper.recorded import Event, PolicyVersion
from gatekeeper.resources import rules_folder
from gatekeeper.service import policy_schedule
from gatekeeper.service.errors import Conflict, Denied, NotFound, Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.extended_policies import stored, stored_in
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, people, policies
from gatekeeper.store import policy_schedule as waiting_rows
from gatekeeper.store.database import Connection
from gatekeeper.store.statements import one_at_a_time

MAX_POLICY_BYTES = 4 * 1024 * 1024
MAX_REASON_CHARS = 1_000
SYSTEM = policy_schedule.SYSTEM
"""Who brings the shipped policies in when a server is new."""


def publish(server: Server, caller: Caller, text: bytes, reason: str) -> tuple[PolicyVersion, bool]:
    """The version with this content, in force from now on, and whether it is new.

    Importing the content that is in force again changes nothing; an older content becomes a new version.

    Raises:
        Denied: the caller has no `policy:write`; `policy-needs-review`: somebody could approve it.
        PolicyRefused: it cannot decide, with every fault.
        Refused: a test of the file fails.
        Conflict: `policy-tie`: it applies to what another policy applies to.
    """
    caller = authorize.demand(caller, Scope.POLICY_WRITE)
    demand_size(text)
    demand_words("reason", reason)
    policy = _checked(text, stored(server.database))

    def work(connection: Connection) -> tuple[PolicyVersion, bool]:
        one_at_a_time(connection)
        if (held := _same_in_force(connection, policy, text)) is not None:
            return held, False
        _demand_no_approver(server, connection)
        made = add_version(server, connection, policy, text, author=caller.principal, reason=reason)
        return made, True

    return server.database.write(work)


def publish_shipped(server: Server) -> list[PolicyVersion]:
    """Bring in the policies that ship with Gatekeeper, where no policy of their name is there yet.

    An upgrade of the package never changes a stored policy: what is new in it waits to be imported, and so
    does a policy that builds on something new.
    """

    def work(connection: Connection) -> list[PolicyVersion]:
        one_at_a_time(connection)
        made = []
        for path in sorted((rules_folder() / "policies").glob("*.yaml")):
            if policies.in_force(connection, path.stem) is None:
                text = path.read_bytes()
                try:
                    policy = _checked(text, stored_in(connection))
                except PolicyRefused as refused:
                    if refused.errors[0].key != "extends":
                        raise
                    continue
                made.append(
                    add_version(
                        server, connection, policy, text, author=SYSTEM, reason="shipped with Gatekeeper"
                    )
                )
        return made

    return server.database.write(work)


def page(server: Server, caller: Caller, *, after: str, limit: int) -> tuple[list[PolicyVersion], str | None]:
    """The version in force of each policy, by name, and the cursor of the next page."""
    caller = authorize.demand(caller, Scope.GATE_READ)
    found = server.database.read(
        lambda connection: policies.newest_page(connection, after=after, limit=limit + 1)
    )
    return found[:limit], found[limit - 1].name if len(found) > limit else None


def versions(
    server: Server, caller: Caller, name: str, *, before: int | None, limit: int
) -> tuple[list[tuple[PolicyVersion, bool]], int | None]:
    """The versions of a policy, the newest first, each with whether it is in force; and the next cursor.

    Raises:
        NotFound: there is no such policy.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[list[PolicyVersion], PolicyVersion | None]:
        found = policies.versions_page(connection, name, before=before, limit=limit + 1)
        return found, policies.in_force(connection, name)

    found, held = server.database.read(work)
    if not found and before is None:
        raise _none(name)
    number = held.version if held is not None else None
    shown = [(one, one.version == number) for one in found[:limit]]
    return shown, found[limit - 1].version if len(found) > limit else None


def version(server: Server, caller: Caller, name: str, number: int) -> PolicyVersion:
    """One version of a policy.

    Raises:
        NotFound: there is none.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)
    found = server.database.read(lambda connection: policies.version(connection, name, number))
    if found is None:
        raise _none(f"{name}@{number}")
    return found


def _checked(text: bytes, resolve: Resolve) -> Policy:
    """The policy, when it can decide and its own tests pass."""
    policy = load_policy(text, file="policy", resolve=resolve)
    failed = [one.name for one in run_tests(policy) if not one.passed]
    if failed:
        raise coded(
            Refused,
            "policy-refused",
            f"{len(failed)} of the policy's own tests fail: {', '.join(failed)[:500]}",
            hint="`gatekeeper policy test FILE` shows what each expected and got",
        )
    return policy


def add_version(
    server: Server,
    connection: Connection,
    policy: Policy,
    text: bytes,
    *,
    author: str,
    reason: str,
    approved_by: str | None = None,
    draft: str | None = None,
    backtest: str | None = None,
    in_force_from: datetime | None = None,
) -> PolicyVersion:
    """The new version, in force now or from `in_force_from` on. The transaction holds `one_at_a_time`.

    Raises:
        Conflict: `policy-tie`.
    """
    at = server.clock()
    made = PolicyVersion(
        name=policy.name,
        version=(waiting_rows.newest_number(connection, policy.name) or 0) + 1,
        digest=policy.digest,
        text=text,
        author=author,
        reason=reason,
        created_at=at,
        approved_by=approved_by,
        draft=draft,
        backtest=backtest,
    )
    if not policies.add(connection, made):
        raise coded(Conflict, "policy-exists", f"policy {policy.name} is being imported by somebody else")
    told = event(
        Event.POLICY_PUBLISHED,
        {"name": made.name, "version": made.version, "digest": made.digest},
        project_id=None,
        actor=approved_by or author,
        at=at,
        subject=policy.digest,
    )
    outbox.tell(connection, told)
    policy_schedule.place(
        server, connection, made, policy, actor=approved_by or author, at=at, from_=in_force_from
    )
    return made


def demand_size(text: bytes) -> None:
    """Return when a policy may be so large.

    Raises:
        Refused: `policy-refused`.
    """
    if len(text) > MAX_POLICY_BYTES:
        raise coded(
            Refused, "policy-refused", f"the policy is {len(text):,} bytes; the limit is {MAX_POLICY_BYTES:,}"
        )


def demand_words(name: str, text: str) -> None:
    """Return when the text of a person can be kept.

    Raises:
        Refused: `bad-parameter`.
    """
    if len(text) > MAX_REASON_CHARS or not all(c.isprintable() or c in "\n\t" for c in text):
        raise coded(Refused, "bad-parameter", f"{name} is at most {MAX_REASON_CHARS} printable characters")


def _same_in_force(connection: Connection, policy: Policy, text: bytes) -> PolicyVersion | None:
    held = policies.in_force(connection, policy.name)
    return held if held is not None and (held.digest, held.text) == (policy.digest, text) else None


def _demand_no_approver(server: Server, connection: Connection) -> None:
    """Return while a policy may come in without a second person."""
    rules = server.rules
    if rules.policies_by_token:
        return
    if rules.approvers_log_in or people.hold_scope(connection, Scope.POLICY_APPROVE, server.clock()):
        raise coded(
            Denied,
            "policy-needs-review",
            "somebody here holds policy:approve, so a policy comes into force only when a second person "
            "approved it",
            hint="`gatekeeper policy draft FILE`, then `policy submit`; an administrator may set "
            "GATEKEEPER_POLICIES_BY_TOKEN=true instead",
        )


def _none(name: str) -> Exception:
    return coded(NotFound, "policy-not-found", f"there is no policy {name[:80]!r}")
