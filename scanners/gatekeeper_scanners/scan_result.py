"""What a scan tells: news while it runs, and at the end what came of each scanner."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gatekeeper.evidence import EvidenceDocument, State
from gatekeeper.run_record import RunRecord
from gatekeeper_scanners.toolchain import ToolNotInstalled


class Step(StrEnum):
    """Where a scanner is."""

    INSTALLING = "installing"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One line of news about a scanner."""

    tool: str
    step: Step
    text: str


Listener = Callable[[Progress], None]
"""Called from several threads."""


class Standing(StrEnum):
    """Whether a run left a report that can be judged."""

    USABLE = "usable"
    UNUSABLE = "unusable"
    NOT_INSTALLED = "not-installed"


@dataclass(frozen=True, kw_only=True)
class ToolRun:
    """What came of one scanner."""

    record: RunRecord
    record_path: Path
    report_path: Path | None
    document: EvidenceDocument
    """What the run proves, as `gatekeeper evaluate` will read it: report and record together."""

    @property
    def is_readable(self) -> bool:
        """True when there is a report from which findings can be read; it may still be incomplete."""
        return self.document.state in (State.OK, State.INCOMPLETE)

    @property
    def standing(self) -> Standing:
        """What `gatekeeper scan` answers for this scanner."""
        if any(problem.code == ToolNotInstalled.code for problem in self.record.problems):
            return Standing.NOT_INSTALLED
        return Standing.USABLE if self.is_readable else Standing.UNUSABLE


@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """The runs in the order in which the scanners were named."""

    target: Path
    output: Path
    runs: tuple[ToolRun, ...]
