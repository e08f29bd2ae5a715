"""Approvals: what a person is shown, the person's word on it, and its withdrawal.

What was shown comes back as a mark with the word. When it is no longer true, the word is refused: nobody
signs for something else than what was on the screen.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from gatekeeper import pipeline
from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.canonical import digest
from gatekeeper.decision import Decision, People
from gatekeeper.finding import Severity
from gatekeeper.policy.approvals import blocking_rules, open_findings
from gatekeeper.policy.promotion import ApprovalDemand, Path
from gatekeeper.policy.separation import excluded
from gatekeeper.project import Project
from gatekeeper.recorded import Event, StoredApproval
from gatekeeper.service import projects
from gatekeeper.service.errors import Conflict, Denied, NotFound, Refused, coded
from gatekeeper.service.events import event
from gatekeeper.service.identity import authorize
from gatekeeper.service.ids import new_id
from gatekeeper.service.questions import Asked, Judged, Known, judged, known
from gatekeeper.service.server import Server
from gatekeeper.service.words import demand_text
from gatekeeper.signoff import Approval, Shown, Verdict
from gatekeeper.store import approvals, gate_states, outbox
from gatekeeper.store import projects as project_rows
from gatekeeper.store.database import Connection

_PARTS = ("the subject", "what must be signed", "the rules", "the open findings")


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What a person is shown before signing."""

    project: str
    path: str
    roles: tuple[ApprovalDemand, ...]
    """Who must sign here; often nobody."""
    shown: Shown
    mark: str
    """Comes back with the approval; equal marks: equal things were shown."""
    decision: Decision
    """The answer now, with what was signed already."""
    people: People
    """Who made the change, where known."""
    approvals: tuple[StoredApproval, ...]
    """All words on this subject and stage, also withdrawn ones."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """What a person says."""

    role: str
    verdict: Verdict
    mark: str
    comment: str = ""


def shown(server: Server, caller: Caller, asked: Asked) -> Shelf:
    """What signing for the subject and stage means now.

    Raises:
        Denied, NotFound, Conflict, Refused: as `questions.known`, and `unknown-source` for an artifact alone.
        Unavailable: a document cannot be read.
    """
    caller = authorize.demand(caller, Scope.GATE_READ)
    return server.database.read(lambda connection: _shelf(server, connection, caller, asked)[1])


def give(server: Server, caller: Caller, asked: Asked, word: Word) -> tuple[StoredApproval, bool]:
    """The approval, and whether it is new: the same word twice is one.

    It is written while everybody else who writes to the project waits, so that it stands either before or
    behind a report, and says in both cases what its person saw.

    Raises:
        Denied: no person, or one without the scope or the role; `approver-is-party`.
        Conflict: `shown-changed`, with what did.
        Refused: `role-not-asked`, or a decline without a comment.
        NotFound, Unavailable: as `shown`.
    """
    person = person_of(caller)
    caller = authorize.demand(caller, Scope.APPROVAL_GIVE)
    demand_text("comment", word.comment, is_required=word.verdict is Verdict.DECLINE)
    server.database.read(lambda connection: _shelf(server, connection, caller, asked))  # documents are warm

    def work(connection: Connection) -> tuple[StoredApproval, bool]:
        project = projects.named(connection, caller, asked.project)
        project_rows.lock(connection, project.id)
        found, shelf = _shelf(server, connection, caller, asked)
        authorize.demand_role(caller, word.role, found.project.path)
        _demand_asked(shelf, word)
        if word.verdict is Verdict.APPROVE:
            _demand_no_party(server, found, shelf, person)
        _demand_same(shelf, word.mark)
        if (same := _standing(shelf, person, word)) is not None:
            return same, False
        return _kept(connection, found, shelf, word, caller=caller, person=person, at=server.clock()), True

    return server.database.write(work)


def withdraw(server: Server, caller: Caller, approval_id: str) -> StoredApproval:
    """The approval, which counts no more. Only its person can take it back; asking twice changes nothing.

    Raises:
        Denied: somebody else's, or no person asks.
        NotFound: `approval-not-found`.
    """
    person, at = person_of(caller), server.clock()
    caller = authorize.demand(caller, Scope.APPROVAL_GIVE)

    def work(connection: Connection) -> StoredApproval:
        project, _ = _visible(connection, caller, approval_id)
        project_rows.lock(connection, project.id)
        _, stored = _visible(connection, caller, approval_id)
        given = stored.approval
        if given.person != person:
            raise coded(Denied, "approval-of-another", f"{approval_id} was given by {given.person}")
        if not approvals.withdraw(connection, approval_id, at):
            return stored
        ended = msgspec.structs.replace(given, withdrawn_at=at)
        gate_states.touch(connection, project.id, tree=given.tree, artifact=given.artifact, at=at)
        told = event(
            Event.APPROVAL_WITHDRAWN, ended, project_id=project.id, actor=caller.principal, at=at,
            subject=approval_id,
        )  # fmt: skip
        outbox.tell(connection, told)
        return msgspec.structs.replace(stored, approval=ended)

    return server.database.write(work)


def person_of(caller: Caller) -> str:
    """The id of the person who asks.

    Raises:
        Denied: `person-needed`.
    """
    if caller.method is not Method.PERSON or caller.person is None:
        raise coded(
            Denied, "person-needed", f"{caller.principal} is no person", hint="log in: gatekeeper login"
        )
    return caller.person


def mark_of(found: Known, path: str, seen: Shown) -> str:
    """Four digests in one word: of the subject, of what must be signed, of the rules and of the findings."""
    subject = [found.project.id, found.stage, path, found.tree, found.artifact]
    parts = (subject, seen.demands, seen.rules, seen.findings)
    return ".".join(digest(part).removeprefix("sha256:")[:32] for part in parts)


def _shelf(server: Server, connection: Connection, caller: Caller, asked: Asked) -> tuple[Known, Shelf]:
    found = known(server, connection, caller, asked)
    if not found.tree:
        raise coded(
            NotFound,
            "unknown-source",
            f"nobody knows from which source artifact {found.artifact} was built",
            hint="link it first: `gatekeeper link`",
        )
    now = server.clock()
    made = judged(server, found, now)
    policy = server.policy(found.version)
    path = policy.path(made.decision.path) or Path(name=made.decision.path, stages=())
    signing = policy.signing(found.stage, path)
    held = found.usable(now)
    seen = Shown(
        demands=policy.signing_digest(found.stage, path),
        decision=held.id if held is not None else None,
        rules=blocking_rules(made.decision.rules),
        findings=_open_in(server, found, made),
    )
    given = approvals.of_source(connection, found.project.id, found.tree, stage=found.stage)
    return found, Shelf(
        project=found.project.path,
        path=path.name,
        roles=signing.demands if signing is not None else (),
        shown=seen,
        mark=mark_of(found, path.name, seen),
        decision=made.decision,
        people=made.inputs.people,
        approvals=tuple(one for one in given if one.approval.artifact == found.artifact),
    )


def _open_in(server: Server, found: Known, made: Judged) -> dict[str, Severity]:
    now = pipeline.open_now(
        made.inputs,
        policy=server.policy(found.version),
        evidence=made.evidence,
        waivers=found.signed.waivers,
    )
    return open_findings(finding for _, finding in now)


def _demand_asked(shelf: Shelf, word: Word) -> None:
    roles = sorted(one.role for one in shelf.roles)
    if word.role not in roles:
        raise coded(
            Refused,
            "role-not-asked",
            f"nobody has to sign as {word.role} here",
            hint="roles that sign: " + ", ".join(roles) if roles else "nobody has to sign for this stage",
        )


def _demand_same(shelf: Shelf, mark: str) -> None:
    """Return when what was shown is still true."""
    if mark == shelf.mark:
        return
    then, now = mark.split("."), shelf.mark.split(".")
    if len(then) != len(now):
        raise coded(
            Refused, "bad-parameter", "shown is not the mark of GET /approvals/shown", hint="send its `mark`"
        )
    changed = [name for name, old, new in zip(_PARTS, then, now, strict=True) if old != new]
    failing = sorted(id_ for id_, status in shelf.shown.rules.items() if status != "pass")
    raise coded(
        Conflict,
        "shown-changed",
        f"since it was shown there changed: {', '.join(changed)}; now {len(shelf.shown.findings)} findings "
        f"are open, and these blocking rules do not pass: {', '.join(failing[:10]) or 'none'}",
        hint="look again (GET /approvals/shown), and sign what is shown then",
    )


def _standing(shelf: Shelf, person: str, word: Word) -> StoredApproval | None:
    """The person's last word in this role, when it is this one."""
    mine = [
        one
        for one in shelf.approvals
        if (one.approval.person, one.approval.role) == (person, word.role)
        and one.approval.withdrawn_at is None
    ]
    last = mine[-1] if mine else None
    is_same = last is not None and last.approval.verdict is word.verdict and last.comment == word.comment
    # A decision that was recorded meanwhile is no other thing to sign.
    was = msgspec.structs.replace(last.approval.shown, decision=None) if last is not None else None
    return last if is_same and was == msgspec.structs.replace(shelf.shown, decision=None) else None


