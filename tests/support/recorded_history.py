"""Decisions as a server records them, made by hand: policies, documents and what a replay needs of each."""

from datetime import UTC, datetime, timedelta
from textwrap import dedent, indent

from gatekeeper.canonical import canonical_bytes, digest, digest_of_bytes
from gatekeeper.cli.export_folder import ExportWriter
from gatekeeper.evidence import (
    Baseline,
    Evidence,
    EvidenceDocument,
    Kind,
    Producer,
    Provenance,
    Ratio,
    State,
    Trust,
    Value,
)
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import evidence_inputs, inputs_for
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.policy.replay import KeptDecision, policy_document
from gatekeeper.subject import Source, Subject

AT = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SOURCE = Source(tree="1" * 40)
STAGES = "stages: [develop, test]"
OLD = """
- {id: coverage, metric: coverage.line, pass: ">= 70", warn: ">= 60"}
- {id: no-failed, metric: tests.failed, pass: "== 0"}
- {id: no-errors, metric: tests.errors, pass: "== 0"}
- {id: tests-ran, metric: tests.passed, pass: ">= 1"}
"""


def policy_text(rules: str, top: str = STAGES) -> bytes:
    """A policy file with these rules and top-level keys."""
    head = "schema: gatekeeper/v1\npolicy: example\nowner: security\n"
    return (head + top + "\nrules:\n" + indent(dedent(rules).strip(), "  ") + "\n").encode()


def policy_of(rules: str, top: str = STAGES) -> Policy:
    """The policy with these rules."""
    return load_policy(policy_text(rules, top), file="example.yaml")


def piece(kind: Kind, name: str, metrics: dict[str, Value]) -> Evidence:
    """A report about the source."""
    document = EvidenceDocument(
        kind=kind, format="x", parser=Producer(name="gatekeeper"), producer=None, produced_at=None,
        state=State.OK, problems=(), metrics=metrics, lines={}, failures=(), findings=(), database=None,
    )  # fmt: skip
    content = digest(document)
    return Evidence(
        id="ev_x", kind=kind, name=name, job="j", order=1, digest=content,
        sha256=digest_of_bytes(content.encode()), provenance=Provenance(method="token", trust=Trust.CLAIMED),
        received_at=AT, source=SOURCE, artifact=None, document=document,
    )  # fmt: skip


class Shelf:
    """Policies and documents in memory: a `Library`."""

    def __init__(self) -> None:
        self.policies: dict[str, Policy] = {}
        self.documents: dict[str, EvidenceDocument] = {}

    def policy(self, digest: str) -> Policy | None:
        """The policy with this digest."""
        return self.policies.get(digest)

    def document(self, digest: str) -> EvidenceDocument | None:
        """The document with this digest."""
        return self.documents.get(digest)


class History:
    """Decisions by one policy, and where its policy and documents lie."""

    def __init__(self, rules: str = OLD) -> None:
        self.shelf = Shelf()
        self.policy = policy_of(rules)
        self.shelf.policies[self.policy.digest] = self.policy
        self.kept: list[KeptDecision] = []

    def decided(
        self,
        covered: int,
        *,
        failed: int = 0,
        days: int = 0,
        stage: str = "develop",
        project: str = "pay/api",
        baseline: tuple[Evidence, ...] | None = None,
    ) -> KeptDecision:
        """Record a decision about so many covered lines of 100, so many days later."""
        lines = {"coverage.lines_covered": covered, "coverage.lines_total": 100}
        tests = {"total": 9, "passed": 9 - failed, "failed": failed, "errors": 0, "skipped": 0}
        evidence = (
            piece(Kind.COVERAGE, "all", {**lines, "coverage.line": Ratio(covered, 100)}),
            piece(Kind.TESTS, "unit", {f"tests.{name}": count for name, count in tests.items()}),
        )
        before = None if baseline is None else Baseline(evidence=baseline)
        subject = Subject(project=project, source=SOURCE)
        at = AT + timedelta(days=days)
        inputs = inputs_for(subject, stage, self.policy, evidence, as_of=at, baseline=before)
        decision = evaluate(inputs, self.policy, evidence, baseline=before)
        for one in (*evidence, *(baseline or ())):
            self.shelf.documents[one.digest] = one.document
        named = evidence_inputs(baseline) if baseline else None
        self.kept.append(KeptDecision(decision=decision, inputs=inputs, baseline=named))
        return self.kept[-1]

    def write(self, writer: ExportWriter) -> None:
        """Everything as an export."""
        for policy in self.shelf.policies.values():
            writer.put("policies", policy.digest, policy_document(policy))
        for digest_, document in self.shelf.documents.items():
            writer.put("documents", digest_, canonical_bytes(document))
        for one in self.kept:
            writer.add(one)
        writer.finish(made_by="tests")
