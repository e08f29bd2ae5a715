"""Does a SARIF run prove that the tool did its work?"""

from datetime import datetime

from gatekeeper.reports.findings import sarif_model as sarif
from gatekeeper.reports.findings.items import each
from gatekeeper.reports.notes import Notes
from gatekeeper.reports.times import utc_time

_TELLS_ALL_LOSSES = ("semgrep", "opengrep")
"""Tools whose execution notifications, of any level, say that some code was not searched: Semgrep writes
syntax errors and timeouts with level warning."""


def judge_run(run: sarif.Run, notes: Notes) -> None:
    """Note everything that keeps `run` from being a proof of a finished scan."""
    elsewhere = run.external_property_file_references
    if elsewhere and elsewhere.results:
        notes.count("results-elsewhere", "results")
    elif run.results is None:
        notes.add("scan-did-not-run")
    if elsewhere and (elsewhere.driver or elsewhere.extensions):
        notes.count("results-elsewhere", "rules")
    for invocation in run.invocations or ():
        _judge_invocation(run, invocation, notes)
    _judge_files(run, notes)


def produced_at(runs: list[sarif.Run], notes: Notes) -> datetime | None:
    """When the oldest of the runs ended (or, where that is not told, began)."""
    texts = [
        invocation.end_time_utc or invocation.start_time_utc
        for run in runs
        for invocation in run.invocations or ()
    ]
    return min((time for text in texts if (time := utc_time(text, notes.count))), default=None)


def _judge_invocation(run: sarif.Run, invocation: sarif.Invocation, notes: Notes) -> None:
    if invocation.execution_successful is False:
        notes.count("scan-failed", "executionSuccessful is false")
    if invocation.exit_signal_name or invocation.process_start_failure_message:
        notes.count("scan-failed", invocation.exit_signal_name or "the process did not start")
    elif invocation.execution_successful is None:
        # SARIF 3.20.14 demands it of every invocation: a run that does not say so is not known to have ended.
        notes.count("scan-errors", "executionSuccessful is not stated")
    defaults = _Described(run.tool.driver)
    tells_all = run.tool.driver.name.lower().startswith(_TELLS_ALL_LOSSES)
    for notification in invocation.tool_execution_notifications or ():
        if tells_all or _level(notification, defaults) == "error":
            notes.count("scan-errors", _title(notification))
    for notification in invocation.tool_configuration_notifications or ():
        if _level(notification, defaults) == "error":
            notes.count("scan-errors", _title(notification))


def _judge_files(run: sarif.Run, notes: Notes) -> None:
    """Bandit keeps its table of files in the property bag; an empty one means that nothing was scanned."""
    metrics = run.properties.metrics if run.properties else None
    if (
        run.tool.driver.name.lower() == "bandit"
        and isinstance(metrics, dict)
        and not metrics.keys() - {"_totals"}
    ):
        notes.add("no-data")


class _Described:
    """The descriptors of a tool's notifications (3.19.24)."""

    def __init__(self, driver: sarif.Component) -> None:
        # One that cannot be read only costs its default level; the notification itself is counted.
        self._by_index = [*each(driver.notifications or [], sarif.RULE, notes=Notes())]
        self._by_id = {rule.id: rule for rule in reversed(self._by_index)}

    def meant_by(self, meant: sarif.Reference | None) -> sarif.Rule | None:
        """SARIF 3.52.4: by index, else by id, which may be a longer, hierarchical form."""
        if meant is None:
            return None
        if meant.index is not None and 0 <= meant.index < len(self._by_index):
            return self._by_index[meant.index]
        name = meant.id or ""
        while name:
            if found := self._by_id.get(name):
                return found
            name = name.rpartition("/")[0]
        return None


def _level(notification: sarif.Notification, described: _Described) -> str:
    """SARIF 3.58.6: its own level, its descriptor's default, else warning."""
    if notification.level is not None:
        return notification.level
    rule = described.meant_by(notification.descriptor)
    configuration = rule.default_configuration if rule else None
    return (configuration.level if configuration else None) or "warning"


def _title(notification: sarif.Notification) -> str:
    text = notification.message.text if notification.message else None
    return (notification.descriptor.id if notification.descriptor else None) or text or "notification"