def _kept(
    connection: Connection,
    found: Known,
    shelf: Shelf,
    word: Word,
    *,
    caller: Caller,
    person: str,
    at: datetime,
) -> StoredApproval:
    given = Approval(
        id=new_id("apr", at),
        person=person,
        role=word.role,
        verdict=word.verdict,
        stage=found.stage,
        path=shelf.path,
        tree=found.tree,
        artifact=found.artifact,
        shown=shelf.shown,
        given_at=at,
    )
    stored = StoredApproval(project_id=found.project.id, approval=given, comment=word.comment)
    approvals.add(connection, stored)
    gate_states.touch(connection, found.project.id, tree=found.tree, artifact=found.artifact, at=at)
    told = event(
        Event.APPROVAL_GIVEN, given, project_id=found.project.id, actor=caller.principal, at=at,
        subject=given.id,
    )  # fmt: skip
    outbox.tell(connection, told)
    return stored


def _demand_no_party(server: Server, found: Known, shelf: Shelf, person: str) -> None:
    """Return when `separation` does not exclude the person."""
    used = set(shelf.decision.waivers.used)
    owners = {one.owner for one in found.signed.waivers if one.id in used}
    separation = server.policy(found.version).separation
    parties = excluded(separation, shelf.people, owners).people.get(person)
    if parties:
        raise coded(
            Denied,
            "approver-is-party",
            f"{person} is {' and '.join(map(str, parties))} of this change, and so cannot approve it",
            hint="somebody else who has the role signs",
        )


def _visible(connection: Connection, caller: Caller, approval_id: str) -> tuple[Project, StoredApproval]:
    stored = approvals.by_id(connection, approval_id)
    project = project_rows.by_id(connection, stored.project_id) if stored else None
    if stored is None or project is None or not projects.is_reached(caller, project):
        raise coded(NotFound, "approval-not-found", f"there is no approval {approval_id!r} in reach")
    return project, stored
