"""Problem codes of reports: their English words, and which of them leave the report's proof as it is.

A reader may only use a code that stands here (a test holds it).
"""

from types import MappingProxyType

PROBLEMS = MappingProxyType(
    {
        # Unreadable: nothing of the report can be used.
        "empty": "the file is empty",
        "own-answer": "an answer of Gatekeeper itself, not a report of a tool",
        "unknown-format": "no known report format; it begins with {head}",
        "too-large": "the report is {bytes} bytes; the limit is {limit}",
        "malformed": "not well-formed at {where}: {detail}",
        "hostile": "refused: {detail}",
        "too-deep": "nested deeper than {limit} levels",
        "too-many-items": "more than {limit} items",
        "wrong-shape": "the content does not fit the format: {detail}",
        "encoding": "the text encoding cannot be read: {detail}",
        "ambiguous": "more than one format fits the content: {formats}; name the one that is meant",
        "out-of-memory": "reading {bytes} bytes needs more memory than there is",
        # Reading on a server, in a process of its own.
        "parser-died": "the process that read the report died ({how})",
        "parser-timeout": "reading the report took longer than {limit} seconds",
        # Reading XML.
        "sanitised": "{count:character|characters} that XML forbids were replaced before reading",
        # Test and coverage reports; words that hold for every reader that uses the code.
        "no-data": "the report holds nothing that can be counted as proof",
        "totals-disagree": "the report states {stated} {what}, counting gives {counted}",
        "bad-time": "a time in the report cannot be read and is ignored",
        "no-time-zone": "a time in the report has no time zone and is ignored",
        "no-cases": "the suites state {stated:test|tests} but list no case, so nothing can be counted",
        "unlisted-failures": "{stated} failed or errored tests are stated, only {listed} are listed",
        "unknown-status": "{count:case has|cases have} a status that may mean anything, the first is {what}",
        # Coverage reports.
        "unparsed": "{count:item|items} could not be read and count for nothing",
        "count-out-of-range": "{count:count|counts} below 0 or beyond exact numbers were cut to the possible",
        "more-covered-than-there-is": "{count:total states|totals state} more covered than there is to cover",
        "not-a-number": "{count:total|totals} of the report are no numbers and are ignored",
        "totals-only": "{count:total|totals} without the rows behind them were taken as stated",
        "file-totals-disagree": "{count:file|files} with totals that the lines contradict; the lower is used",
        "no-end-of-record": "{count:record|records} without end: the report is cut off or unfinished",
        "lines-not-statements": "{count:line|lines} listed as run are no statements and cannot be told apart",
        "branches-unknown": "{count:line|lines} with branches do not say how many; branches are not counted",
        # Runs of scanners.
        "nothing-to-scan": "there was nothing to scan: no {files} in the folder",
        "tool-not-installed": "{tool} is not installed: {detail}",
        "cannot-run": "the scanner could not be started: {detail}",
        "no-rules": "{tool} has no rules",
        "rules-damaged": "the rules cannot be used: {file}: {detail}",
        "files-not-scanned": "not read by the scanner: {files:file|files}",
        "lines-silenced": "{count:line|lines} with `{word}`: what the scanner found there is not listed",
        "files-unreadable": "not given to the scanner, because unreadable or too large: {files:file|files}",
        "folders-unreadable": "could not be listed: {folders:folder|folders}",
        "links-not-followed": "not followed, because out of the folder: {links:symbolic link|symbolic links}",
        # Dependency lists and the advisory mirror.
        "no-dependency-list": "there is no list of exact dependency versions (requirements.txt, a lock file)",
        "advisories-missing": "{detail}; run `gatekeeper advisories import FILE.zip`",
        "advisories-damaged": "{detail}; run `gatekeeper advisories import FILE.zip`",
        "advisories-lost": "{count:advisory|advisories} of the mirror are missing in the report: {names}",
        "advisories-uncertain": "counted as affected, for versions cannot be compared: {names}",
        "canary-not-found": "the advisory that is always there was not found, so nothing could be found",
        "not-queried": "never looked up in the mirror: {names}",
        "not-reported": "missing in the report: {names}",
        # Records of runs, joined to their reports.
        "run-failed": "{tool} did not finish: {ending}",
        "report-missing": "{tool} ran, but its report ({report}) was not given",
        "record-unreadable": "the record of the run cannot be read: {detail}",
        "record-mismatch": "the record of a {tool} run ({kind}) is about other bytes than this report",
        # Finding reports.
        "no-runs": "the log holds no run, so nothing shows that a tool ran",
        "kind-unknown": "{tools} can be evidence of {kinds}; say which with --kind",
        "mixed-kinds": "one log holds {tools}, which are not evidence of one kind; send them apart",
        "tool-unlisted": "{tools} is not in the table of tools; the kind is the sender's word",
        "scan-failed": "the tool says that it failed: {what}",
        "scan-did-not-run": "the log has no list of results, which means that the scan did not run",
        "scan-errors": "{count:error|errors} during the scan, so something was not searched: {what}",
        "files-skipped": "{count:file|files} could not be scanned: {what}",
        "rules-skipped": "{count:rule was|rules were} not run",
        "rules-unparsed": "{count:rule|rules} of the report could not be read, so severities may be wrong",
        "results-elsewhere": "{what} stand in other files or places, which are not read",
        "findings-withheld": "the tool found {stated} and lists {listed}; run it without filters or baseline",
        "not-stated": "not stated, so unknown: {what}",
        "unaudited": "{count:dependency|dependencies} could not be audited: {what}",
        "undecided": "{count:result|results} that leave open whether there is a problem: {what}",
        "not-open": "{count:result is|results are} no open problem: {what}",
        "bad-severity": "{count:severity score|severity scores} that are no score; the level decides: {what}",
        "unknown-severity": "{count:finding|findings} with a severity that is not known: {what}",
        "locations-not-read": "{count:location|locations} beyond the limit per finding were not read",
        # Seen when a question is asked.
        "clock-skew": "a time of the report lies in the future",
        "database-partial": "the vulnerability database of the scan is not complete",
        "database-unknown": "nothing says how old the vulnerability database of the scan was",
    }
)

NOTES = frozenset(
    {
        "sanitised",
        "totals-disagree",
        "file-totals-disagree",
        "totals-only",
        "bad-time",
        "no-time-zone",
        "clock-skew",
        "count-out-of-range",
        "not-a-number",
        "lines-not-statements",
        "branches-unknown",
        "tool-unlisted",
        "not-open",
        "bad-severity",
        "unknown-severity",
        "locations-not-read",
        "lines-silenced",
    }
)
"""Problems that are told and change nothing: a report with only these is `ok`. Every other code makes it
`incomplete` or worse, also one that nobody has thought of yet."""
