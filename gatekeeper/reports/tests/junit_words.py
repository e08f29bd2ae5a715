"""The words of the JUnit dialects: elements and attributes that say what became of a case, names of tools."""

from enum import IntEnum


class Outcome(IntEnum):
    """Ordered by severity: of several marks in one case the worst one counts."""

    PASSED = 0
    SKIPPED = 1
    FAILED = 2
    ERROR = 3


# Surefire: `flaky*` stands in a case that passed in the end, `rerun*` are the further attempts of one that
# did not. They only count where the case has no other failing mark: nothing in it says that it passed.
MARKS = {
    "error": Outcome.ERROR,
    "failure": Outcome.FAILED,
    "skipped": Outcome.SKIPPED,
    "disabled": Outcome.SKIPPED,
    # Names of other dialects and spellings; none of them can mean that a test passed.
    **dict.fromkeys(("Error", "ERROR", "errored", "err"), Outcome.ERROR),
    **dict.fromkeys(("Failure", "FAILURE", "failed", "Failed", "fail"), Outcome.FAILED),
    **dict.fromkeys(("Skipped", "SKIPPED"), Outcome.SKIPPED),
}
RERUN_MARKS = {"rerunError": Outcome.ERROR, "rerunFailure": Outcome.FAILED}
FLAKY_MARKS = ("flakyFailure", "flakyError")

# GoogleTest and CTest write these instead of a child element; words for failing are read the same way,
# so that no dialect which says "failed" in an attribute is counted as passed. A word that is not here may
# mean anything (`timeout`, `aborted`): the reader counts it and the report is no proof.
STATUS = {
    **dict.fromkeys(("", "run", "completed", "passed", "pass", "success", "succeeded", "ok"), Outcome.PASSED),
    **dict.fromkeys(("disabled", "notrun", "suppressed", "skipped", "skip", "ignored"), Outcome.SKIPPED),
    **dict.fromkeys(("pending", "todo"), Outcome.SKIPPED),
    **dict.fromkeys(("failed", "fail", "failure"), Outcome.FAILED),
    **dict.fromkeys(("error", "errored", "broken"), Outcome.ERROR),
}

PRODUCERS = {
    "pytest": "pytest",
    "jest tests": "jest",
    "vitest tests": "vitest",
    "mocha tests": "mocha",
    "nextest-run": "cargo-nextest",
}
"""Names that tools give to the outermost suites unless told otherwise."""
