"""This artifact was built from this source: said once, by whoever built it."""

from dataclasses import dataclass

from gatekeeper.caller import Caller, Scope
from gatekeeper.project import Build, Project
from gatekeeper.recorded import Event
from gatekeeper.service import projects
from gatekeeper.service.errors import Conflict, NotFound, Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.server import Server
from gatekeeper.service.sources import demand_tree
from gatekeeper.service.submission import Submission, check, origin_of
from gatekeeper.store import builds, gate_states, outbox
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection

MAX_IMAGE_CHARS = 500


@dataclass(frozen=True, kw_only=True)
class Linked:
    """The link of an artifact; `is_new` is False when it was there already."""

    project: Project
    build: Build
    is_new: bool


def link(server: Server, caller: Caller, submission: Submission, image: str | None) -> Linked:
    """The link of `submission.artifact` to its source, on the disk.

    Raises:
        Conflict: `artifact-of-another-source`: the first link stands for ever.
        Denied, NotFound, Refused: as for evidence.
    """
    caller = authorize.demand(caller, Scope.EVIDENCE_WRITE)
    check(submission, max_parts=server.rules.max_upload_parts)
    if submission.artifact is None:
        raise coded(Refused, "bad-parameter", "artifact is missing", hint="artifact: sha256:<64 hex digits>")
    if image is not None and (not image.isprintable() or len(image) > MAX_IMAGE_CHARS):
        raise coded(Refused, "bad-parameter", f"image is at most {MAX_IMAGE_CHARS} printable characters")
    made = projects.of_first_job(server, caller, submission.project)
    artifact, at = submission.artifact, server.clock()

    def work(connection: Connection) -> Linked:
        project = made or projects.named(connection, caller, submission.project)
        project = project_rows.lock(connection, project.id)
        known = project_rows.tree_of(connection, project.id, submission.commit)
        origin = origin_of(caller, project, submission, known)
        held = builds.of_artifact(connection, project.id, artifact)
        if held is not None:
            return Linked(project=project, build=_same(held, origin.source.tree), is_new=False)
        demand_tree(connection, project, origin.source, is_proven=origin.tree_is_proven, at=at)
        build = Build(
            project_id=project.id,
            artifact=artifact,
            source=origin.source,
            image=image,
            provenance=origin.provenance,
            linked_at=at,
        )
        builds.add(connection, build)
        gate_states.touch(connection, project.id, tree=origin.source.tree, artifact=artifact, at=at)
        told = event(
            Event.BUILD_LINKED, build, project_id=project.id, actor=caller.principal, at=at, subject=artifact
        )
        outbox.tell(connection, told)
        return Linked(project=project, build=build, is_new=True)

    return server.database.write(work)


def get(server: Server, caller: Caller, project: str, artifact: str) -> tuple[Project, Build]:
    """The link of an artifact.

    Raises:
        Denied, NotFound: the caller may not read, or nobody linked it.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)

    def work(connection: Connection) -> tuple[Project, Build]:
        found = projects.named(connection, caller, project)
        build = builds.of_artifact(connection, found.id, artifact)
        if build is None:
            raise coded(
                NotFound,
                "build-not-found",
                f"nobody said from which source {artifact[:80]} was built",
                hint="`gatekeeper link --artifact ...` in the job that builds it",
            )
        return found, build

    return server.database.read(work)


def _same(held: Build, tree: str) -> Build:
    if held.source.tree != tree:
        raise coded(
            Conflict,
            "artifact-of-another-source",
            f"artifact {held.artifact} was built from tree {held.source.tree}, commit {held.source.commit}; "
            f"it cannot be linked to tree {tree}",
            hint="the first link stands; a rebuilt artifact has another digest",
        )
    return held
