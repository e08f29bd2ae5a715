"""Remedy codes, in English: the smallest step that would turn a rule green."""

from types import MappingProxyType

REMEDIES = MappingProxyType(
    {
        # Facts are there and not good enough.
        "cover-lines": "cover {lines:more line|more lines}; the most are uncovered in {files}",
        "cover-more": "cover {count} more of the {what}",
        "mend-tests": "mend {count:test|tests}: {tests}",
        "mend-tests-unnamed": "mend {count:test|tests} for {metric}; the report names none",
        "fix-findings": "fix {count:finding|findings}, the worst first: {findings}",
        "upgrade-packages": "upgrade {packages}",
        "upgrade-many": "upgrade {packages} and {more:other package|other packages}, then ask again",
        "upgrade-and-fix": "upgrade {packages}; no fixed version is known for {count:finding|findings}, "
        "which must go too: {findings}",
        "replace-packages": "no fixed version is known for {count:finding|findings}: "
        "replace or patch {findings}",
        "raise-metric": "raise {metric} from {actual} to {to}",
        "lower-metric": "lower {metric} from {actual} to {to}",
        "change-metric": "bring {metric} from {actual} to {to}",
        "restore-amount": "run as much as before: bring {metric} from {actual} back to {to}",
        "reach-guard": "the rule wants something to judge: bring {guard} to {condition}",
        "meet-expression": "bring about that this is no longer so: {message}",
        "mend-expression": "have the expression of the rule {rule} mended by the owner of the policy",
        # Facts are missing.
        "supply": "supply {kind} evidence: {command}",
        "supply-name": "supply {kind} evidence named {name}: {command}",
        "supply-tool": "run {tool} and supply its report: {command}",
        "supply-for-subject": "run it again on the source that is asked about: {command}",
        "name-artifact": "name the artifact when supplying and when asking (sha256:...): {command}",
        "link-artifact": "say from which source it was built: gatekeeper link --artifact {artifact}",
        "complete-set": "send the missing parts of the set {set} ({parts}), or run it again: {command}",
        "run-again": "run it again: {command}",
        "set-clock": "set the clock of the machine that made the report, then run it again: {command}",
        "update-database": "bring the vulnerability database up to date (gatekeeper advisories import), "
        "then run it again: {command}",
        "complete-report": "remove the cause of {problems} and run it again: {command}",
        "readable-report": "write the report again in a format that `gatekeeper formats` lists: {command}",
        "supply-bound": "let a job of the CI send it with the job's own identity token: {command}",
        "supply-observed": "let the server's own runner make it: gatekeeper scan --remote",
        "supply-protected": "let a job of a protected branch or tag make and send it: {command}",
        "report-with-metric": "use a report format that gives {metric}: {command}",
        "one-report": "combine the reports into one before supplying it: {command}",
        "check-report": "the report is damaged or made by hand; make it again with the tool: {command}",
        "make-baseline": "the first allowed decision makes the baseline; until then write "
        "`on_no_baseline: skip` at the rule {rule}",
        # A release is held back.
        "enter-before": "enter {before} first: gatekeeper check --stage {before} must allow it "
        "on the path {path}",
        "wait-for-window": "wait until {local} in {zone} ({utc})",
        "change-window": "{stage} does not open within {days:day|days}: change its window in the policy",
        "name-zone": "write a time zone that this version knows, not {zone}, and ask about today",
        "sign": "{count:more person|more people} with the role {role} must approve",
        "name-parties": "say who is {parties} when supplying and when asking",
        "settle-obligation": "{role}: do it and settle the obligation {obligation}",
    }
)
