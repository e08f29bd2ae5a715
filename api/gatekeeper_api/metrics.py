"""The metrics of one server process. No multiprocess mode: each replica is a target of its own."""

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

from gatekeeper.decision import Decision
from gatekeeper_api.figures import FiguresCollector

REQUEST_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Counters of this process, and the collector of what the database knows, in their own registry.

    The prefix is `qgate_`: names with `gatekeeper_` belong to OPA Gatekeeper, which our users also run.
    """

    def __init__(self, figures: FiguresCollector | None = None) -> None:
        # `_created` series double the exposition, and promtool takes them for gauges that lack help.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.rule_results = self._counter(
            "qgate_rule_results", "Results of rules in recorded decisions.", "stage", "rule", "status"
        )
        self.missing_evidence = self._counter(
            "qgate_missing_evidence", "Evidence that a decision needed and had not.", "stage", "kind"
        )
        self.evidence_received = self._counter(
            "qgate_evidence_received", "Uploads recorded, by what they were.", "kind", "state"
        )
        self.evidence_bytes = self._counter("qgate_evidence_bytes", "Bytes of the uploads recorded, decoded.")
        self._requests = self._counter(
            "qgate_http_requests", "HTTP requests answered.", "route", "method", "status"
        )
        self._durations = Histogram(
            "qgate_http_request_duration_seconds",
            "Time from the head of a request to the end of its answer.",
            ("route",),
            registry=self.registry,
            buckets=REQUEST_BUCKETS_S,
        )
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        if figures is not None:
            self.registry.register(figures)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer. `route` is the template such as `/api/v1/evidence/{id}`, never a raw path."""
        key = (route, method if method in _METHODS else "other", status)
        if (pair := self._known.get(key)) is None:  # `labels()` costs more than counting
            pair = (self._requests.labels(route, key[1], str(status)), self._durations.labels(route))
            self._known[key] = pair
        pair[0].inc()
        pair[1].observe(seconds)

    def decided(self, decision: Decision) -> None:
        """Count a decision that was recorded just now: its rules, and what it lacked."""
        for rule in decision.rules:
            self.rule_results.labels(decision.stage, rule.id, str(rule.status)).inc()
        for missing in decision.missing:
            self.missing_evidence.labels(decision.stage, str(missing.kind)).inc()

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The body and content type for a scraper with this `Accept`. Reads the database: not in the loop."""
        # Not prometheus_client's `choose_encoder`: it fails on an odd version and echoes what it was sent.
        if "application/openmetrics-text" in accept:
            return openmetrics.generate_latest(self.registry), openmetrics.CONTENT_TYPE_LATEST  # type: ignore[no-untyped-call]
        text: bytes = generate_latest(self.registry)
        return text, CONTENT_TYPE_PLAIN_0_0_4

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)
