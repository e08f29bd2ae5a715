"""Policies on their way: drafts, versions that wait for their time, and whom a policy applies to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

_OF_VERSION = ("approved_by", "draft", "backtest")


def upgrade() -> None:
    """Forward. Projects that are there keep the policy that they have, as if somebody had chosen it."""
    op.add_column("project", sa.Column("is_assigned", sa.Boolean(), nullable=False, server_default=sa.true()))
    for name in _OF_VERSION:
        op.add_column("policy_version", sa.Column(name, sa.Text(), nullable=True))
    op.create_table(
        "policy_draft",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("based_on", sa.Integer(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("checked", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("in_force_from", sa.BigInteger(), nullable=True),
        sa.Column("authors", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("judged_by", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("backtest", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_draft")),
    )
    op.create_index(op.f("ix_policy_draft_policy"), "policy_draft", ["policy"], unique=False)
    op.create_table(
        "policy_schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("globs", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_policy_schedule")),
    )
    op.create_index(op.f("ix_policy_schedule_at"), "policy_schedule", ["at"], unique=False)
    op.create_table(
        "policy_glob",
        sa.Column("glob", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("glob", "policy", name=op.f("pk_policy_glob")),
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("policy_glob")
    op.drop_index(op.f("ix_policy_schedule_at"), table_name="policy_schedule")
    op.drop_table("policy_schedule")
    op.drop_index(op.f("ix_policy_draft_policy"), table_name="policy_draft")
    op.drop_table("policy_draft")
    for name in reversed(_OF_VERSION):
        op.drop_column("policy_version", name)
    op.drop_column("project", "is_assigned")
