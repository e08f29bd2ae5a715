"""Projects, and which tree a commit has. Every write of a use case begins with `lock`."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from gatekeeper.project import Project
from gatekeeper.store.convert import project_of, project_row
from gatekeeper.store.statements import insert_new, table

_PROJECT = table("project")
_COMMIT = table("source_commit")
_REVISION = table("subject_revision")


def add(connection: Connection, project: Project) -> bool:
    """Keep a new project; False when its path or provider id is taken."""
    return insert_new(connection, "project", project_row(project))


def by_path(connection: Connection, path: str) -> Project | None:
    """The project that has this path now."""
    row = connection.execute(select(_PROJECT).where(_PROJECT.c.path == path)).mappings().first()
    return project_of(row) if row else None


def by_id(connection: Connection, project_id: str) -> Project | None:
    """The project with this id."""
    row = connection.execute(select(_PROJECT).where(_PROJECT.c.id == project_id)).mappings().first()
    return project_of(row) if row else None


def by_provider(connection: Connection, issuer: str, provider_id: str) -> Project | None:
    """The project that a CI provider knows by this numeric id, whatever its path."""
    wanted = (_PROJECT.c.issuer == issuer) & (_PROJECT.c.provider_id == provider_id)
    row = connection.execute(select(_PROJECT).where(wanted)).mappings().first()
    return project_of(row) if row else None


def page(connection: Connection, *, path: str | None, after: str, limit: int) -> list[Project]:
    """Projects in the order of their paths, beginning after the path `after`."""
    wanted = select(_PROJECT).where(_PROJECT.c.path > after).order_by(_PROJECT.c.path).limit(limit)
    if path is not None:
        wanted = wanted.where(_PROJECT.c.path == path)
    return [project_of(row) for row in connection.execute(wanted).mappings()]


def lock(connection: Connection, project_id: str) -> Project:
    """The project as it is, with every other write of it waiting until this transaction ends."""
    wanted = select(_PROJECT).where(_PROJECT.c.id == project_id).with_for_update()
    return project_of(connection.execute(wanted).mappings().one())


def next_counter(connection: Connection, project_id: str) -> int:
    """The number of the next receipt: one more than the last, never given twice, never left out."""
    taken = (
        update(_PROJECT)
        .where(_PROJECT.c.id == project_id)
        .values(counter=_PROJECT.c.counter + 1)
        .returning(_PROJECT.c.counter)
    )
    return int(connection.execute(taken).scalar_one())


def change(connection: Connection, project_id: str, **values: str | bool | None) -> None:
    """Set `policy` with `policy_digest` and `is_assigned`, or `issuer` with `provider_id`."""
    connection.execute(update(_PROJECT).where(_PROJECT.c.id == project_id).values(**values))


def publish(connection: Connection, policy: str, digest: str) -> int:
    """Let the projects of `policy` be judged by the version with `digest`; how many there are."""
    done = connection.execute(
        update(_PROJECT).where(_PROJECT.c.policy == policy).values(policy_digest=digest)
    )
    return done.rowcount


def tree_of(connection: Connection, project_id: str, commit: str) -> tuple[str, bool] | None:
    """The tree that `commit` has, and whether the commit object itself was shown; None when nobody said."""
    wanted = select(_COMMIT.c.tree, _COMMIT.c.is_proven).where(
        (_COMMIT.c.project_id == project_id) & (_COMMIT.c.commit == commit)
    )
    row = connection.execute(wanted).first()
    return (row[0], row[1]) if row else None


def tell_tree(
    connection: Connection,
    project_id: str,
    commit: str,
    tree: str,
    *,
    known: tuple[str, bool] | None,
    is_proven: bool,
    at: datetime,
) -> str:
    """Note that `commit` has `tree`, unless another one is `known`, as `tree_of` said; its tree afterwards.

    A proof replaces a claim. A claim never replaces anything.
    """
    if known is None:
        values = {"project_id": project_id, "commit": commit, "tree": tree}
        insert_new(connection, "source_commit", values | {"is_proven": is_proven, "created_at": at})
        return tree
    if is_proven and not known[1]:
        connection.execute(
            update(_COMMIT)
            .where((_COMMIT.c.project_id == project_id) & (_COMMIT.c.commit == commit))
            .values(tree=tree, is_proven=True)
        )
        return tree
    return known[0]


def keys_of(tree: str, artifact: str) -> list[str]:
    """The revision keys of a subject: that of its source, and that of its artifact."""
    return [key for key in (f"t:{tree}" if tree else "", f"a:{artifact}" if artifact else "") if key]


def revision(connection: Connection, project_id: str, tree: str, artifact: str) -> str:
    """A text that changes with every write that a question about this subject may see."""
    keys = keys_of(tree, artifact)
    wanted = select(_REVISION.c.key, _REVISION.c.revision).where(
        (_REVISION.c.project_id == project_id) & _REVISION.c.key.in_(keys)
    )
    found: dict[str, int] = {row[0]: row[1] for row in connection.execute(wanted)}
    return ".".join(str(found.get(key, 0)) for key in keys) + f"@{generation(connection, project_id)}"


def generation(connection: Connection, project_id: str) -> int:
    """How often something changed that concerns every subject of the project."""
    wanted = select(_PROJECT.c.generation).where(_PROJECT.c.id == project_id)
    return int(connection.execute(wanted).scalar_one())
