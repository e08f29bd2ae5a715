"""A report of secrets without the secrets: what its normalised document may keep.

Whatever a tool writes for people (messages, snippets, names of places in code, errors) may quote the secret
that it found. Kept are where it is and which rule found it; identities are digests. The digest of a snippet
is not reversible, but a guess at a weak secret could be checked against it.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from gatekeeper.evidence import Param, Problem
from gatekeeper.finding import Finding
from gatekeeper.reports.interface import Report

REDACTED = "[redacted]"

_OUR_PARAMS = frozenset({"tool", "tools", "kind", "kinds", "formats", "ending", "how", "files", "folders"})
"""Parameters of problems that hold names of tools, names of our own, or counts."""

_OUR_WORDS = frozenset(
    {
        "executionSuccessful is false",
        "executionSuccessful is not stated",
        "the process did not start",
        "inlineExternalProperties",
        "results",
        "rules",
        "absent",
        "pass",
        "informational",
        "notApplicable",
        "open",
        "review",
        "nested too deeply",
    }
)
"""Words that readers put into `what` themselves."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|//")  # two letters at least: `C:` is a drive
_FILE = re.compile(r"file:/(?!/)|file:///", re.IGNORECASE)
_ON_A_HOST = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]+:)?//)(?:[^/?#@]*@)?([^@]*)")
"""No further `@`: before it may stand the rest of a password with characters that it must not have."""


def without_secrets(report: Report) -> Report:
    """The report with nothing in it that may quote a secret; its counts, state and identities stay."""
    return replace(
        report,
        problems=quoting_nothing(report.problems),
        lines={},
        failures=(),
        findings=tuple(_without_secret(finding) for finding in report.findings),
    )


def quoting_nothing(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems with their counts, and without words that come out of the report."""
    return tuple(
        Problem(
            code=problem.code,
            params={
                name: value if name in _OUR_PARAMS else _without_words(value)
                for name, value in problem.params.items()
            },
        )
        for problem in problems
    )


def plain_address(uri: str) -> str:
    """`uri` without what may let somebody in: user and password, query, fragment.

    An address that is no place (`data:...`), or where a password may begin and end anywhere, goes whole.
    """
    if _FILE.match(uri) or not _ADDRESS.match(uri):
        return _without_query(uri)
    found = _ON_A_HOST.fullmatch(uri)
    return found[1] + _without_query(found[2]) if found else REDACTED


def _without_secret(finding: Finding) -> Finding:
    suppression, location = finding.suppression, finding.location
    if suppression is not None and suppression.reason is not None:
        suppression = msgspec.structs.replace(suppression, reason=REDACTED)
    # A path was decoded from its URI, so it may well hold `?` or `#`; other addresses are as they were.
    if location is not None and _ADDRESS.match(location.path):
        location = msgspec.structs.replace(location, path=plain_address(location.path))
    return msgspec.structs.replace(
        finding, message=finding.rule, suppression=suppression, location=location, package=None
    )


def _without_query(uri: str) -> str:
    return re.split(r"[?#]", uri, maxsplit=1)[0]


def _without_words(value: Param) -> Param:
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return _word(value)
    counts = Counter[str]()
    for item in value:
        if not isinstance(item, str):
            counts[_word(item[0])] += item[1]
    words = tuple(dict.fromkeys(_word(item) for item in value if isinstance(item, str)))
    return (*words, *counts.items())


def _word(word: str) -> str:
    return word if word in _OUR_WORDS else REDACTED
