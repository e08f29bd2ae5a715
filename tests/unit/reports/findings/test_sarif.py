"""SARIF logs: what a run must prove, which kind it is, what is refused."""

from typing import Any

import pytest

from gatekeeper.evidence import Kind, State
from gatekeeper.reports.interface import KindMismatch, UnreadableReport
from gatekeeper.reports.limits import Limits

RESULT = {"ruleId": "B1", "level": "error", "message": {"text": "bad"}}


def _log_of(*runs: dict[str, Any], **top: Any) -> dict[str, Any]:
    return {"version": "2.1.0", "runs": list(runs), **top}


def _run_of(name: str = "Bandit", **keys: Any) -> dict[str, Any]:
    return {"tool": {"driver": {"name": name}}, "results": []} | keys


def _codes(report: Any) -> list[str]:
    return [problem.code for problem in report.problems]


def test_empty_results_of_a_finished_run_are_clean(read: Any) -> None:
    """An empty list of results is a proof (SARIF 3.14.23), with every count zero."""
    report = read("sarif", _log_of(_run_of(invocations=[{"executionSuccessful": True}])))
    assert (report.state, report.kind, report.problems) == (State.OK, Kind.SAST, ())
    assert report.metrics["sast.total"] == 0


@pytest.mark.parametrize(
    ("run", "state", "code"),
    [
        ({"results": None}, State.FAILED, "scan-did-not-run"),
        ({"invocations": [{"executionSuccessful": False}]}, State.FAILED, "scan-failed"),
        ({"invocations": [{}]}, State.INCOMPLETE, "scan-errors"),
        ({"invocations": [{"executionSuccessful": None}]}, State.INCOMPLETE, "scan-errors"),
        ({"invocations": [{"exitSignalName": "SIGKILL"}]}, State.FAILED, "scan-failed"),
        ({"invocations": [{"processStartFailureMessage": "not found"}]}, State.FAILED, "scan-failed"),
        (
            {"invocations": [{"toolExecutionNotifications": [{"level": "error"}]}]},
            State.INCOMPLETE,
            "scan-errors",
        ),
        (
            {"invocations": [{"toolConfigurationNotifications": [{"level": "error"}]}]},
            State.INCOMPLETE,
            "scan-errors",
        ),
        (
            {"results": None, "externalPropertyFileReferences": {"results": [{"itemCount": 3}]}},
            State.INCOMPLETE,
            "results-elsewhere",
        ),
        (
            {"externalPropertyFileReferences": {"driver": {"location": {"uri": "d.json"}}}},
            State.INCOMPLETE,
            "results-elsewhere",
        ),
        ({"properties": {"metrics": {"_totals": {"loc": 0}}}}, State.INCOMPLETE, "no-data"),
        ({"results": [{"ruleId": "B1", "kind": "open"}]}, State.INCOMPLETE, "undecided"),
        ({"results": [{"ruleId": "B1", "kind": "review", "level": "none"}]}, State.INCOMPLETE, "undecided"),
    ],
)
def test_a_run_that_proves_nothing_is_never_clean(
    read: Any, run: dict[str, Any], state: State, code: str
) -> None:
    """Each way in which a run without findings is not a proof has a state and a name."""
    report = read("sarif", _log_of(_run_of(**run)))
    assert (report.state, _codes(report)) == (state, [code])


def test_missing_results_mean_that_the_scan_did_not_run(read: Any) -> None:
    """Without a list of results there are no counts either: unknown is not zero."""
    report = read("sarif", _log_of({"tool": {"driver": {"name": "Bandit"}}}))
    assert (report.state, dict(report.metrics)) == (State.FAILED, {})


def test_notification_level_comes_from_its_description(read: Any) -> None:
    """A notification without level has its descriptor's default (SARIF 3.58.6), else warning."""
    driver = {"name": "Bandit", "notifications": [{"id": "N", "defaultConfiguration": {"level": "error"}}]}
    run = {"tool": {"driver": driver}, "results": []}
    described = {"executionSuccessful": True, "toolExecutionNotifications": [{"descriptor": {"index": 0}}]}
    assert _codes(read("sarif", _log_of(run | {"invocations": [described]}))) == ["scan-errors"]
    plain = {"executionSuccessful": True, "toolExecutionNotifications": [{"message": {"text": "slow"}}]}
    assert read("sarif", _log_of(run | {"invocations": [plain]})).state is State.OK


