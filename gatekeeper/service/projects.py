"""Projects: made on purpose, or by the first job of a registered group; found by identity before path."""

from fnmatch import fnmatchcase

import msgspec

from gatekeeper.caller import Caller, Claims, Scope
from gatekeeper.project import Project
from gatekeeper.recorded import Event
from gatekeeper.service import policy_resolve
from gatekeeper.service.errors import Conflict, NotFound, Refused, ServiceError, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.server import Server
from gatekeeper.store import outbox, policies, projects
from gatekeeper.store.database import Connection
from gatekeeper.store.statements import one_at_a_time
from gatekeeper.subject import Subject

MAX_PATH_CHARS = 200


def create(
    server: Server,
    caller: Caller,
    *,
    path: str,
    policy: str | None = None,
    default_ref: str = "main",
    protected_refs: tuple[str, ...] = ("main",),
    issuer: str | None = None,
    provider_id: str | None = None,
) -> tuple[Project, bool]:
    """The project, and whether it is new. Asking again for the same one changes nothing.

    With an issuer for a project that has none, the jobs of that CI project may speak for it from now on.

    Raises:
        Denied, Refused, NotFound: the caller may not, the path is none, there is no such policy.
        Conflict: the path, or the provider's id, belongs to another project.
    """
    caller = authorize.demand(caller, Scope.PROJECT_CREATE)
    authorize.demand_path(caller, path)
    demand_path_is_one(path)
    if (issuer is None) != (provider_id is None):
        raise coded(Refused, "bad-parameter", "issuer and provider_id go together")
    at = server.clock()

    def work(connection: Connection) -> tuple[Project, bool]:
        wanted = Project(
            id=new_id("prj", at),
            path=path,
            policy=policy or "",
            is_assigned=policy is not None,
            default_ref=default_ref,
            protected_refs=tuple(sorted(set(protected_refs))),
            issuer=issuer,
            provider_id=provider_id,
            policy_digest=None,
            created_at=at,
        )
        one_at_a_time(connection)
        return _added(server, connection, wanted, caller.principal)

    return server.database.write(work)


def assign_policy(server: Server, caller: Caller, project_id: str, policy: str) -> Project:
    """The project, judged by `policy` from now on.

    Raises:
        Denied, NotFound: the caller may not; there is no such project or policy.
    """
    caller = authorize.demand(caller, Scope.POLICY_WRITE)
    at = server.clock()

    def work(connection: Connection) -> Project:
        one_at_a_time(connection)  # a version that is published meanwhile would pass this project by
        project = visible(caller, projects.by_id(connection, project_id))
        project = projects.lock(connection, project.id)
        version = policies.in_force(connection, policy)
        if version is None:
            raise no_such_policy(policy)
        projects.change(connection, project.id, policy=policy, policy_digest=version.digest, is_assigned=True)
        changed = projects.lock(connection, project.id)
        if changed != project:
            told = event(
                Event.POLICY_ASSIGNED, changed, project_id=project.id, actor=caller.principal, at=at,
                subject=version.digest,
            )  # fmt: skip
            outbox.tell(connection, told)
        return changed

    return server.database.write(work)


def get(server: Server, caller: Caller, project_id: str) -> Project:
    """The project.

    Raises:
        Denied, NotFound: as `visible`.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)
    return server.database.read(lambda connection: visible(caller, projects.by_id(connection, project_id)))


def page(
    server: Server, caller: Caller, *, path: str | None, after: str, limit: int
) -> tuple[list[Project], str | None]:
    """Projects that the caller reaches, by path, and the cursor of the next page."""
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[list[Project], str | None]:
        found: list[Project] = []
        start = after
        while True:
            batch = projects.page(connection, path=path, after=start, limit=limit + 1)
            found += [project for project in batch if is_reached(caller, project)]
            if len(found) > limit:
                return found[:limit], found[limit - 1].path
            if len(batch) <= limit:
                return found, None
            start = batch[-1].path

    return server.database.read(work)


def is_reached(caller: Caller, project: Project) -> bool:
    """True when the caller may know of the project."""
    if caller.claims is not None:
        return (project.issuer, project.provider_id) == (caller.claims.issuer, caller.claims.project_id)
    return caller.reaches(project.path)


def visible(caller: Caller, project: Project | None) -> Project:
    """The project, when there is one and the caller reaches it; both failures read the same.

    Raises:
        NotFound: `project-not-found`.
    """
    if project is None or not is_reached(caller, project):
        raise coded(NotFound, "project-not-found", "there is no such project in the reach of this caller")
    return project


def named(connection: Connection, caller: Caller, path: str) -> Project:
    """The project that `path` means for this caller: for a job that of its identity, whatever it is called.

    Raises:
        Denied: the caller does not reach it.
        NotFound: `project-not-found`, with how to make it.
    """
    authorize.demand_path(caller, path)
    found = projects.by_path(connection, path)
    claims = caller.claims
    if claims is not None:
        mine = projects.by_provider(connection, claims.issuer, claims.project_id)
        if mine is not None and path in (mine.path, claims.project_path):
            return mine
        authorize.demand_project(
            caller, path, found.issuer if found else None, found.provider_id if found else None
        )
    if found is None:
        raise coded(
            NotFound,
            "project-not-found",
            f"there is no project {path!r}",
            hint="make it with `gatekeeper project create`, or by the first upload of a CI job in a "
            "registered group",
        )
    return found


def upstream(connection: Connection, caller: Caller, path: str, fork: str) -> Project:
    """The project `path`, for a job of its fork `fork`: what it sends there, no stage ever reads.

    Raises:
        Denied: the job is not of that fork, or the project is of another provider.
    """
    claims = caller.claims
    found = projects.by_path(connection, path)
    if found is None or claims is None or fork != claims.project_path or found.issuer != claims.issuer:
        authorize.demand_project(caller, path, None, None)
        raise coded(NotFound, "project-not-found", f"there is no project {path!r}")
    return found


def of_first_job(server: Server, caller: Caller, path: str) -> Project | None:
    """The project that this job makes by its first upload; None when it is there, or may not be made."""
    claims = caller.claims
    if claims is None or path != claims.project_path:
        return None
    if not any(
        issuer == claims.issuer and fnmatchcase(claims.project_path, glob)
        for issuer, glob in server.rules.groups
    ):
        return None
    if server.database.read(lambda connection: _is_taken(connection, claims, path)):
        return None
    at = server.clock()

    def work(connection: Connection) -> Project | None:
        one_at_a_time(connection)
        if _is_taken(connection, claims, path):  # by another job of the same pipeline, a moment ago
            return None
        wanted = Project(
            id=new_id("prj", at),
            path=path,
            policy="",
            is_assigned=False,
            default_ref="main",
            protected_refs=(),
            issuer=claims.issuer,
            provider_id=claims.project_id,
            created_at=at,
        )
        return _added(server, connection, wanted, caller.principal)[0]

    return server.database.write(work)


def _is_taken(connection: Connection, claims: Claims, path: str) -> bool:
    """True when the project is there already, or its path is somebody else's."""
    mine = projects.by_provider(connection, claims.issuer, claims.project_id)
    return mine is not None or projects.by_path(connection, path) is not None


