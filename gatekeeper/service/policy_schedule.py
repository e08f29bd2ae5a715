"""Putting a version of a policy in force: at once, or when its time has come, and not later.

A version that waits is not in force for anybody. Whoever asks after its time puts it in force first; the job
does it where nobody asks. Until then no answer at hand is valid beyond that time.
"""

from datetime import datetime

from gatekeeper.policy.model import Policy
from gatekeeper.recorded import Event, PolicyVersion
from gatekeeper.service.events import event
from gatekeeper.service.policy_resolve import apply_globs, demand_no_tie
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, policies
from gatekeeper.store import policy_schedule as waiting_rows
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection
from gatekeeper.store.policy_schedule import Waiting
from gatekeeper.store.statements import one_at_a_time

SYSTEM = "system"


def place(
    server: Server,
    connection: Connection,
    made: PolicyVersion,
    policy: Policy,
    *,
    actor: str,
    at: datetime,
    from_: datetime | None,
) -> None:
    """Put a version that was kept a moment ago in force, or let it wait until `from_`.

    The transaction holds `one_at_a_time`.

    Raises:
        Conflict: `policy-tie`.
    """
    demand_no_tie(connection, made.name, policy.applies_to)
    if from_ is not None and from_ > at:
        waiting = Waiting(name=made.name, version=made.version, at=from_, globs=policy.applies_to)
        waiting_rows.add(connection, waiting)
        waiting_rows.end_answers(connection, made.name, from_)
    else:
        _enter(server, connection, made, policy.applies_to, actor=actor, at=at)


def enter_due(server: Server) -> int:
    """Put in force whatever has come by now; how many versions that were.

    Raises:
        StoreUnavailable: the database cannot be used.
    """
    now = server.clock()
    if not server.database.read(lambda connection: waiting_rows.waiting(connection, until=now)):
        return 0

    def work(connection: Connection) -> int:
        one_at_a_time(connection)
        done = 0
        for one in waiting_rows.waiting(connection, until=now):
            version = policies.version(connection, one.name, one.version)
            assert version is not None  # noqa: S101 - versions are never taken away
            if _enter(server, connection, version, one.globs, actor=SYSTEM, at=now):
                _tell(connection, version, now)
                done += 1
        return done

    return server.database.write(work)


def _enter(
    server: Server,
    connection: Connection,
    version: PolicyVersion,
    globs: tuple[str, ...],
    *,
    actor: str,
    at: datetime,
) -> bool:
    """Let the version decide; False when a newer one does."""
    waiting_rows.settle(connection, version.name, version.version)
    in_force = policies.in_force(connection, version.name)
    if in_force is None or in_force.version != version.version:
        return False
    apply_globs(connection, version.name, globs, default=server.rules.default_policy, actor=actor, at=at)
    project_rows.publish(connection, version.name, version.digest)
    return True


def _tell(connection: Connection, version: PolicyVersion, at: datetime) -> None:
    told = event(
        Event.POLICY_IN_FORCE,
        {"name": version.name, "version": version.version, "digest": version.digest},
        project_id=None,
        actor=SYSTEM,
        at=at,
        subject=version.digest,
    )
    outbox.tell(connection, told)
