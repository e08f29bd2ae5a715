"""What a request to a server is about: flags first, then the CI system, then git here; refused when unknown.

A gate must not guess: where nothing names the project or the commit, the way to name it is said instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gatekeeper.cli.git import Checkout, NoCheckout, checkout, commit_object, origin_path, tree_of
from gatekeeper.cli.providers import Fact, Facts, provider_facts
from gatekeeper.errors import UsageError
from gatekeeper.subject import Source, Subject

PROJECT_VARIABLE = "GATEKEEPER_PROJECT"

_NOTHING = Fact("", "")
_NAME_COMMIT = "--commit with the full id, and --tree"


class Unnamed(UsageError):
    """Nothing says which project, commit or tree it is about."""

    code = "unnamed"


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the command line says; None where it says nothing."""

    project: str | None = None
    commit: str | None = None
    tree: str | None = None
    artifact: str | None = None
    ref: str | None = None
    run: str | None = None
    job: str | None = None
    attempt: str | None = None


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The subject, and the job that speaks."""

    project: str
    commit: str | None
    tree: str | None
    artifact: str | None
    ref: str | None
    run: str | None
    job: str | None
    attempt: str | None
    fork: str | None
    part: str | None
    """`2/5` for one of several equal jobs."""
    commit_object: bytes | None
    """Proof that the commit has the tree; None where no repository here holds the commit."""

    @property
    def is_of_a_job(self) -> bool:
        """True when a pipeline speaks, not a person at a desk."""
        return self.run is not None


def identity(
    flags: Flags,
    *,
    environ: Mapping[str, str],
    cwd: Path,
    tell: Callable[[str], None],
    explain: Callable[[str], None] | None = None,
    artifact_is_enough: bool = False,
) -> Identity:
    """Who and what this is. `tell` gets what git could not prove, `explain` where each value came from.

    With `artifact_is_enough`, an artifact on the command line is the whole subject, unless a commit or tree
    stands beside it: the job that promotes it may run at any commit. The tree is None when git here does not
    have the commit.

    Raises:
        Unnamed: nothing names the project, or neither a commit nor an artifact.
        UsageError: an id, digest or project is not well-formed, or the tree is not that of the commit.
    """
    provider, facts = provider_facts(environ)
    if flags.commit is not None and not facts.get("commit", _NOTHING).value.startswith(flags.commit):
        facts.pop("ref", None)  # the ref of the job is not that of another commit
    facts |= _from_environ(environ) | _from_flags(flags)
    source = None
    if artifact_is_enough and flags.artifact and not (flags.commit or flags.tree):
        facts.pop("commit", None)
    else:
        source = _source(facts, checkout(cwd), cwd, tell)
    if "project" not in facts and (path := origin_path(cwd)):
        facts["project"] = Fact(path, "git, remote origin")
    if "project" not in facts:
        raise Unnamed("nothing names the project", hint=f"--project or {PROJECT_VARIABLE}, such as pay/api")
    if explain is not None:
        explain(f"the CI system is {provider}" if provider else "no CI system is known here")
        for field, fact in facts.items():
            explain(f"{field} {fact.value} ({fact.origin})")
    values = {field: fact.value for field, fact in facts.items()}
    try:
        Subject(project=values["project"], source=source, artifact=values.get("artifact"))
    except ValueError as error:
        raise UsageError(str(error)) from error
    commit = source.commit if source is not None else values.get("commit")
    words = ("artifact", "ref", "run", "job", "attempt", "fork", "part")
    return Identity(
        project=values["project"],
        commit=commit,
        tree=source.tree if source is not None else None,
        commit_object=commit_object(commit, cwd) if commit is not None else None,
        **{word: values.get(word) for word in words},
    )


def full_source(about: Identity) -> Source:
    """Commit and tree, which evidence and builds need both.

    Raises:
        Unnamed: with the flag that would name what is not known.
    """
    if about.commit is None:
        raise Unnamed("nothing names the commit", hint=_NAME_COMMIT)
    if about.tree is None:
        raise Unnamed(
            f"the tree of commit {about.commit} is not known: no git repository here holds it",
            hint="--tree with the output of `git rev-parse COMMIT^{tree}`",
        )
    return Source(tree=about.tree, commit=about.commit)


def _from_environ(environ: Mapping[str, str]) -> Facts:
    own = environ.get(PROJECT_VARIABLE)
    return {"project": Fact(own, PROJECT_VARIABLE)} if own else {}


def _from_flags(flags: Flags) -> Facts:
    return {
        field: Fact(value, f"--{field}")
        for field in Flags.__dataclass_fields__
        if (value := getattr(flags, field)) is not None
    }


def _source(
    facts: Facts, here: Checkout | NoCheckout, cwd: Path, tell: Callable[[str], None]
) -> Source | None:
    """The source that `facts` or git name; completes `facts`. None when the tree is not known."""
    if "commit" not in facts and "tree" not in facts:
        if isinstance(here, NoCheckout):
            raise Unnamed(f"nothing names the commit: {here.reason}", hint=_NAME_COMMIT)
        facts["commit"] = Fact(here.source.commit or "", "git, HEAD")
        if here.ref is not None:
            facts.setdefault("ref", Fact(here.ref, "git, HEAD"))
    commit = facts.get("commit")
    if commit is None:
        tree = facts.get("tree")
        return _checked(tree.value, None) if tree is not None else None
    known = tree_of(commit.value, cwd)
    if known is not None:
        facts["commit"] = commit._replace(value=known.commit or commit.value)
        _tell_of_work_tree(facts["commit"], here, tell)
    elif len(commit.value) not in (40, 64):
        raise UsageError(
            f"commit {commit.value!r} is not known to a repository here", hint="name it with its full id"
        )
    tree = facts.get("tree")
    if tree is None:
        if known is not None:
            facts["tree"] = Fact(known.tree, "git, commit^{tree}")
        return known
    if known is not None and tree.value != known.tree:
        raise UsageError(
            f"commit {commit.value} has the tree {known.tree}, not {tree.value}", hint="leave out --tree"
        )
    return _checked(tree.value, commit.value)


def _checked(tree: str, commit: str | None) -> Source:
    try:
        return Source(tree=tree, commit=commit)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _tell_of_work_tree(commit: Fact, here: Checkout | NoCheckout, tell: Callable[[str], None]) -> None:
    """Say what could make the reports be of other content than the commit."""
    if isinstance(here, NoCheckout):
        return
    if here.source.commit != commit.value:
        tell(f"git here is at {here.source.commit}, and {commit.origin} says {commit.value}")
    elif here.is_changed:
        tell("tracked files differ from the commit: the reports may be of other content")
