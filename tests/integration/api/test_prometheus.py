"""A real Prometheus scrapes the server, and its own checker finds nothing to say."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from programs import program

from gatekeeper_api.figures import Figures
from gatekeeper_api.services import Services
from gatekeeper_api.serving import listening

Live = Callable[..., AbstractContextManager[str]]
WITHIN_S = 30
FIGURES = Figures(
    scores=(("pay/api", "uat", 78.5),),
    decisions=(("pay/api", "uat", "fail", 3),),
    findings_open=(("pay/api", "sast", "high", 2),),
    evidence_age_s=(("pay/api", "tests", 61.5),),
)
SERVICES = Services(figures=lambda: FIGURES)


def test_promtool_accepts_every_metric(live: Live) -> None:
    """Names, units, help texts and types, as Prometheus wants them."""
    with live(SERVICES) as base:
        httpx.get(f"{base}/healthz")
        text = httpx.get(f"{base}/metrics").content
    done = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, timeout=WITHIN_S
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    assert b"qgate_http_requests_total{" in text


def test_prometheus_scrapes_both_what_was_counted_and_what_the_database_knows(
    live: Live, tmp_path: Path
) -> None:
    """Asked over its own API for one sample of each."""
    with live(SERVICES) as base, prometheus(base.removeprefix("http://"), tmp_path) as api:
        httpx.get(f"{base}/healthz")
        assert sample(api, 'qgate_score{project="pay/api",stage="uat"}') == "78.5"
        assert sample(api, 'qgate_findings_open{severity="high"}') == "2"
        assert sample(api, 'qgate_http_requests_total{route="/healthz",status="200"}') == "1"
        assert sample(api, 'qgate_http_request_duration_seconds_count{route="/healthz"}') == "1"


@contextmanager
def prometheus(target: str, folder: Path) -> Iterator[str]:
    """A Prometheus that scrapes `target` every second; the URL of its API."""
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        f"scrape_configs: [{{job_name: gatekeeper, static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    with listening("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}/api/v1/query"
        finally:
            process.terminate()
            process.wait(WITHIN_S)


def sample(api: str, query: str) -> str:
    """The value of the one series that `query` finds, once it is there."""
    deadline = time.monotonic() + WITHIN_S
    said = ""
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(api, params={"query": query})
            said = answer.text
            if answer.is_success and (found := answer.json()["data"]["result"]):
                (one,) = found
                return str(one["value"][1])
        except httpx.TransportError as error:
            said = str(error)
        time.sleep(0.2)
    pytest.fail(f"no sample of {query} within {WITHIN_S} s: {said[:500]}")
