"""Judging again what changed: the job behind "the answer of the gate is always of now".

What is due stands in a table, written with the change itself, so no job that is lost, killed or run twice can
lose or double anything: a row goes away only in a transaction that follows its effect.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

from gatekeeper.errors import GatekeeperError
from gatekeeper.project import Project
from gatekeeper.recorded import GateState
from gatekeeper.service.decide import answer_about, record_about
from gatekeeper.service.errors import Unavailable
from gatekeeper.service.questions import Known, known_about
from gatekeeper.service.server import Server
from gatekeeper.store import builds, gate_states
from gatekeeper.store import projects as project_rows
from gatekeeper.store.blobs import BlobDamaged
from gatekeeper.store.database import Connection
from gatekeeper.store.errors import RowDamaged, StoreUnavailable
from gatekeeper.subject import Source, Subject

JOB = "reevaluate"
WORKER = "system:worker"
BATCH = 1000
"""Changes looked at together: a subject that changed often among them is judged once."""
AGAIN = timedelta(minutes=1)
_log = logging.getLogger(__name__)


def sweep(server: Server, *, stopping: Callable[[], bool] = lambda: False) -> int:
    """Judge again every subject that is due; how many there were. `stopping` is asked before each of them.

    One whose document is lost or damaged is due again a minute later: it must not keep the others waiting.

    Raises:
        StoreUnavailable, BlobsUnavailable: the database or the blobs cannot be used; the rest stays due.
    """
    done = 0
    while due := _due(server):
        for (project_id, key), moments in due.items():
            if stopping():
                return done
            try:
                refresh(server, project_id, key)
            except (Unavailable, BlobDamaged, RowDamaged) as error:
                _log.warning("%s of project %s cannot be judged: %s", key, project_id, error.message)
                _settle(server, project_id, key, moments, again_at=server.clock() + AGAIN)
            else:
                _settle(server, project_id, key, moments)
            done += 1
    return done


def refresh(server: Server, project_id: str, key: str) -> None:
    """Answer again whatever was asked about the subjects of `key`; record a decision where it differs.

    Raises:
        Unavailable, BlobDamaged, RowDamaged: what it would be judged by is lost or damaged.
        StoreUnavailable, BlobsUnavailable: the database or the blobs cannot be used.
    """
    asked = server.database.read(lambda connection: gate_states.asked(connection, project_id, key))
    for one in asked:
        try:
            _answer(server, one)
        except StoreUnavailable:
            raise
        except GatekeeperError as error:
            if error.code == "unavailable":
                raise
            # A stage that the policy no longer has: whoever asks is told so.


def _answer(server: Server, asked: GateState) -> None:
    def work(connection: Connection) -> Known | None:
        project = project_rows.by_id(connection, asked.project_id)
        if project is None or (subject := _subject(connection, project, asked)) is None:
            return None
        return known_about(server, connection, project, subject, asked.stage)

    found = server.database.read(work)
    if found is not None and not record_about(server, found, WORKER):
        answer_about(server, found)


def _subject(connection: Connection, project: Project, asked: GateState) -> Subject | None:
    """What the same question is about now: a link or a proof may have given it another source since."""
    told = project_rows.tree_of(connection, project.id, asked.commit) if asked.commit else None
    tree, commit = told[0] if told is not None else "", asked.commit
    if not asked.artifact:
        return Subject(project=project.path, source=Source(tree=tree, commit=commit)) if tree else None
    link = builds.of_artifact(connection, project.id, asked.artifact)
    if link is None:
        return Subject(project=project.path, artifact=asked.artifact)
    source = Source(tree=tree, commit=commit) if tree == link.source.tree else link.source
    return Subject(project=project.path, source=source, artifact=asked.artifact)


def _due(server: Server) -> dict[tuple[str, str], list[datetime]]:
    """What is due by subject, with the moments that made it so."""
    now = server.clock()
    found: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for project_id, key, at in server.database.read(
        lambda connection: gate_states.due(connection, now, BATCH)
    ):
        found[project_id, key].append(at)
    return found


def _settle(
    server: Server, project_id: str, key: str, moments: list[datetime], *, again_at: datetime | None = None
) -> None:
    def work(connection: Connection) -> None:
        if again_at is not None:
            gate_states.make_due(connection, project_id, key, again_at)
        for at in moments:
            gate_states.settle(connection, project_id, key, at)

    server.database.write(work)
