"""Metrics: bounded series, and figures of the database that cannot break a scrape."""

from collections.abc import Callable

import httpx
import pytest
import structlog

from gatekeeper.caller import Scope
from gatekeeper.service.errors import Denied
from gatekeeper.service.settings import ServerSettings
from gatekeeper_api.app import create_app
from gatekeeper_api.figures import CACHE_S, Figures, FiguresCollector
from gatekeeper_api.metrics import Metrics
from gatekeeper_api.services import Services

Ask = Callable[..., httpx.Response]
FIGURES = Figures(
    scores=(("pay/api", "uat", 78.5),),
    decisions=(("pay/api", "uat", "fail", 3),),
    findings_open=(("pay/api", "sast", "high", 2),),
    evidence_age_s=(("pay/api", "tests", 61.5),),
)


def exposed(metrics: Metrics) -> str:
    """The text for a scraper."""
    return metrics.exposition("")[0].decode()


def test_figures_of_the_database_are_shown() -> None:
    """With their labels, under the names of the contract."""
    text = exposed(Metrics(FiguresCollector(lambda: FIGURES)))
    assert 'qgate_score{project="pay/api",stage="uat"} 78.5' in text
    assert 'qgate_decisions_total{outcome="fail",project="pay/api",stage="uat"} 3.0' in text
    assert 'qgate_findings_open{kind="sast",project="pay/api",severity="high"} 2.0' in text
    assert 'qgate_evidence_age_seconds{kind="tests",project="pay/api"} 61.5' in text


def test_what_a_process_counts_is_shown() -> None:
    """Under the names of the contract; nothing else is there, not even the process."""
    metrics = Metrics()
    metrics.rule_results.labels("uat", "coverage", "pass").inc()
    metrics.missing_evidence.labels("uat", "sca").inc()
    metrics.evidence_received.labels("tests", "ok").inc()
    metrics.evidence_bytes.inc(1024)
    text = exposed(metrics)
    assert 'qgate_rule_results_total{rule="coverage",stage="uat",status="pass"} 1.0' in text
    assert 'qgate_missing_evidence_total{kind="sca",stage="uat"} 1.0' in text
    assert 'qgate_evidence_received_total{kind="tests",state="ok"} 1.0' in text
    assert "qgate_evidence_bytes_total 1024.0" in text
    assert all(line.startswith(("qgate_", "# HELP qgate_", "# TYPE qgate_")) for line in text.splitlines())
    assert "_created" not in text


def test_the_database_is_asked_at_most_every_15_seconds() -> None:
    """However often somebody scrapes; making the registry asks nothing."""
    asked, now = [], 100.0

    def figures() -> Figures:
        asked.append(now)
        return FIGURES

    metrics = Metrics(FiguresCollector(figures, monotonic=lambda: now))
    assert asked == []
    for now in (100.0, 100.0 + CACHE_S - 0.1, 100.0 + CACHE_S):  # noqa: B007 - read by `figures`
        exposed(metrics)
    assert asked == [100.0, 115.0]


def test_a_database_that_is_gone_costs_only_its_own_series() -> None:
    """They are absent, not old; the failure is counted, logged, and not repeated within 15 seconds."""
    now, is_gone = 0.0, False

    def figures() -> Figures:
        if is_gone:
            raise OSError("gone")
        return FIGURES

    metrics = Metrics(FiguresCollector(figures, monotonic=lambda: now))
    metrics.evidence_bytes.inc()
    assert "qgate_score{" in exposed(metrics)
    now, is_gone = CACHE_S, True
    with structlog.testing.capture_logs() as events:
        texts = [exposed(metrics), exposed(metrics)]
    for text in texts:
        assert "qgate_collector_errors_total 1.0" in text
        assert "qgate_score{" not in text
        assert "qgate_evidence_bytes_total 1.0" in text
    assert [event["event"] for event in events] == ["metrics.figures_failed"]
    now, is_gone = 2 * CACHE_S, False
    assert "qgate_score{" in exposed(metrics)


@pytest.mark.parametrize(
    ("accept", "content_type", "end"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", ""),
        ("text/plain; version=abc", "text/plain; version=0.0.4; charset=utf-8", ""),
        (
            "application/openmetrics-text; version=1.0.0",
            "application/openmetrics-text; version=1.0.0",
            "# EOF\n",
        ),
        (
            "application/openmetrics-text; version=x\x7f",
            "application/openmetrics-text; version=1.0.0",
            "# EOF\n",
        ),
    ],
)
def test_the_format_is_negotiated_and_never_echoed(
    settings: ServerSettings, ask: Ask, accept: str, content_type: str, end: str
) -> None:
    """Prometheus text, or OpenMetrics for who asks for it."""
    app = create_app(settings, Services())
    answered = ask(app, "GET", "/metrics", headers=[(b"accept", accept.encode())])
    assert answered.status_code == 200
    assert answered.headers["content-type"].startswith(content_type)
    assert answered.text.endswith(end)


def test_metrics_take_a_scope_unless_they_are_public(settings: ServerSettings, ask: Ask) -> None:
    """Fail closed: without anybody to ask, nobody may."""
    private = settings.model_copy(update={"metrics_public": False})
    assert ask(create_app(private, Services()), "GET", "/metrics").status_code == 401
    asked = []

    async def authorise(_request: object, scope: Scope) -> None:
        asked.append(scope)
        raise Denied("no")

    assert ask(create_app(private, Services(authorise=authorise)), "GET", "/metrics").status_code == 403
    assert asked == [Scope.METRICS_READ]
    assert ask(create_app(settings, Services()), "GET", "/metrics").status_code == 200


def test_methods_are_few() -> None:
    """Whatever a client calls its method, it is one of a short list."""
    metrics = Metrics()
    for number in range(5):
        metrics.answered("(none)", f"X{number}", 405, 0.1)
    assert 'method="other",route="(none)",status="405"} 5.0' in exposed(metrics)
