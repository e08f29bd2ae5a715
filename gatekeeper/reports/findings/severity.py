"""How each tool's words and scores become a `Severity`: tables, each with its source."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from gatekeeper.finding import Severity
from gatekeeper.reports.notes import Notes

BANDIT = MappingProxyType(
    # bandit/core/constants.py RANKING. UNDEFINED is what a plugin says that did not decide.
    {
        "HIGH": Severity.HIGH,
        "MEDIUM": Severity.MEDIUM,
        "LOW": Severity.LOW,
        "UNDEFINED": Severity.UNKNOWN,
    }
)

SEMGREP = MappingProxyType(
    # semgrep.dev/docs/writing-rules/rule-syntax: ERROR, WARNING, INFO are the older names of HIGH, MEDIUM,
    # LOW. EXPERIMENT and INVENTORY mark rules that are tried out or only list things; they rate nothing, so:
    # unknown.
    {
        "CRITICAL": Severity.CRITICAL,
        "HIGH": Severity.HIGH,
        "MEDIUM": Severity.MEDIUM,
        "LOW": Severity.LOW,
        "ERROR": Severity.HIGH,
        "WARNING": Severity.MEDIUM,
        "INFO": Severity.LOW,
        "EXPERIMENT": Severity.UNKNOWN,
        "INVENTORY": Severity.UNKNOWN,
    }
)

SARIF_LEVEL = MappingProxyType(
    # SARIF 2.1.0 section 3.27.10.
    {
        "error": Severity.HIGH,
        "warning": Severity.MEDIUM,
        "note": Severity.LOW,
        "none": Severity.INFO,
    }
)

_SCORE = re.compile(r"[0-9]{1,2}(\.[0-9]{1,6})?")


def score_text(value: object) -> str | None:
    """`value` as the text of a score above 0 and up to 10; None for everything else.

    A score of 0.0, "NaN", a word, null or a number out of range rates nothing and must not hide a finding.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    return text if _SCORE.fullmatch(text) and 0 < float(text) <= 10 else None


def word_severity(word: str, table: Mapping[str, Severity], notes: Notes) -> Severity:
    """The severity of a tool's `word`, whatever its case; one that `table` lacks is `unknown` and counted."""
    found = table.get(word) or table.get(word.upper()) or table.get(word.lower())
    if found is None:
        notes.count("unknown-severity", word)
        return Severity.UNKNOWN
    return found
