"""The figures of a server that live in its database, for whoever watches it."""

from dataclasses import dataclass

from gatekeeper.service.server import Server
from gatekeeper.store import figures
from gatekeeper.store.database import Connection
from gatekeeper.store.figures import Counted


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What one snapshot says."""

    decisions: list[Counted]
    findings_open: list[tuple[str, str, str, int]]
    """(project path, kind, severity, how many)."""
    evidence_age_s: list[tuple[str, str, float]]
    """(project path, kind, age of the newest whole report)."""

    @property
    def scores(self) -> list[tuple[str, str, float]]:
        """(project path, stage, 0-100) of the newest decision of each, where it has a score."""
        newest: dict[tuple[str, str], Counted] = {}
        for one in sorted(self.decisions, key=lambda one: one.recorded_at):
            newest[one.project, one.stage] = one
        return [(*key, float(one.score)) for key, one in newest.items() if one.score is not None]


def standing(server: Server) -> Standing:
    """The figures of now.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    now = server.clock()

    def work(connection: Connection) -> Standing:
        return Standing(
            decisions=figures.decisions(connection),
            findings_open=figures.findings(connection),
            evidence_age_s=[
                (path, kind, (now - at).total_seconds())
                for path, kind, at in figures.newest_evidence(connection)
            ],
        )

    return server.database.read(work)