def demand_path_is_one(path: str) -> None:
    """Return when `path` can be a project's.

    Raises:
        Refused: `bad-parameter`.
    """
    try:
        Subject(project=path)
    except ValueError as error:
        raise coded(Refused, "bad-parameter", str(error)) from error
    if len(path) > MAX_PATH_CHARS:
        raise coded(
            Refused,
            "bad-parameter",
            f"the project path has {len(path)} characters; the limit is {MAX_PATH_CHARS}",
        )


def no_such_policy(name: str) -> ServiceError:
    """The refusal of a policy that is not there."""
    return coded(
        NotFound,
        "policy-not-found",
        f"there is no policy {name!r}",
        hint="import it first: `gatekeeper policy import FILE`",
    )


def _added(server: Server, connection: Connection, wanted: Project, actor: str) -> tuple[Project, bool]:
    """The project, and whether it is new. Without a choice it gets the policy that applies to its path."""
    held = projects.by_path(connection, wanted.path)
    if held is None and wanted.issuer is not None and wanted.provider_id is not None:
        held = projects.by_provider(connection, wanted.issuer, wanted.provider_id)
    if held is not None and held.issuer is None and wanted.issuer is not None:
        return _linked(connection, held, wanted, actor), False
    if held is not None:
        return _same_as(held, wanted), False
    policy = wanted.policy
    if not wanted.is_assigned:
        policy = policy_resolve.of_path(connection, wanted.path, server.rules.default_policy).policy
    version = policies.in_force(connection, policy)
    if version is None:
        raise no_such_policy(policy)
    new = msgspec.structs.replace(wanted, policy=policy, policy_digest=version.digest)
    if not projects.add(connection, new):
        raise coded(Conflict, "project-exists", f"project {wanted.path!r} is being made by somebody else")
    told = event(
        Event.PROJECT_CREATED, new, project_id=new.id, actor=actor, at=new.created_at, subject=new.id
    )
    outbox.tell(connection, told)
    return new, True


def _linked(connection: Connection, held: Project, wanted: Project, actor: str) -> Project:
    """The project, known to a CI provider from now on: its jobs may speak for it."""
    held = projects.lock(connection, held.id)
    changed = msgspec.structs.replace(held, issuer=wanted.issuer, provider_id=wanted.provider_id)
    _same_as(changed, wanted)
    if projects.by_provider(connection, wanted.issuer or "", wanted.provider_id or "") is not None:
        raise coded(
            Conflict,
            "path-taken",
            f"{wanted.issuer} knows another project here by the id {wanted.provider_id}",
        )
    projects.change(connection, held.id, issuer=wanted.issuer, provider_id=wanted.provider_id)
    told = event(
        Event.PROJECT_CHANGED, changed, project_id=held.id, actor=actor, at=wanted.created_at, subject=held.id
    )
    outbox.tell(connection, told)
    return changed


def _same_as(held: Project, wanted: Project) -> Project:
    chosen = ("policy",) if wanted.is_assigned else ()
    for field in ("path", *chosen, "default_ref", "protected_refs", "issuer", "provider_id"):
        if getattr(held, field) != getattr(wanted, field):
            code = "path-taken" if field in ("issuer", "provider_id") else "project-exists"
            raise coded(
                Conflict,
                code,
                f"project {wanted.path!r} exists with another {field.replace('_', ' ')}: "
                f"{getattr(held, field)!r}",
                hint="a path that was given to another repository needs a new path here"
                if code == "path-taken"
                else "its policy is changed with PUT /projects/{id}/policy",
            )
    return held
