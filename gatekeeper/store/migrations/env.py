"""Alembic's entry: runs the migrations on the connection that `upgrade` and `downgrade` hand over."""

from alembic import context

from gatekeeper.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
