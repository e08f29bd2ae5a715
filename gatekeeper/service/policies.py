"""Policies on the server: checked, numbered, immutable; the newest version is in force."""

from gatekeeper.caller import Caller, Scope
from gatekeeper.policy.load import PolicyRefused, Resolve, load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.policy.testing import run_tests
from gatekeeper.recorded import Event, PolicyVersion
from gatekeeper.resources import rules_folder
from gatekeeper.service.errors import Conflict, NotFound, Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.extended_policies import stored, stored_in
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, policies
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection
from gatekeeper.store.statements import one_at_a_time

MAX_POLICY_BYTES = 4 * 1024 * 1024
MAX_REASON_CHARS = 1_000
SYSTEM = "system"
"""Who brings the shipped policies in when a server is new."""


def publish(server: Server, caller: Caller, text: bytes, reason: str) -> tuple[PolicyVersion, bool]:
    """The version with this content, in force from now on, and whether it is new.

    Importing the content that is in force again changes nothing; an older content becomes a new version.

    Raises:
        Denied: the caller has no `policy:write`.
        PolicyRefused: it cannot decide, with every fault.
        Refused: a test of the file fails.
    """
    caller = authorize.demand(caller, Scope.POLICY_WRITE)
    if len(text) > MAX_POLICY_BYTES:
        raise coded(
            Refused, "policy-refused", f"the policy is {len(text):,} bytes; the limit is {MAX_POLICY_BYTES:,}"
        )
    if len(reason) > MAX_REASON_CHARS or not all(c.isprintable() or c in "\n\t" for c in reason):
        raise coded(Refused, "bad-parameter", f"reason is at most {MAX_REASON_CHARS} printable characters")
    policy = _checked(text, stored(server.database))

    def work(connection: Connection) -> tuple[PolicyVersion, bool]:
        one_at_a_time(connection)
        return _published(server, connection, policy, text, caller.principal, reason)

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
                    _published(server, connection, policy, text, SYSTEM, "shipped with Gatekeeper")[0]
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
) -> tuple[list[PolicyVersion], int | None]:
    """The versions of a policy, the newest first, and the cursor of the next page.

    Raises:
        NotFound: there is no such policy.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)
    found = server.database.read(
        lambda connection: policies.versions_page(connection, name, before=before, limit=limit + 1)
    )
    if not found and before is None:
        raise _none(name)
    return found[:limit], found[limit - 1].version if len(found) > limit else None


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


def _published(
    server: Server, connection: Connection, policy: Policy, text: bytes, author: str, reason: str
) -> tuple[PolicyVersion, bool]:
    newest = policies.in_force(connection, policy.name)
    if newest is not None and (newest.digest, newest.text) == (policy.digest, text):
        return newest, False
    at = server.clock()
    made = PolicyVersion(
        name=policy.name,
        version=newest.version + 1 if newest else 1,
        digest=policy.digest,
        text=text,
        author=author,
        reason=reason,
        created_at=at,
    )
    if not policies.add(connection, made):
        raise coded(Conflict, "policy-exists", f"policy {policy.name} is being imported by somebody else")
    project_rows.publish(connection, policy.name, policy.digest)
    told = event(
        Event.POLICY_PUBLISHED,
        {"name": made.name, "version": made.version, "digest": made.digest},
        project_id=None,
        actor=author,
        at=at,
        subject=policy.digest,
    )
    outbox.tell(connection, told)
    return made, True


def _none(name: str) -> Exception:
    return coded(NotFound, "policy-not-found", f"there is no policy {name[:80]!r}")
