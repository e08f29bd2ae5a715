"""What a sender says of an upload, checked before anything is believed."""

import re
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.caller import Caller
from gatekeeper.evidence import Kind, Problem, Provenance
from gatekeeper.git_objects import tree_in_commit
from gatekeeper.project import Project
from gatekeeper.service.errors import Refused, coded
from gatekeeper.service.identity import authorize
from gatekeeper.subject import Source, Subject

MAX_NAME_CHARS = 100
MAX_LABEL_CHARS = 500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class Received:
    """The bytes of an upload, in files that the caller removes."""

    report: Path | None
    filename: str
    sha256: str
    """Of the report, of what was read of it when it is over a limit; of the record when that came alone."""
    size_bytes: int
    record: Path | None = None
    record_sha256: str | None = None
    problem: Problem | None = None
    """Why the bytes were refused before anybody could read them."""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """One upload, as the request says it."""

    project: str
    commit: str
    tree: str | None = None
    artifact: str | None = None
    kind: Kind | None = None
    name: str = "default"
    job: str | None = None
    run: str | None = None
    attempt: str | None = None
    format: str | None = None
    ref: str | None = None
    set: str | None = None
    part: int | None = None
    parts: int | None = None
    fork: str | None = None
    commit_object: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What can be believed of a submission: the source, and how far its sender is believed."""

    source: Source
    tree_is_proven: bool
    provenance: Provenance
    job: str
    """The slot's job."""


def check(submission: Submission, *, max_parts: int) -> None:
    """Return when every word of the submission can be what it should be.

    Raises:
        Refused: `bad-parameter`, naming the parameter, its value and what is allowed.
    """
    if not _NAME.fullmatch(submission.name) or len(submission.name) > MAX_NAME_CHARS:
        raise _bad("name", submission.name, f"letters, digits, . _ - and at most {MAX_NAME_CHARS} characters")
    for label in ("job", "run", "attempt", "ref", "set", "fork"):
        value = getattr(submission, label)
        if value is not None and (not value or len(value) > MAX_LABEL_CHARS or not value.isprintable()):
            raise _bad(label, value, f"1 to {MAX_LABEL_CHARS} printable characters")
    _check_ids(submission)
    if submission.set is None and submission.part is not None:
        raise _bad("part", str(submission.part), "a part belongs to a set: name it with set=")
    if submission.set is not None and submission.part is None:
        raise _bad(
            "set", submission.set, "say which part this is: part=2/5, or part=2 while the total is open"
        )
    for label, number in (("part", submission.part), ("part total", submission.parts)):
        if number is not None and not 1 <= number <= max_parts:
            raise _bad(label, str(number), f"1 to {max_parts}")
    if submission.part is not None and submission.parts is not None and submission.part > submission.parts:
        raise _bad("part", f"{submission.part}/{submission.parts}", "a part is at most the total")


def origin_of(
    caller: Caller, project: Project, submission: Submission, known: tuple[str, bool] | None
) -> Origin:
    """Where the submission comes from. `known` is the tree that the commit has here already, and its proof.

    Raises:
        Denied: the commit, the ref or the kind is not the caller's to speak for.
        Refused: the commit object is of another commit or tree, or nothing says the tree.
    """
    authorize.demand_evidence(caller, submission.commit, submission.ref, submission.kind)
    proven = _proven_tree(submission)
    if proven is not None and submission.tree not in (None, proven):
        raise _bad("tree", submission.tree or "", f"commit {submission.commit} has the tree {proven}")
    tree = proven or submission.tree or (known[0] if known else None)
    if tree is None:
        raise coded(
            Refused,
            "bad-parameter",
            f"nothing says which tree commit {submission.commit} has",
            hint="add tree=$(git rev-parse 'HEAD^{tree}'), or send the part `commit` with the output of "
            "`git cat-file commit HEAD`",
        )
    is_proven = proven is not None or known == (tree, True)
    claims = caller.claims
    ref = claims.ref if claims else submission.ref
    return Origin(
        source=Source(tree=tree, commit=submission.commit),
        tree_is_proven=is_proven,
        provenance=Provenance(
            method=str(caller.method),
            trust=authorize.trust_of(caller, tree_is_proven=is_proven),
            principal=caller.principal,
            ref=ref,
            ref_protected=authorize.ref_protected_of(caller, ref, project.protected_refs),
            run=claims.run if claims else submission.run,
            job=claims.job if claims else submission.job,
            attempt=claims.attempt if claims else submission.attempt,
        ),
        job=submission.job or "",
    )


def _check_ids(submission: Submission) -> None:
    try:
        Source(tree=submission.tree or "0" * 40, commit=submission.commit)
        Subject(project=submission.project, artifact=submission.artifact)
    except ValueError as error:
        raise coded(Refused, "bad-parameter", str(error)) from error


def _proven_tree(submission: Submission) -> str | None:
    if submission.commit_object is None:
        return None
    return tree_in_commit(submission.commit, submission.commit_object)


def _bad(name: str, value: str, allowed: str) -> Exception:
    shown = value if len(value) <= 80 else value[:77] + "..."
    return coded(Refused, "bad-parameter", f"{name}={shown!r} is not possible: {allowed}")
