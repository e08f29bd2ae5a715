"""Policies, evidence and questions in few words."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from textwrap import dedent, indent

import msgspec
import pytest

from gatekeeper.canonical import digest, digest_of_bytes
from gatekeeper.decision import Decision, People, RuleResult
from gatekeeper.evidence import (
    Baseline,
    Database,
    Evidence,
    EvidenceDocument,
    Failure,
    Kind,
    Lines,
    Problem,
    Producer,
    Provenance,
    State,
    Trust,
    Value,
)
from gatekeeper.finding import Finding, Location, Package, Severity, Suppression
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.model import Policy
from gatekeeper.signoff import Records
from gatekeeper.subject import Source, Subject
from gatekeeper.waiver import Covered, Waiver, WaiverScope

ARTIFACT = "sha256:" + "a" * 64
OPEN_COUNTS = ("total", *Severity)


class Make:
    """A maker of test values; every default is the good case."""

    as_of = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    source = Source(tree="1" * 40)
    subject = Subject(project="pay/api", source=source, artifact=ARTIFACT)

    def text(self, rules: str, top: str = "stages: [develop, test]") -> bytes:
        """A policy file with these rules and top-level keys."""
        head = "schema: gatekeeper/v1\npolicy: example\nowner: security\n"
        return (
            head + dedent(top).strip() + "\nrules:\n" + indent(dedent(rules).strip(), "  ") + "\n"
        ).encode()

    def policy(self, rules: str, top: str = "stages: [develop, test]") -> Policy:
        """A loaded policy with these rules and top-level keys."""
        return load_policy(self.text(rules, top), file="example.yaml")

    def evidence(
        self,
        kind: Kind | str,
        metrics: dict[str, Value] | None = None,
        *,
        name: str = "unit",
        job: str = "job",
        order: int = 1,
        state: State = State.OK,
        problems: tuple[Problem, ...] = (),
        findings: Iterable[Finding] = (),
        lines: dict[str, Lines] | None = None,
        failures: tuple[Failure, ...] = (),
        age: timedelta = timedelta(),
        produced_at: datetime | None = None,
        source: Source | None = source,
        artifact: str | None = ARTIFACT,
        tool: str | None = None,
        database: Database | None = None,
        sha: str | None = None,
        trust: Trust = Trust.CLAIMED,
        ref: str | None = None,
        is_protected: bool = False,
    ) -> Evidence:
        """One piece of evidence about the subject; counts of findings are filled in."""
        kind = Kind(kind)
        found = tuple(sorted(findings, key=lambda f: f.fingerprint))
        values = dict(metrics or {})
        if kind not in (Kind.TESTS, Kind.COVERAGE):
            opened = [f for f in found if f.is_open]
            values = {f"{kind}.total": len(opened), f"{kind}.unparsed": 0} | values
        document = EvidenceDocument(
            kind=kind,
            format="example",
            parser=Producer(name="gatekeeper"),
            producer=Producer(name=tool) if tool else None,
            produced_at=produced_at,
            state=state,
            problems=problems,
            metrics=values,
            lines=lines or {},
            failures=failures,
            findings=found,
            database=database,
        )
        content = digest(document)
        return Evidence(
            id=f"ev_{name}_{order}",
            kind=kind,
            name=name,
            job=job,
            order=order,
            sha256=sha or digest_of_bytes(f"{kind}{name}{job}{order}{content}".encode()),
            digest=content,
            provenance=Provenance(method="local", trust=trust, ref=ref, ref_protected=is_protected),
            received_at=self.as_of - age,
            source=source,
            artifact=artifact,
            document=document,
        )

    def finding(
        self,
        fingerprint: str,
        severity: str = "high",
        *,
        rule: str = "B608",
        path: str | None = "app/db.py",
        line: int = 1,
        package: Package | None = None,
        advisory: str | None = None,
        suppressed: bool = False,
    ) -> Finding:
        """One finding."""
        return Finding(
            fingerprint=fingerprint,
            tool="bandit",
            rule=rule,
            severity=Severity(severity),
            message="found",
            location=Location(path=path, line=line) if path and not package else None,
            package=package,
            advisories=(advisory,) if advisory else (),
            suppression=Suppression(source="inline") if suppressed else None,
        )

    def decide(
        self,
        policy: Policy,
        *evidence: Evidence,
        stage: str = "develop",
        baseline: Iterable[Evidence] | None = None,
        as_of: datetime | None = None,
        subject: Subject | None = None,
        people: People | None = None,
        waivers: Sequence[Waiver] = (),
        records: Records = Records(),  # noqa: B008  # frozen
    ) -> Decision:
        """The decision about the subject."""
        before = None if baseline is None else Baseline(evidence=tuple(baseline))
        inputs = inputs_for(
            subject or self.subject,
            stage,
            policy,
            evidence,
            as_of=as_of or self.as_of,
            baseline=before,
            people=people,
            waivers=waivers,
            records=records,
        )
        return evaluate(inputs, policy, evidence, baseline=before, waivers=waivers, records=records)

    def waiver(self, name: str = "W-1", *covered: tuple[str, str, str], **changes: object) -> Waiver:
        """A waiver of ten days, granted yesterday, for (kind, fingerprint, severity) each."""
        waiver = Waiver(
            id=name,
            project="pay/api",
            scope=WaiverScope.FINDING,
            match=covered[0][1] if covered else "",
            covered=tuple(
                sorted(
                    (
                        Covered(kind=Kind(kind), fingerprint=fingerprint, severity=Severity(severity))
                        for kind, fingerprint, severity in covered
                    ),
                    key=lambda one: (one.kind, one.fingerprint),
                )
            ),
            reason="not reachable",
            ticket="PAY-1",
            owner="usr_ann",
            approver="usr_bob",
            granted_at=self.as_of - timedelta(days=1),
            expires_at=self.as_of + timedelta(days=9),
        )
        return msgspec.structs.replace(waiver, **changes)

    def rule_waiver(self, rule: str, accept: str | None, name: str = "W-9", **changes: object) -> Waiver:
        """A waiver for one rule."""
        return self.waiver(name, scope=WaiverScope.RULE, match=rule, accept=accept, **changes)

    def rule(self, decision: Decision, rule_id: str) -> RuleResult:
        """The result of one rule."""
        return next(rule for rule in decision.rules if rule.id == rule_id)


@pytest.fixture(scope="session")
def make() -> Make:
    """The maker."""
    return Make()
