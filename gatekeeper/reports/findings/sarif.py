"""SARIF 2.1.0 logs (OASIS standard with errata 01) of any tool.

What a log must say before its results are believed, with the section that says so:
  3.14.23 `results` is a list (null or absent: the scan did not run); 3.20.14 `executionSuccessful` is not
  false; 3.20.21 and 3.20.22 no notification has level error (the run failed, whatever else it says);
  3.14.2  no results stand in other files.
Open is a result of kind `fail` (the default) that is not `absent` from this run and not suppressed.
"""

from msgspec import UNSET

from gatekeeper.evidence import Kind, Producer
from gatekeeper.finding import Finding
from gatekeeper.metrics import FINDING_KINDS
from gatekeeper.reports.findings import sarif_model as sarif
from gatekeeper.reports.findings.fingerprint import with_occurrences
from gatekeeper.reports.findings.items import check_count
from gatekeeper.reports.findings.report import finding_report
from gatekeeper.reports.findings.sarif_results import Results
from gatekeeper.reports.findings.sarif_run import judge_run, produced_at
from gatekeeper.reports.findings.tools import kind_of_tools
from gatekeeper.reports.interface import Head, Report, ReportFormat, UnreadableReport
from gatekeeper.reports.json import collector_off, decode
from gatekeeper.reports.limits import Limits
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.repeated_keys import refuse_repeated_keys
from gatekeeper.reports.source import ReportSource

VERSION = "2.1.0"


def detect(head: Head) -> bool:
    """`runs` with SARIF's other marks; any version, so that the reader can name the one it cannot read."""
    if "runs" in head.keys:
        return "version" in head.keys or "$schema" in head.keys or b'"tool"' in head.data
    return bool(head.keys & {"$schema", "version"}) and b"sarif" in head.data[:1000].lower()


def read(source: ReportSource, limits: Limits, kind: Kind | None) -> Report:
    """The results of all runs of the log. Lines and columns are 1-based, as in SARIF 3.30.

    Raises:
        KindMismatch: the tools do not write evidence of the `kind` that is asked for.
        UnreadableReport: not SARIF 2.1.0, or nothing says which kind of evidence it is.
    """
    notes = Notes()
    log = decode(source, sarif.Log)
    runs = _checked_runs(log, kind)
    check_count([raw for run in runs for raw in run.results or ()], limits)
    told = [invocation for run in runs for invocation in run.invocations or ()]
    refuse_repeated_keys(
        source,
        {
            "runs": 1,
            "results": sum(run.results is not None for run in runs),
            "invocations": sum(run.invocations is not None for run in runs),
            "executionSuccessful": len(told),
        },
    )
    names = list(dict.fromkeys(run.tool.driver.name for run in runs))
    chosen = kind_of_tools(names, kind, FINDING_KINDS, notes)
    if not runs:
        notes.add("no-runs")
    if any(part.results for part in log.inline_external_properties or ()):
        notes.count("results-elsewhere", "inlineExternalProperties")
    findings: list[Finding] = []
    with collector_off():
        for run in runs:
            judge_run(run, notes)
            findings += Results(run, chosen, limits, notes).findings()
        findings = with_occurrences(findings)
    has_results = any(run.results is not None for run in runs)
    return finding_report(
        FORMAT.name,
        chosen,
        findings=findings,
        notes=notes,
        suppressed=0,
        producer=_producer(runs),
        produced_at=produced_at(runs, notes),
        metrics={} if has_results else None,
    )


FORMAT = ReportFormat(
    name="sarif",
    title="SARIF 2.1.0",
    kinds=FINDING_KINDS,
    tools="CodeQL, Semgrep, Bandit, ESLint, Checkov, Hadolint, Trivy, Grype, gitleaks and many more",
    detect=detect,
    read=read,
)


def _checked_runs(log: sarif.Log, kind: Kind | None) -> list[sarif.Run]:
    if log.version != VERSION:
        stated = "no version" if log.version is None else f"version {log.version[:40]!r}"
        raise UnreadableReport("wrong-shape", detail=f"a SARIF log of {stated}; only {VERSION} can be read")
    if log.runs is UNSET:
        raise UnreadableReport("wrong-shape", detail="a SARIF log without `runs`")
    if not log.runs and kind is None:
        raise UnreadableReport("no-runs")
    return log.runs or []


def _producer(runs: list[sarif.Run]) -> Producer | None:
    """The tool; of several, all their names, and a version only when there is one tool."""
    drivers = {run.tool.driver.name: run.tool.driver for run in runs}
    if not drivers:
        return None
    if len(drivers) > 1:
        return Producer(name=", ".join(drivers))
    name, driver = drivers.popitem()
    return Producer(name=name, version=driver.semantic_version or driver.version)
