"""`gatekeeper evaluate`: the gate without a server."""

import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gatekeeper import clock, pipeline
from gatekeeper.cli import exits, terminal
from gatekeeper.cli.about import subject_of
from gatekeeper.cli.evidence_files import evidence_from_files
from gatekeeper.cli.output import one_line, put_or_save, remove, say
from gatekeeper.cli.policy_files import BASE, policy_at
from gatekeeper.cli.views import View, written
from gatekeeper.cli.waiver_file import waivers_at
from gatekeeper.decision import Outcome
from gatekeeper.errors import UsageError
from gatekeeper.evidence import Baseline, Evidence, Kind
from gatekeeper.policy.model import Policy
from gatekeeper.subject import Subject
from gatekeeper.waiver import Waiver


class UnknownStage(UsageError):
    """The policy has no such stage."""

    code = "unknown-stage"


def evaluate(
    files: Annotated[
        list[str],
        typer.Argument(metavar="[NAME=]FILE", help="Reports, folders with reports, or - for stdin."),
    ],
    stage: Annotated[str, typer.Option(metavar="STAGE", help="The stage to be entered.")],
    policy_file: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            metavar="POLICY",
            help="A policy file, or the name of a shipped one: base, strict. Default: base.",
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="The time to judge at, such as 2026-11-23T10:00:00Z. Default: now."
        ),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Reports or a folder of the last allowed build; may be repeated."),
    ] = None,
    waivers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Waivers as a list in YAML or JSON: what the server would hold."),
    ] = None,
    kind: Annotated[
        Kind | None,
        typer.Option(
            metavar="KIND",
            help="What the files are evidence of, where their format leaves it open: sast, sca, ...",
        ),
    ] = None,
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="The project. Default: the name of the folder.")
    ] = None,
    commit: Annotated[
        str | None, typer.Option(metavar="ID", help="The commit. Default: that of git here.")
    ] = None,
    tree: Annotated[
        str | None, typer.Option(metavar="ID", help="The tree id. Default: that of the commit.")
    ] = None,
    artifact: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="The image or package, as sha256:...")
    ] = None,
    ref: Annotated[str | None, typer.Option(metavar="NAME", help="The branch or tag, as a label.")] = None,
    view: Annotated[View, typer.Option("--format", help="How to write the decision.")] = View.TABLE,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the decision to this file.")
    ] = None,
    warn_exit: Annotated[
        int, typer.Option(metavar="N", min=0, max=125, help="The exit code of a `warn`.")
    ] = 0,
) -> None:
    """Ask the gate without a server: may this build enter a stage?

    Every given file counts: one that cannot be read makes the answer no. `NAME=FILE` gives a report the
    name that a policy asks for. The answer is marked "not a gate": nothing is stored or signed.
    Ends with 0 when allowed, 1 when not, 2 when the command is wrong.

    Examples:
      gatekeeper evaluate reports/ --stage test
      gatekeeper evaluate unit=junit.xml e2e=e2e.xml coverage.xml --stage uat --policy policy.yaml
      gatekeeper evaluate reports/ --stage test --baseline main-reports/ --format markdown
      gatekeeper evaluate reports/ --stage test --waivers waivers.yaml
      gatekeeper evaluate reports/ --stage test --format junit --output gate.xml
    """
    instant = _instant(as_of)
    if output is not None:
        # An answer of an earlier run must not stand in for one that this run may refuse to give.
        remove(output)
    policy = _policy_with(stage, policy_file or BASE)
    subject = subject_of(
        project=project, commit=commit, tree=tree, artifact=artifact, ref=ref, cwd=Path.cwd(), tell=_note
    )
    evidence = evidence_from_files(files, subject=subject, received_at=instant, kind=kind)
    before = None
    if baseline:
        earlier = evidence_from_files(baseline, subject=subject, received_at=instant, kind=kind)
        before = Baseline(evidence=earlier)
    exceptions = _waivers(waivers, subject, stage, instant, policy, evidence)
    inputs = pipeline.resolve_inputs(
        subject=subject,
        stage=stage,
        as_of=instant,
        policy=policy,
        evidence=evidence,
        baseline=before,
        waivers=exceptions,
    )
    decision = pipeline.decide(
        inputs, policy=policy, evidence=evidence, baseline=before, waivers=exceptions, gate=False
    )
    again = _again(
        files,
        stage,
        instant,
        {
            "--policy": policy_file,
            "--baseline": baseline,
            "--waivers": waivers,
            "--kind": kind,
            "--project": project,
            "--commit": commit,
            "--tree": tree,
            "--artifact": artifact,
            "--ref": ref,
        },
    )
    screen = terminal.FILE if output is not None else terminal.screen_of(sys.stdout)
    put_or_save(written(decision, evidence, view, screen=screen, reproduce=again), output)
    if output is not None or view is not View.TABLE:
        say(f"{decision.outcome}: {subject.project} into {stage} (not a gate)")
    if policy_file is None and not decision.allowed:
        _note(
            f"judged by the shipped policy `{policy.name}`: `gatekeeper policy show {policy.name}` says what "
            "it demands, --policy FILE judges by yours"
        )
    if decision.outcome is Outcome.WARN:
        raise typer.Exit(warn_exit)
    raise typer.Exit(exits.ALLOWED if decision.allowed else exits.NO)


def _policy_with(stage: str, path: Path) -> Policy:
    policy = policy_at(path)
    if stage not in policy.stages:
        raise UnknownStage(
            f"policy {policy.name} has no stage {one_line(stage)!r}",
            hint="its stages are " + ", ".join(policy.stages),
        )
    return policy


def _waivers(
    path: Path | None,
    subject: Subject,
    stage: str,
    as_of: datetime,
    policy: Policy,
    evidence: Sequence[Evidence],
) -> tuple[Waiver, ...]:
    """The waivers of the file. Those that do not say what they cover are taken to cover what is open now."""
    if path is None:
        return ()
    found = waivers_at(path, project=subject.project, policy=policy)
    question = pipeline.resolve_inputs(
        subject=subject, stage=stage, as_of=as_of, policy=policy, evidence=evidence
    )
    found = found.covering(pipeline.open_now(question, policy=policy, evidence=evidence))
    for waiver in found.waivers:
        if waiver.id in found.open_ended:
            count = len(waiver.covered)
            _note(
                f"waiver {one_line(waiver.id)} does not say what it covers: taken to cover "
                f"{count} {'finding' if count == 1 else 'findings'} of these reports"
            )
    return found.waivers


def _note(text: str) -> None:
    say(f"note: {text}")


def _instant(text: str | None) -> datetime:
    if text is None:
        return clock.now()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--as-of {one_line(text)!r} is not a time", hint="write it as 2026-11-23T10:00:00Z"
        ) from error
    if instant.tzinfo is None:
        raise UsageError(
            f"--as-of {one_line(text)!r} has no time zone", hint="end it with Z for UTC, or with +02:00"
        )
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise UsageError(f"--as-of {one_line(text)!r} is before the year 1 or after 9999 in UTC") from error


def _again(
    files: Sequence[str], stage: str, as_of: datetime, options: dict[str, str | Path | list[str] | None]
) -> str:
    """The command that gives this answer again, over the same files."""
    words = ["gatekeeper", "evaluate", *files, "--stage", stage]
    words += ["--as-of", as_of.isoformat().replace("+00:00", "Z")]
    for option, value in options.items():
        values = value if isinstance(value, list) else [] if value is None else [str(value)]
        for item in values:
            words += [option, item]
    return shlex.join(words)
