"""One scan: the scanners side by side on one private copy of the target, a report and a record for each.

The steps of one scanner, each of which can end it early with a record that says so:
1. its environment is made ready; 2. it prepares its command; 3. the command runs, bounded; 4. its report is
reviewed and written; 5. report and record are read as `gatekeeper evaluate` will read them.
"""

import io
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gatekeeper.canonical import digest_of_bytes
from gatekeeper.evidence import EvidenceDocument, Problem
from gatekeeper.pipeline import Received, evidence_from
from gatekeeper.reports.limits import DEFAULT_LIMITS
from gatekeeper.reports.registry import read_report
from gatekeeper.reports.source import ReportSource
from gatekeeper.run_record import Ending, RunRecord
from gatekeeper.settings import Settings
from gatekeeper.subject import Subject
from gatekeeper_scanners.interface import CannotRun, Command, Job, Review, Scanner
from gatekeeper_scanners.manifest import Manifest
from gatekeeper_scanners.output import clear, open_output, write_report, write_run
from gatekeeper_scanners.run import Outcome, RunLimits, run_tool
from gatekeeper_scanners.scan_result import Listener, Progress, ScanResult, Step, ToolRun
from gatekeeper_scanners.source_copy import EXCLUDED_FOLDERS, SourceCopy, copy_source, matches
from gatekeeper_scanners.toolchain import Toolchain, ToolNotInstalled, toolchain


def scan(
    target: Path,
    output: Path,
    *,
    scanners: Sequence[Scanner],
    settings: Settings,
    clock: Callable[[], datetime],
    listener: Listener,
    limits: RunLimits,
) -> ScanResult:
    """Run `scanners` on the folder `target` and write `<tool>.json` and `<tool>.run.json` into `output`.

    Reports of these scanners from an earlier run are removed before anything starts, so an old report never
    stands for a new run. A scanner that fails leaves a record without a report, and the others go on.

    Raises:
        UsageError: `target` is no folder, or `output` cannot be one.
        KeyboardInterrupt: passed on after every started process is dead.
    """
    target = target.resolve()
    output = open_output(target, output)
    clear(output, [scanner.name for scanner in scanners])
    cancel = threading.Event()
    with tempfile.TemporaryDirectory(prefix="gatekeeper-scan-", ignore_cleanup_errors=True) as private:
        patterns = {pattern for scanner in scanners for pattern in scanner.manifest.files}
        root = Path(private) / "source"
        root.mkdir(mode=0o700)
        # Pipelines keep our folders in the checkout, because only what lies there is cached between jobs.
        ours = (output, settings.cache.resolve(), settings.data.resolve())
        source = copy_source(target, root, patterns=tuple(sorted(patterns)), leave_out=ours)
        session = _Session(
            target=target,
            output=output,
            private=Path(private),
            source=source,
            settings=settings,
            clock=clock,
            listener=listener,
            limits=limits,
            cancel=cancel,
        )
        with ThreadPoolExecutor(len(scanners), thread_name_prefix="scanner") as pool:
            futures = [pool.submit(_run_one, session, scanner) for scanner in scanners]
            runs = _gather(futures, cancel)
    return ScanResult(target=target, output=output, runs=runs)


@dataclass(frozen=True, kw_only=True)
class _Session:
    """What the scanners of one scan share."""

    target: Path
    output: Path
    private: Path
    source: SourceCopy
    settings: Settings
    clock: Callable[[], datetime]
    listener: Listener
    limits: RunLimits
    cancel: threading.Event


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """What is known of a run when it ends, however early."""

    started_at: datetime
    outcome: Outcome
    command: Command | None = None
    argv: tuple[str, ...] = ()
    review: Review | None = None
    problems: tuple[Problem, ...] = ()


def _gather(futures: Sequence[Future[ToolRun]], cancel: threading.Event) -> tuple[ToolRun, ...]:
    try:
        return tuple(future.result() for future in futures)
    except BaseException:
        cancel.set()  # Ctrl-C, or a defect in one scanner: the others must not go on unseen
        raise


def _run_one(session: _Session, scanner: Scanner) -> ToolRun:
    manifest = scanner.manifest
    started_at = session.clock()

    def say(text: str) -> None:
        session.listener(Progress(tool=scanner.name, step=Step.INSTALLING, text=text))

    try:
        tool = toolchain(manifest, session.settings.tools, say=say, cancel=session.cancel)
        attempt = _attempt(session, scanner, manifest, tool)
    except ToolNotInstalled as exc:
        problem = Problem(
            code=exc.code, params={"tool": manifest.title, "detail": exc.message, "hint": exc.hint}
        )
        attempt = _Attempt(started_at=started_at, outcome=_NOT_STARTED, problems=(problem,))
    except CannotRun as exc:
        attempt = _Attempt(started_at=started_at, outcome=_NOT_STARTED, problems=(exc.problem,))
    except OSError as exc:  # a full disk, a vanished interpreter
        problem = Problem(code="cannot-run", params={"detail": str(exc)})
        attempt = _Attempt(started_at=started_at, outcome=_NOT_STARTED, problems=(problem,))
    run = _finish(session, scanner, manifest, attempt)
    session.listener(Progress(tool=scanner.name, step=Step.DONE, text=run.record.ending.value))
    return run


