"""`gatekeeper submit`: send reports to the server as evidence."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from gatekeeper.cli import exits
from gatekeeper.cli.files import Given, Selection, select
from gatekeeper.cli.identity import Flags, Identity, full_source, identity
from gatekeeper.cli.output import escaped, one_line, put, say
from gatekeeper.cli.server import Commit, Project, Server, TokenFile, Tree, Verbose, client_for
from gatekeeper.cli.shipment import Piece, Place, pieces_of, places, slot_job
from gatekeeper.cli.submit_lines import Ending, as_document, ending_of_refusal, line
from gatekeeper.cli.submit_progress import progress
from gatekeeper.client.body import FileChanged
from gatekeeper.client.client import Client
from gatekeeper.client.errors import CouldNotAsk, NotUnderstood, ServerRefused, Unauthorised
from gatekeeper.client.model import SetState
from gatekeeper.client.upload import Upload
from gatekeeper.errors import GatekeeperError, UsageError
from gatekeeper.evidence import Kind
from gatekeeper.subject import Source


class NotSent(GatekeeperError):
    """A file that could not even be read here."""

    code = "file-unreadable"


def submit(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=]FILE", help="Reports, folders with reports, or - for stdin."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name that a policy asks for, such as e2e.")
    ] = None,
    kind: Annotated[
        Kind | None,
        typer.Option(
            metavar="KIND", help="What the files are evidence of, where their format leaves it open."
        ),
    ] = None,
    set_name: Annotated[
        str | None, typer.Option("--set", metavar="SET", help="The set that the files are a part of.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Which part, such as 2/5. Default: that of a parallel GitLab job."),
    ] = None,
    close_set: Annotated[
        str | None, typer.Option(metavar="SET", help="Send no file; say that no more parts of SET will come.")
    ] = None,
    project: Project = None,
    commit: Commit = None,
    tree: Tree = None,
    artifact: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="The artifact that was tested, as sha256:...")
    ] = None,
    ref: Annotated[str | None, typer.Option(metavar="NAME", help="The branch or tag.")] = None,
    run: Annotated[str | None, typer.Option(metavar="ID", help="The pipeline.")] = None,
    job: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The job; needed where several jobs have one name, as in a matrix."
        ),
    ] = None,
    attempt: Annotated[str | None, typer.Option(metavar="ID", help="Which try of the job it is.")] = None,
    server: Server = None,
    token_file: TokenFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="What became of each file, as JSON.")] = False,
    verbose: Verbose = False,
) -> None:
    """Send reports to the server as evidence about this commit.

    Each line says what the server understood. Several files are one set: while some are missing, the gate
    waits, and then it fails. A report that cannot be read is kept as the newest word of its place, so that
    an older good one does not stand for it. Project, commit and job come from the pipeline or git.

    Exit codes: 0 all of it counts; 1 something was refused or is unreadable (the rest was sent); 2 usage;
    4 the server could not be asked.

    Examples:
      gatekeeper submit junit.xml coverage.xml
      gatekeeper submit gatekeeper-reports/ e2e=playwright.xml
      gatekeeper submit junit.xml --set unit --part 2/5
      gatekeeper submit --close-set unit
      gatekeeper submit smoke=junit.xml --artifact sha256:7f1d...
    """
    if close_set is not None and (files or set_name or part):
        raise UsageError("--close-set stands alone", hint="send the files first, then close the set")
    if close_set is None and not files:
        raise UsageError("there is no FILE", hint="name reports, folders with reports, or -")
    about = identity(
        Flags(
            project=project,
            commit=commit,
            tree=tree,
            artifact=artifact,
            ref=ref,
            run=run,
            job=job,
            attempt=attempt,
        ),
        environ=os.environ,
        cwd=Path.cwd(),
        tell=_note,
        explain=say if verbose else None,
    )
    source = full_source(about)
    if close_set is not None:
        with client_for(server, token_file, verbose=verbose) as client:
            raise typer.Exit(_close(client, about, source, close_set, attempt))
    selection = select(files or [], cwd=Path.cwd())
    pieces, unread = _prepared(selection, name)
    spots = places(pieces, name=set_name, part=part, about=about, attempt=attempt)
    endings = list(unread)
    with client_for(server, token_file, verbose=verbose) as client:
        if not as_json:
            put("".join(f"{line(ending)}\n" for ending in endings))
        for piece, spot in zip(pieces, spots, strict=True):
            try:
                ending = _sent(client, _upload(piece, spot, about, source, kind), piece.given)
            except CouldNotAsk:
                done = len(endings) - len(unread)
                say(f"{done} of {len(pieces)} were sent; do it again, what is there already stays as it is")
                raise
            endings.append(ending)
            if not as_json:
                put(f"{line(ending)}\n")
                _hint(ending)
    if as_json:
        content = msgspec.json.encode([as_document(ending) for ending in endings])
        put(escaped(msgspec.json.format(content, indent=2).decode()) + "\n")
    say(_summary(endings, about, source, spots))
    raise typer.Exit(_exit_code(endings))


def _prepared(selection: Selection, name: str | None) -> tuple[list[Piece], list[Ending]]:
    """What will be sent, and the endings of the files that cannot even be read here."""
    for note in selection.notes:
        _note(note)
    named = [
        replace(given, name=name) if name is not None and given.name == "default" else given
        for given in selection.files
    ]
    pieces, refused = pieces_of(named)
    return pieces, [Ending(given=given, error=NotSent(reason)) for given, reason in refused]


def _upload(piece: Piece, spot: Place | None, about: Identity, source: Source, kind: Kind | None) -> Upload:
    return Upload(
        project=about.project,
        commit=source.commit or "",
        tree=source.tree,
        report=piece.report,
        record=piece.record,
        commit_object=about.commit_object,
        artifact=about.artifact,
        kind=kind,
        name=piece.given.name,
        job=slot_job(about.job, piece.given),
        run=about.run,
        attempt=spot.attempt if spot is not None else about.attempt,
        ref=about.ref,
        fork=about.fork,
        set=spot.set if spot is not None else None,
        part=spot.part if spot is not None else None,
    )


def _sent(client: Client, upload: Upload, given: Given) -> Ending:
    """How the server took it. A refusal of this file ends this file only.

    Raises:
        CouldNotAsk: the server cannot be asked, so sending the others is vain too.
    """
    size = upload.report.size_bytes if upload.report is not None else 0
    try:
        with progress(given.job, size) as tell:
            answer = client.submit(upload, tell=tell)
    except ServerRefused as error:
        return ending_of_refusal(given, error)
    except FileChanged as error:
        return Ending(given=given, error=error)
    except Unauthorised as error:
        if error.status != 403:
            raise
        return Ending(given=given, error=error)  # the token may be limited to other kinds of reports
    if upload.report is not None and answer.evidence.sha256 != upload.report.sha256:
        raise NotUnderstood(
            f"{given.job} arrived with the digest {answer.evidence.sha256}, sent was {upload.report.sha256}",
            hint="the file changed, or something on the way changes what is sent",
        )
    return Ending(given=given, evidence=answer.evidence, is_new=answer.is_new)


def _close(client: Client, about: Identity, source: Source, name: str, attempt: str | None) -> int:
    closed = client.close_set(
        project=about.project,
        commit=source.commit or "",
        tree=source.tree,
        name=name,
        run=about.run,
        attempt=attempt,
    )
    parts = f"{len(closed.received)} of {closed.parts or len(closed.received)} parts"
    missing = f", missing {', '.join(map(str, closed.missing))}" if closed.missing else ""
    put(one_line(f"set {closed.name} is {closed.state}: {parts}{missing}", 500) + "\n")
    return exits.ALLOWED if closed.state is SetState.COMPLETE else exits.NO


def _hint(ending: Ending) -> None:
    if ending.error is not None and ending.error.hint:
        say(f"hint: {one_line(ending.error.hint, 500)}")


def _summary(
    endings: Sequence[Ending], about: Identity, source: Source, spots: Iterable[Place | None]
) -> str:
    good = sum(ending.counts for ending in endings)
    sets = sorted({spot.set for spot in spots if spot is not None})
    told = (
        f"{good} of {len(endings)} count as evidence of {about.project}, commit {(source.commit or '')[:12]}"
    )
    return one_line(told + (f", set {sets[0]}" if sets else ""), 500)


def _exit_code(endings: Iterable[Ending]) -> int:
    """No when one of them does not count; a missing permission is no answer at all."""
    errors = [ending.error for ending in endings if ending.error is not None]
    if any(isinstance(error, CouldNotAsk) for error in errors):
        return exits.COULD_NOT_ASK
    return exits.ALLOWED if all(ending.counts for ending in endings) else exits.NO


def _note(text: str) -> None:
    say(f"note: {text}")
