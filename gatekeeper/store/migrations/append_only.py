"""Triggers that refuse to change what was recorded, also for who has the database's password."""

from alembic import op

_FUNCTION = """\
CREATE FUNCTION gatekeeper_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP; END $$"""


def refuse(table: str, *operations: str) -> None:
    """Make the database refuse `operations` (UPDATE, DELETE, and on PostgreSQL TRUNCATE) on `table`."""
    for operation in operations:
        name = f"{table}_no_{operation.lower()}"
        if op.get_bind().dialect.name == "sqlite":
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {operation} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {operation} refused'); END"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {operation} ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION gatekeeper_append_only()"
            )
    if op.get_bind().dialect.name == "postgresql" and "DELETE" in operations:
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION gatekeeper_append_only()"
        )


def prepare() -> None:
    """The function behind the triggers, where one is needed."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)


def forget() -> None:
    """Take the function away; the triggers went with their tables."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION gatekeeper_append_only()")
