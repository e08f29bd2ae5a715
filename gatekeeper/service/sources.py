"""Which tree a commit has: told once, corrected only by proof."""

from datetime import datetime

from gatekeeper.project import Project
from gatekeeper.service.errors import Conflict, coded
from gatekeeper.store import gate_states
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection
from gatekeeper.subject import Source


def demand_tree(
    connection: Connection, project: Project, source: Source, *, is_proven: bool, at: datetime
) -> None:
    """Note the tree of the commit, and return when no other one is known for it.

    When a proof puts another tree in the place of a claimed one, what was answered for the commit falls.

    Raises:
        Conflict: `commit-of-another-tree`.
    """
    commit = source.commit or ""
    before = project_rows.tree_of(connection, project.id, commit)
    known = project_rows.tell_tree(
        connection, project.id, commit, source.tree, known=before, is_proven=is_proven, at=at
    )
    if known != source.tree:
        raise coded(
            Conflict,
            "commit-of-another-tree",
            f"commit {commit} has the tree {known} here, not {source.tree}",
            hint="send the part `commit` with the output of `git cat-file commit`, which proves the tree",
        )
    if before is not None and before[0] != known:
        gate_states.touch(connection, project.id, tree=before[0], artifact="", at=at)
