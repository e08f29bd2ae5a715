"""A question, and all that the server knows about it: read in one snapshot, judged without a database."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from gatekeeper import pipeline
from gatekeeper.caller import Caller
from gatekeeper.decision import Decision, Inputs, decision_from
from gatekeeper.evidence import Baseline, Evidence, Use
from gatekeeper.project import Build, Project
from gatekeeper.receipt import EvidenceSet, Receipt
from gatekeeper.recorded import PolicyVersion, StoredDecision
from gatekeeper.service import projects
from gatekeeper.service.answers import Said
from gatekeeper.service.errors import Conflict, NotFound, Refused, coded
from gatekeeper.service.identity import authorize
from gatekeeper.service.records import Signed, order_of
from gatekeeper.service.records import signed as signed_about
from gatekeeper.service.server import Server
from gatekeeper.service.upload_sets import as_input
from gatekeeper.store import builds, decisions, policies, policy_schedule, receipts, sets
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection
from gatekeeper.subject import Source, Subject


@dataclass(frozen=True, kw_only=True)
class Asked:
    """May this enter `stage`? Named by its commit, its artifact, or both."""

    project: str
    stage: str
    commit: str | None = None
    tree: str | None = None
    artifact: str | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that one snapshot says about a question."""

    project: Project
    subject: Subject
    stage: str
    revision: str
    version: PolicyVersion
    policy_until: datetime | None
    """When another version takes over; no answer is valid beyond it."""
    receipts: tuple[Receipt, ...]
    sets: tuple[EvidenceSet, ...]
    baseline: StoredDecision | None
    baseline_receipts: tuple[tuple[Receipt, str], ...]
    """Receipts behind the baseline, each with the digest of its document then."""
    newest: StoredDecision | None
    """The newest recorded decision about this subject and stage."""
    signed: Signed
    """What people signed, and what the stages before said."""

    @property
    def tree(self) -> str:
        """The tree of the subject; empty when nothing says from which source the artifact was built."""
        return self.subject.source.tree if self.subject.source else ""

    @property
    def commit(self) -> str:
        """The commit of the subject, or empty."""
        return (self.subject.source.commit or "") if self.subject.source else ""

    @property
    def artifact(self) -> str:
        """The artifact of the subject, or empty."""
        return self.subject.artifact or ""

    @property
    def baseline_digest(self) -> str:
        """Digest of the baseline's evidence, or empty."""
        return self.baseline.as_baseline if self.baseline else ""

    def is_overtaken(self, now: datetime) -> bool:
        """True when another version of the policy should decide by now."""
        return self.policy_until is not None and now >= self.policy_until

    def usable(self, now: datetime) -> StoredDecision | None:
        """The recorded decision that still answers the question: newest, in its time, nothing changed."""
        held = self.newest
        if held is None or not held.as_of <= now < held.valid_until:
            return None
        same = (held.revision, held.policy_digest, held.baseline_digest) == (
            self.revision, self.version.digest, self.baseline_digest,
        )  # fmt: skip
        return held if same else None

    def pending(self, now: datetime) -> tuple[Said, ...]:
        """Why an answer now would be too early."""
        return tuple(
            Said(
                code="set-open",
                params={"set": one.name, "parts": tuple(str(part) for part in one.missing)},
                text=f"upload set {one.name} is open: "
                + (f"parts {', '.join(map(str, one.missing))} are missing" if one.missing else "not closed")
                + f"; it is taken as it is at {one.deadline_at:%Y-%m-%dT%H:%M:%SZ}",
            )
            for one in self.sets
            if one.is_open(now)
        )


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A decision with what it was made from."""

    decision: Decision
    inputs: Inputs
    evidence: tuple[Evidence, ...]
    as_baseline: str
    is_protected: bool


def known(server: Server, connection: Connection, caller: Caller, asked: Asked) -> Known:
    """What this snapshot says about the question, for this caller.

    Raises:
        Denied, NotFound: the caller may not ask, or the project or source is not known.
        Conflict: the artifact was built from another source than the commit that is named.
        Refused: neither commit nor artifact, or a stage that the policy does not have.
    """
    project = projects.named(connection, caller, asked.project)
    link = _link(connection, project, asked)
    subject, commits = _subject(connection, project, asked, link)
    authorize.demand_stage(caller, asked.stage, commits)
    return known_about(server, connection, project, subject, asked.stage)


def known_about(
    server: Server, connection: Connection, project: Project, subject: Subject, stage: str
) -> Known:
    """What this snapshot says about the subject."""
    version = policies.in_force(connection, project.policy)
    if version is None:
        raise projects.no_such_policy(project.policy)
    tree = subject.source.tree if subject.source else ""
    commit = (subject.source.commit or "") if subject.source else ""
    artifact = subject.artifact or ""
    found = receipts.of_subject(connection, project.id, tree=tree, artifact=artifact)
    held = decisions.baseline(connection, project.id, stage, tree)
    baseline = decisions.by_id(connection, held[0]) if held else None
    held_by = signed_about(
        connection,
        project,
        server.policy(version),
        stage=stage,
        tree=tree,
        artifact=artifact,
        now=server.clock(),
    )
    return Known(
        project=project,
        subject=msgspec.structs.replace(subject, ref=found[-1].provenance.ref if found else None),
        stage=stage,
        revision=project_rows.revision(connection, project.id, tree, artifact)
        + order_of(held_by.records.prior),
        version=version,
        policy_until=policy_schedule.next_at(connection, project.policy),
        receipts=tuple(found),
        sets=tuple(sets.by_ids(connection, (one.set_id for one in found if one.set_id))),
        baseline=baseline,
        baseline_receipts=_behind(connection, baseline),
        newest=decisions.newest(
            connection, project.id, stage=stage, tree=tree, commit=commit, artifact=artifact
        ),
        signed=held_by,
    )


def judged(server: Server, known: Known, as_of: datetime) -> Judged:
    """The decision at `as_of`: the same function of the same inputs as `gatekeeper evaluate`.

    Raises:
        Unavailable: a document cannot be read, so nothing may be decided.
        Refused: `unknown-stage`.
    """
    demand_stage_of_policy(server, known)
    policy = server.policy(known.version)
    evidence = tuple(_evidence(server, one) for one in known.receipts if one.kind is not None)
    baseline = None
    if known.baseline is not None:
        baseline = Baseline(
            evidence=tuple(_evidence(server, one, seen) for one, seen in known.baseline_receipts)
        )
    inputs = pipeline.resolve_inputs(
        subject=known.subject,
        stage=known.stage,
        as_of=as_of,
        policy=policy,
        evidence=evidence,
        baseline=baseline,
        sets=[as_input(one) for one in known.sets],
        waivers=known.signed.waivers,
        records=known.signed.records,
    )
    decision = pipeline.decide(
        inputs,
        policy=policy,
        evidence=evidence,
        baseline=baseline,
        waivers=known.signed.waivers,
        records=known.signed.records,
    )
    version = known.version
    named = msgspec.structs.replace(decision.policy, version=version.version)
    used = {one.id for one in decision.evidence if one.use is Use.USED}
    sources = [one for one in known.receipts if one.id in used]
    return Judged(
        decision=msgspec.structs.replace(decision, policy=named),
        inputs=inputs,
        evidence=evidence,
        as_baseline=Baseline(evidence=tuple(e for e in evidence if e.id in used)).digest,
        is_protected=bool(sources) and all(one.provenance.ref_protected for one in sources),
    )


def demand_stage_of_policy(server: Server, known: Known) -> None:
    """Return when the policy has the stage that is asked about.

    Raises:
        Refused: `unknown-stage`, with those that it has.
    """
    policy = server.policy(known.version)
    if known.stage not in policy.stages:
        raise coded(
            Refused,
            "unknown-stage",
            f"policy {policy.name} has no stage {known.stage[:80]!r}",
            hint="its stages are " + ", ".join(policy.stages),
        )


def _link(connection: Connection, project: Project, asked: Asked) -> Build | None:
    if asked.commit is None and asked.artifact is None:
        raise coded(Refused, "bad-parameter", "name the subject: commit=, artifact=, or both")
    try:
        Subject(project=asked.project, artifact=asked.artifact)
        Source(tree=asked.tree or "0" * 40, commit=asked.commit)
    except ValueError as error:
        raise coded(Refused, "bad-parameter", str(error)) from error
    return builds.of_artifact(connection, project.id, asked.artifact) if asked.artifact else None


def _subject(
    connection: Connection, project: Project, asked: Asked, link: Build | None
) -> tuple[Subject, tuple[str, ...]]:
    """The subject, and the commits that a job may name it by."""
    source = _source(connection, project, asked)
    if asked.artifact is None:
        return Subject(project=project.path, source=source), (asked.commit or "",)
    if link is None:
        # Whatever commit is named beside it: nothing says that the artifact was built from there.
        return Subject(project=project.path, artifact=asked.artifact), (asked.commit or "",)
    if source is not None and source.tree != link.source.tree:
        raise coded(
            Conflict,
            "artifact-of-another-source",
            f"artifact {asked.artifact} was built from tree {link.source.tree}, commit "
            f"{link.source.commit}, not from commit {asked.commit}",
            hint="ask about the commit that it was built from, or leave the commit out",
        )
    commits = tuple({commit for commit in (link.source.commit, asked.commit) if commit})
    return Subject(project=project.path, source=source or link.source, artifact=asked.artifact), commits


def _source(connection: Connection, project: Project, asked: Asked) -> Source | None:
    if asked.commit is None:
        return None
    told = project_rows.tree_of(connection, project.id, asked.commit)
    if told is not None and asked.tree not in (None, told[0]):
        raise coded(
            Conflict,
            "commit-of-another-tree",
            f"commit {asked.commit} has the tree {told[0]} here, not {asked.tree}",
        )
    tree = told[0] if told is not None else asked.tree
    if tree is None:
        raise coded(
            NotFound,
            "unknown-source",
            f"nothing was ever submitted for commit {asked.commit}",
            hint="submit its reports first: `gatekeeper submit`",
        )
    return Source(tree=tree, commit=asked.commit)


def _behind(connection: Connection, baseline: StoredDecision | None) -> tuple[tuple[Receipt, str], ...]:
    if baseline is None:
        return ()
    used = [one for one in decision_from(baseline.body).evidence if one.use is Use.USED]
    found = ((receipts.by_id(connection, one.id), one.digest) for one in used)
    return tuple((receipt, seen) for receipt, seen in found if receipt is not None)


def _evidence(server: Server, receipt: Receipt, seen: str | None = None) -> Evidence:
    """The receipt with its document."""
    found = seen or receipt.document_digest
    assert found is not None  # noqa: S101 - a receipt with a kind has a document
    assert receipt.kind is not None  # noqa: S101 - as above
    return Evidence(
        id=receipt.id,
        kind=receipt.kind,
        name=receipt.name,
        job=receipt.job,
        order=receipt.counter,
        sha256=receipt.sha256,
        digest=found,
        provenance=receipt.provenance,
        received_at=receipt.received_at,
        source=receipt.source,
        artifact=receipt.artifact,
        document=server.document(found),
        set_id=receipt.set_id,
    )


def stored_inputs(inputs: Inputs) -> bytes:
    """The inputs as they are kept for a replay."""
    return msgspec.json.encode(inputs, order="sorted")