def test_semgrep_warns_about_code_it_did_not_search(read: Any) -> None:
    """Semgrep gives syntax errors the level warning: they count as lost code all the same."""
    warning = {"level": "warning", "descriptor": {"id": "Syntax error"}}
    run = _run_of("Semgrep OSS", invocations=[{"toolExecutionNotifications": [warning]}])
    assert read("sarif", _log_of(run)).state is State.INCOMPLETE


def test_a_log_without_runs_is_no_proof(read: Any) -> None:
    """`runs: []` is incomplete where the sender says the kind, and unreadable where nobody does."""
    report = read("sarif", _log_of(), kind="sast")
    assert (report.state, _codes(report), dict(report.metrics)) == (State.INCOMPLETE, ["no-runs"], {})
    for runs in ([], None):
        with pytest.raises(UnreadableReport) as refusal:
            read("sarif", {"version": "2.1.0", "runs": runs})
        assert refusal.value.problem.code == "no-runs"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ({"version": "2.0.0", "runs": []}, "'2.0.0'"),
        ({"version": "1.0.0-beta.5", "runs": []}, "1.0.0-beta.5"),
        ({"runs": []}, "no version"),
        ({"version": "2.1.0"}, "without `runs`"),
        ({"version": "2.1.0", "runs": [{"results": []}]}, "tool"),
        ({"version": "2.1.0", "runs": {}}, "runs"),
        ([], "object"),
    ],
)
def test_other_versions_and_shapes_are_refused_by_name(read: Any, log: Any, words: str) -> None:
    """What is not SARIF 2.1.0 is unreadable, and the refusal says what it is."""
    with pytest.raises(UnreadableReport) as refusal:
        read("sarif", log, kind="sast")
    assert refusal.value.problem.code == "wrong-shape"
    assert words in str(refusal.value.problem.params["detail"])


@pytest.mark.parametrize(
    "text",
    [
        b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Bandit"}},"results":[{"ruleId":"B1"}],"results":[]}]}',
        b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"Bandit"}},"results":[{"ruleId":"B1"}]}],"runs":[]}',
    ],
)
def test_a_repeated_key_cannot_hide_results(read: Any, text: bytes) -> None:
    """A second `results` or `runs` would replace the first: refused."""
    with pytest.raises(UnreadableReport, match="wrong-shape"):
        read("sarif", text, kind="sast")


def test_results_as_a_word_elsewhere_are_no_repetition(read: Any) -> None:
    """A property bag or a code snippet may hold the word."""
    bag = {"results": 3, "note": 'a["results"]: 1'}
    report = read("sarif", _log_of(_run_of(results=[RESULT | {"properties": bag}])))
    assert report.metrics["sast.total"] == 1


def test_one_bad_result_is_counted_and_spares_the_rest(read: Any) -> None:
    """Results of the wrong shape are `unparsed`; the good ones stand."""
    bad: list[Any] = [
        None,
        7,
        {"ruleId": 5},
        RESULT | {"message": "plain"},
        RESULT | {"locations": [{"a": 1}, 3]},
    ]
    report = read("sarif", _log_of(_run_of(results=[RESULT, *bad, RESULT])))
    assert report.state is State.INCOMPLETE
    assert (report.metrics["sast.total"], report.metrics["sast.unparsed"]) == (3, 4)


def test_a_bad_rule_is_told(read: Any) -> None:
    """A rule that cannot be read may have rated its results higher."""
    tool = {"driver": {"name": "Bandit", "rules": [{"id": 7}]}}
    report = read("sarif", _log_of({"tool": tool, "results": [RESULT]}))
    assert (report.state, _codes(report)) == (State.INCOMPLETE, ["rules-unparsed"])


def test_more_results_than_the_limit_are_refused(read: Any) -> None:
    """The limit on findings refuses the report, naming the limit."""
    with pytest.raises(UnreadableReport) as refusal:
        read("sarif", _log_of(_run_of(results=[RESULT] * 3)), limits=Limits(max_findings=2))
    assert refusal.value.problem.params == {"limit": 2}


def test_the_kind_follows_the_tool(read: Any) -> None:
    """A listed tool fixes the kind; asking for another one is a mismatch."""
    assert read("sarif", _log_of(_run_of("Hadolint"))).kind is Kind.IAC
    with pytest.raises(KindMismatch, match="Hadolint is evidence of iac, not of sast"):
        read("sarif", _log_of(_run_of("Hadolint")), kind="sast")


