"""Projects, receipts, sets, builds, decisions, findings, tokens, and the outbox of the ledger."""

import sqlalchemy as sa
from alembic import op

from gatekeeper.store.migrations import append_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "ledger_outbox",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payload_sha256", sa.Text(), nullable=False),
        sa.Column("payload_size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_outbox")),
    )
    op.create_table(
        "policy_version",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_policy_version")),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_digest", sa.Text(), nullable=True),
        sa.Column("default_ref", sa.Text(), nullable=False),
        sa.Column("protected_refs", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("counter", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("issuer", "provider_id", name=op.f("uq_project_issuer_provider_id")),
        sa.UniqueConstraint("path", name=op.f("uq_project_path")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("projects", sa.Text(), nullable=False),
        sa.Column("refs", sa.Text(), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("is_bootstrap", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
    )
    op.create_table(
        "build",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("provenance", sa.Text(), nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_build_project_id")),
        sa.PrimaryKeyConstraint("project_id", "artifact", name=op.f("pk_build")),
    )
    with op.batch_alter_table("build", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_build_project_id_tree"), ["project_id", "tree"], unique=False)

    op.create_table(
        "decision",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("policy_name", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("policy_digest", sa.Text(), nullable=False),
        sa.Column("baseline_digest", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Text(), nullable=True),
        sa.Column("is_protected", sa.Boolean(), nullable=False),
        sa.Column("as_baseline", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("inputs", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_decision_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_decision_project_id_artifact_stage"),
            ["project_id", "artifact", "stage"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_decision_project_id_stage_recorded_at"),
            ["project_id", "stage", "recorded_at"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_decision_project_id_tree_stage"), ["project_id", "tree", "stage"], unique=False
        )

    op.create_table(
        "decision_count",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_decision_count_project_id")),
        sa.PrimaryKeyConstraint("project_id", "stage", "outcome", name=op.f("pk_decision_count")),
    )
    op.create_table(
        "evaluation_due",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_evaluation_due_project_id")),
        sa.PrimaryKeyConstraint("project_id", "key", "due_at", name=op.f("pk_evaluation_due")),
    )
    with op.batch_alter_table("evaluation_due", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evaluation_due_due_at"), ["due_at"], unique=False)

    op.create_table(
        "evidence_set",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=True),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_evidence_set_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_set")),
        sa.UniqueConstraint(
            "project_id",
            "tree",
            "name",
            "sender",
            "run",
            "attempt",
            name=op.f("uq_evidence_set_project_id_tree_name_sender_run_attempt"),
        ),
    )
    op.create_table(
        "finding_summary",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("open", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_finding_summary_project_id")),
        sa.PrimaryKeyConstraint("project_id", "kind", "severity", name=op.f("pk_finding_summary")),
    )
    op.create_table(
        "gate_state",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("policy_digest", sa.Text(), nullable=False),
        sa.Column("baseline_digest", sa.Text(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=True),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_gate_state_project_id")),
        sa.PrimaryKeyConstraint("project_id", "stage", "key", name=op.f("pk_gate_state")),
    )
    with op.batch_alter_table("gate_state", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_gate_state_project_id_artifact"), ["project_id", "artifact"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_gate_state_project_id_tree"), ["project_id", "tree"], unique=False
        )

    op.create_table(
        "source_commit",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("is_proven", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_source_commit_project_id")),
        sa.PrimaryKeyConstraint("project_id", "commit", name=op.f("pk_source_commit")),
    )
    with op.batch_alter_table("source_commit", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_source_commit_project_id_tree"), ["project_id", "tree"], unique=False
        )

    op.create_table(
        "stage_state",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("newest_tree", sa.Text(), nullable=False),
        sa.Column("newest_decision", sa.Text(), nullable=False),
        sa.Column("newest_digest", sa.Text(), nullable=False),
        sa.Column("other_decision", sa.Text(), nullable=False),
        sa.Column("other_digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_stage_state_project_id")),
        sa.PrimaryKeyConstraint("project_id", "stage", name=op.f("pk_stage_state")),
    )
    op.create_table(
        "subject_revision",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_subject_revision_project_id")),
        sa.PrimaryKeyConstraint("project_id", "key", name=op.f("pk_subject_revision")),
    )
    op.create_table(
        "tracked_finding",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("package", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("advisories", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("fixed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_tracked_finding_project_id")),
        sa.PrimaryKeyConstraint(
            "project_id", "kind", "name", "job", "fingerprint", name=op.f("pk_tracked_finding")
        ),
    )
    with op.batch_alter_table("tracked_finding", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_tracked_finding_project_id_fixed_at_kind_severity"),
            ["project_id", "fixed_at", "kind", "severity"],
            unique=False,
        )

    op.create_table(
        "finding_advisory",
        sa.Column("advisory", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "kind", "name", "job", "fingerprint"],
            [
                "tracked_finding.project_id",
                "tracked_finding.kind",
                "tracked_finding.name",
                "tracked_finding.job",
                "tracked_finding.fingerprint",
            ],
            name=op.f("fk_finding_advisory_project_id_kind_name_job_fingerprint"),
        ),
        sa.PrimaryKeyConstraint(
            "advisory", "project_id", "kind", "name", "job", "fingerprint", name=op.f("pk_finding_advisory")
        ),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("fork", sa.Text(), nullable=True),
        sa.Column("set_id", sa.Text(), nullable=True),
        sa.Column("part", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stored_sha256", sa.Text(), nullable=True),
        sa.Column("record_sha256", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("document_digest", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("metrics", sa.Text(), nullable=False),
        sa.Column("producer", sa.Text(), nullable=True),
        sa.Column("produced_at", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("ref_protected", sa.Boolean(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("provider_job", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_receipt_project_id")),
        sa.ForeignKeyConstraint(["set_id"], ["evidence_set.id"], name=op.f("fk_receipt_set_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("project_id", "counter", name=op.f("uq_receipt_project_id_counter")),
    )
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_receipt_project_id_artifact_counter"),
            ["project_id", "artifact", "counter"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_receipt_project_id_sha256"), ["project_id", "sha256"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_receipt_project_id_tree_counter"), ["project_id", "tree", "counter"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_receipt_set_id"), ["set_id"], unique=False)

    op.create_table(
        "slot",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("current_id", sa.Text(), nullable=False),
        sa.Column("newest_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["current_id"], ["receipt.id"], name=op.f("fk_slot_current_id")),
        sa.ForeignKeyConstraint(["newest_id"], ["receipt.id"], name=op.f("fk_slot_newest_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_slot_project_id")),
        sa.PrimaryKeyConstraint(
            "project_id", "tree", "artifact", "kind", "name", "job", name=op.f("pk_slot")
        ),
    )
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_slot_project_id_artifact"), ["project_id", "artifact"], unique=False
        )
    append_only.prepare()
    for table in ("receipt", "build", "decision", "policy_version"):
        append_only.refuse(table, "UPDATE", "DELETE")
    append_only.refuse("ledger_outbox", "UPDATE")


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_slot_project_id_artifact"))

    op.drop_table("slot")
    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_receipt_set_id"))
        batch_op.drop_index(batch_op.f("ix_receipt_project_id_tree_counter"))
        batch_op.drop_index(batch_op.f("ix_receipt_project_id_sha256"))
        batch_op.drop_index(batch_op.f("ix_receipt_project_id_artifact_counter"))

    op.drop_table("receipt")
    op.drop_table("finding_advisory")
    with op.batch_alter_table("tracked_finding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tracked_finding_project_id_fixed_at_kind_severity"))

    op.drop_table("tracked_finding")
    op.drop_table("subject_revision")
    op.drop_table("stage_state")
    with op.batch_alter_table("source_commit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_source_commit_project_id_tree"))

    op.drop_table("source_commit")
    with op.batch_alter_table("gate_state", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gate_state_project_id_tree"))
        batch_op.drop_index(batch_op.f("ix_gate_state_project_id_artifact"))

    op.drop_table("gate_state")
    op.drop_table("finding_summary")
    op.drop_table("evidence_set")
    with op.batch_alter_table("evaluation_due", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evaluation_due_due_at"))

    op.drop_table("evaluation_due")
    op.drop_table("decision_count")
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decision_project_id_tree_stage"))
        batch_op.drop_index(batch_op.f("ix_decision_project_id_stage_recorded_at"))
        batch_op.drop_index(batch_op.f("ix_decision_project_id_artifact_stage"))

    op.drop_table("decision")
    with op.batch_alter_table("build", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_build_project_id_tree"))

    op.drop_table("build")
    op.drop_table("token")
    op.drop_table("project")
    op.drop_table("policy_version")
    op.drop_table("ledger_outbox")
    append_only.forget()
