"""A backtest over what this server recorded: ordered by a caller, done by a job, read when it is done.

The job's argument names everything; its result is a blob, whose digest is the last thing that the job says of
itself. So there is no table, and a job that is done twice says the same.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.policy.backtest import Retried, counted, retried
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.replay import policy_document, policy_from
from gatekeeper.service import history, projects
from gatekeeper.service.errors import NotFound, Refused, Unavailable, coded
from gatekeeper.service.extended_policies import stored
from gatekeeper.service.identity import authorize
from gatekeeper.service.jobs.work import Job
from gatekeeper.service.policies import MAX_POLICY_BYTES
from gatekeeper.service.ports import Jobs
from gatekeeper.service.server import Server

JOB = "backtest"
DEFAULT_LAST = 500
MAX_LAST = 20_000
_TELL_EVERY = 50


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a job is told: the policy as a blob, and which decisions of whose reach."""

    digest: str
    globs: tuple[str, ...]
    project: str | None
    since: datetime | None
    last: int


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a job says of itself."""

    done: int
    of: int
    result: str | None = None
    """SHA-256 of the blob with the `Backtest`."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a backtest is. `result` is its JSON once it is done."""

    id: str
    state: str
    """`queued`, `running`, `done`, `failed` or `cancelled`."""
    done: int
    of: int | None
    result: bytes | None


def order(
    server: Server,
    jobs: Jobs,
    caller: Caller,
    name: str,
    text: bytes,
    *,
    project: str | None,
    since: datetime | None,
    last: int,
) -> str:
    """The id of the job that tries the policy in `text` on the newest `last` decisions in the caller's reach.

    Raises:
        Denied, NotFound: no `audit:read`; the project is not in reach.
        PolicyRefused, Refused: the policy cannot decide, or is not the one that the path names.
        Unavailable: nothing was queued.
    """
    caller = authorize.demand(caller, Scope.AUDIT_READ)
    if len(text) > MAX_POLICY_BYTES:
        raise coded(
            Refused, "policy-refused", f"the policy is {len(text):,} bytes; the limit is {MAX_POLICY_BYTES:,}"
        )
    policy = load_policy(text, file="policy", resolve=stored(server.database))
    if policy.name != name:
        raise coded(Refused, "bad-parameter", f"the file is of policy {policy.name}, not {name}")
    if project is not None:
        server.database.read(lambda connection: projects.named(connection, caller, project))
    server.blobs.put(policy_document(policy))
    wanted = Order(digest=policy.digest, globs=caller.projects, project=project, since=since, last=last)
    argument = msgspec.json.encode(wanted, order="sorted").decode()
    return jobs.enqueue(JOB, f"{caller.principal} {argument}", argument)


def run(server: Server, job: Job) -> None:
    """Do what was ordered. Holds a line for each decision, and a few decisions at a time.

    Raises:
        Unavailable: the policy, the database or the blobs cannot be read; the job is `failed`.
    """
    wanted = msgspec.json.decode(job.argument, type=Order)
    data = server.blobs.get(wanted.digest.removeprefix("sha256:"))
    policy = policy_from(data, digest=wanted.digest) if data is not None else None
    if policy is None:
        raise Unavailable(f"the policy {wanted.digest} to try is not in the blob store")
    reach = Caller(principal=JOB, method=Method.TOKEN, scopes=frozenset(), projects=wanted.globs)
    ids = history.newest(
        server,
        lambda one: reach.reaches(one.path),
        project=wanted.project,
        since=wanted.since,
        last=wanted.last,
    )
    done: list[Retried] = []
    _tell(job, len(done), len(ids))
    for one in retried(policy, history.kept(server, ids), history.ServerLibrary(server)):
        done.append(one)
        if len(done) % _TELL_EVERY == 0:
            _tell(job, len(done), len(ids))
            if job.stopping():
                raise Unavailable("the worker stops; order the backtest again")
    result = server.blobs.put(msgspec.json.encode(counted(policy, done)))
    _tell(job, len(done), len(ids), result)


def standing(server: Server, jobs: Jobs, caller: Caller, job_id: str) -> Standing:
    """How far the backtest is, with its result.

    Raises:
        Denied: no `audit:read`.
        NotFound: there is none of this id, or it is about projects that the caller does not reach.
    """
    caller = authorize.demand(caller, Scope.AUDIT_READ)
    state, said = jobs.status(job_id), _said(jobs.progress(job_id))
    if state == "unknown" or (said is None and state == "done"):
        raise _none(job_id)
    result = server.blobs.get(said.result) if said is not None and said.result is not None else None
    if result is not None and not _is_shown(result, caller):
        raise _none(job_id)
    return Standing(
        id=job_id,
        state="running" if state == "done" and result is None else state,
        done=said.done if said else 0,
        of=said.of if said else None,
        result=result if state == "done" else None,
    )


class _Project(msgspec.Struct, frozen=True):
    name: str


class _Projects(msgspec.Struct, frozen=True):
    projects: tuple[_Project, ...]


def _is_shown(result: bytes, caller: Caller) -> bool:
    """True when the caller reaches every project in it; an empty one tells nothing."""
    return all(caller.reaches(one.name) for one in msgspec.json.decode(result, type=_Projects).projects)


def _tell(job: Job, done: int, of: int, result: str | None = None) -> None:
    job.tell(msgspec.json.encode(Said(done=done, of=of, result=result)).decode())


def _said(text: str | None) -> Said | None:
    try:
        return msgspec.json.decode(text, type=Said) if text else None
    except msgspec.MsgspecError:
        return None


def _none(job_id: str) -> Exception:
    return coded(NotFound, "backtest-not-found", f"there is no backtest {job_id[:80]!r} in reach")