def test_a_tool_of_several_kinds_needs_the_sender(read: Any) -> None:
    """Trivy writes four kinds: the sender chooses among them, and nobody guesses."""
    assert read("sarif", _log_of(_run_of("Trivy")), kind="container").kind is Kind.CONTAINER
    with pytest.raises(UnreadableReport) as refusal:
        read("sarif", _log_of(_run_of("Trivy")))
    assert refusal.value.problem.code == "kind-unknown"
    with pytest.raises(KindMismatch):
        read("sarif", _log_of(_run_of("Trivy")), kind="dast")


def test_an_unlisted_tool_is_taken_at_the_senders_word(read: Any) -> None:
    """With a kind it is read with a problem; without one it is refused."""
    report = read("sarif", _log_of(_run_of("HouseLint")), kind="sast")
    assert (report.state, _codes(report)) == (State.OK, ["tool-unlisted"])
    with pytest.raises(UnreadableReport, match="kind-unknown"):
        read("sarif", _log_of(_run_of("HouseLint")))


def test_runs_of_tools_without_a_common_kind_are_refused(read: Any) -> None:
    """One log is one piece of evidence, so its runs must share a kind."""
    with pytest.raises(UnreadableReport, match="mixed-kinds"):
        read("sarif", _log_of(_run_of("Bandit"), _run_of("gitleaks")))
    report = read("sarif", _log_of(_run_of("Bandit"), _run_of("CodeQL", results=[RESULT])))
    assert (report.kind, report.producer.name, report.metrics["sast.total"]) == (
        Kind.SAST,
        "Bandit, CodeQL",
        1,
    )


def test_one_failed_run_fails_the_log(read: Any) -> None:
    """A good run does not hide one that did not run."""
    report = read("sarif", _log_of(_run_of(results=[RESULT]), _run_of(results=None)))
    assert (report.state, report.metrics["sast.total"]) == (State.FAILED, 1)


def test_results_at_the_top_of_the_log_are_told(read: Any) -> None:
    """`inlineExternalProperties` may hold results of a run; they are not read, so the log is incomplete."""
    report = read("sarif", _log_of(_run_of(), inlineExternalProperties=[{"results": [RESULT]}]))
    assert (report.state, _codes(report)) == (State.INCOMPLETE, ["results-elsewhere"])


def test_producer_and_time(read: Any) -> None:
    """Name and version of the driver, and the end of the oldest run in UTC."""
    tool = {"driver": {"name": "Bandit", "version": "1", "semanticVersion": "1.9.4"}}
    ends = [{"endTimeUtc": "2026-11-23T08:00:00+02:00"}, {"startTimeUtc": "2026-11-23T06:30:00.5Z"}]
    report = read("sarif", _log_of({"tool": tool, "results": [], "invocations": ends}))
    assert (report.producer.name, report.producer.version) == ("Bandit", "1.9.4")
    assert report.produced_at.isoformat() == "2026-11-23T06:00:00+00:00"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-11-23T06:00:00", "no-time-zone"),
        ("yesterday", "bad-time"),
        ("0001-01-01T00:00+23:00", "bad-time"),
    ],
)
def test_a_time_that_cannot_be_used_is_left_out(read: Any, text: str, code: str) -> None:
    """A time without zone or sense is a problem and no time."""
    report = read("sarif", _log_of(_run_of(invocations=[{"executionSuccessful": True, "endTimeUtc": text}])))
    assert (report.produced_at, _codes(report), report.state) == (None, [code], State.OK)


@pytest.mark.parametrize("name", ["broken", "broken/syntax"])
def test_a_notification_is_described_by_its_id(read: Any, name: str) -> None:
    """SARIF 3.52.4: an index is not needed, and an id may be longer than that of its descriptor."""
    described = [{"id": "fine"}, {"id": "broken", "defaultConfiguration": {"level": "error"}}]
    invocation = {
        "executionSuccessful": True,
        "toolExecutionNotifications": [{"descriptor": {"id": name}, "message": {"text": "x"}}],
    }
    run = _run_of(results=[], invocations=[invocation])
    run["tool"]["driver"]["notifications"] = described
    assert _codes(read("sarif", _log_of(run))) == ["scan-errors"]
