"""How bad an advisory is, from everything the mirror holds on it."""

from collections.abc import Iterable
from decimal import Decimal

from gatekeeper.finding import Severity, severity_of_score
from gatekeeper.run_record import Rating
from gatekeeper_scanners.advisories.cvss import base_score
from gatekeeper_scanners.advisories.records import Advisory

_WORDS = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
}


def rating_of(advisories: Iterable[Advisory]) -> Rating:
    """The rating of one problem that `advisories` describe under several ids (PYSEC, GHSA, CVE).

    The highest CVSS base score of all of them decides. Without a vector, the worst word of the sources
    (`database_specific.severity`); without either the severity is unknown. `aliases` are all ids, sorted.
    """
    known = list(advisories)
    aliases = tuple(sorted({name for advisory in known for name in (advisory.id, *(advisory.aliases or ()))}))
    scores = [score for advisory in known for score in _scores(advisory)]
    if scores:
        best = max(scores)
        return Rating(severity=severity_of_score(best), cvss=str(best), aliases=aliases)
    words = [word for advisory in known if (word := _word(advisory)) is not None]
    worst = max(words, key=lambda severity: severity.rank, default=Severity.UNKNOWN)
    return Rating(severity=worst, aliases=aliases)


def _scores(advisory: Advisory) -> Iterable[Decimal]:
    entries = list(advisory.severity or ())
    entries += [rated for affected in advisory.affected or () for rated in affected.severity or ()]
    for entry in entries:
        score = base_score(entry.score) if entry.type.startswith("CVSS_V") else None
        if score is not None:
            yield score


def _word(advisory: Advisory) -> Severity | None:
    said = advisory.database_specific.severity if advisory.database_specific else None
    return _WORDS.get(said.strip().lower()) if isinstance(said, str) else None