_NOT_STARTED = Outcome(ending=Ending.NOT_STARTED, exit_code=None, duration_ms=0, stderr_tail="")


def _attempt(session: _Session, scanner: Scanner, manifest: Manifest, tool: Toolchain) -> _Attempt:
    workspace = session.private / scanner.name
    workspace.mkdir(mode=0o700)
    job = Job(
        target=session.target,
        source=session.source.root,
        files=tuple(file for file in session.source.files if _reads(manifest, file)),
        workspace=workspace,
        settings=session.settings,
    )
    with scanner.prepare(job) as command:
        text = f"{command.files_seen:,} {'file' if command.files_seen == 1 else 'files'}"
        session.listener(Progress(tool=scanner.name, step=Step.RUNNING, text=text))
        started_at = session.clock()
        outcome = run_tool(
            (str(tool.python), "-I", "-m", manifest.module, *command.arguments),
            cwd=command.cwd,
            workspace=workspace,
            report=job.report,
            environ=command.environ,
            finished_codes=command.finished_codes,
            limits=session.limits,
            niceness=manifest.niceness,
            cancel=session.cancel,
        )
    finished = outcome.ending is Ending.FINISHED
    return _Attempt(
        started_at=started_at,
        outcome=outcome,
        command=command,
        argv=_portable(manifest.name, command, job),
        review=scanner.review(job, command, job.report.read_bytes()) if finished else None,
    )


def _reads(manifest: Manifest, file: str) -> bool:
    return matches(file, manifest.files)


def _portable(name: str, command: Command, job: Job) -> tuple[str, ...]:
    """The command line without the folders of this machine."""
    folders = {
        **{path: f"{{{word}}}" for word, path in command.placeholders.items()},
        job.workspace: "{output}",
        job.source: "{target}",
        job.target: "{target}",
    }
    words = []
    for argument in command.arguments:
        word = argument
        for path, placeholder in folders.items():
            word = word.replace(str(path), placeholder)
        words.append(word)
    return (name, *words)


def _finish(session: _Session, scanner: Scanner, manifest: Manifest, attempt: _Attempt) -> ToolRun:
    command, review = attempt.command, attempt.review
    unread = sum(_reads(manifest, file) for file in session.source.unread)
    record = RunRecord(
        tool=scanner.name,
        tool_version=manifest.version,
        kind=scanner.kind,
        argv=attempt.argv,
        requirements_digest=manifest.requirements_digest,
        rules_digest=command.rules_digest if command else None,
        started_at=attempt.started_at,
        duration_ms=attempt.outcome.duration_ms,
        ending=attempt.outcome.ending,
        exit_code=attempt.outcome.exit_code,
        report=f"{scanner.name}.json" if review else None,
        report_sha256=digest_of_bytes(review.report).removeprefix("sha256:") if review else None,
        files_seen=command.files_seen + unread if command else None,
        excludes=EXCLUDED_FOLDERS,
        problems=(
            *_copy_problems(session.source, manifest),
            *attempt.problems,
            *(review.problems if review else ()),
        ),
        database=command.database if command else None,
        ratings=dict(review.ratings) if review else {},
        stderr_tail=attempt.outcome.stderr_tail,
    )
    report_path = write_report(session.output, scanner.name, review.report) if review else None
    return ToolRun(
        record=record,
        record_path=write_run(session.output, record),
        report_path=report_path,
        document=_understood(record, review.report if review else None, session.clock()),
    )


def _copy_problems(source: SourceCopy, manifest: Manifest) -> tuple[Problem, ...]:
    counts = {
        "files-unreadable": ("files", sum(_reads(manifest, file) for file in source.unread)),
        "folders-unreadable": ("folders", len(source.unread_folders)),
        "links-not-followed": ("links", len(source.links_out)),
    }
    return tuple(Problem(code=code, params={name: count}) for code, (name, count) in counts.items() if count)


def _understood(record: RunRecord, report: bytes | None, at: datetime) -> EvidenceDocument:
    name = f"{record.tool}.json"
    read = None
    if report is not None:
        source = ReportSource(io.BytesIO(report), name=name, limits=DEFAULT_LIMITS)
        read = read_report(source, kind=record.kind)
    received = Received(
        report=read, sha256=record.report_sha256 or "", name=record.tool, job=name, record=record
    )
    # The subject names the evidence and changes nothing of what the document says.
    return evidence_from(received, subject=Subject(project="scan"), received_at=at, order=0).document
