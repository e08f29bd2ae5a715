"""Reason codes of rules and decisions, in English. A rule may only use a code that stands here."""

from types import MappingProxyType

REASONS = MappingProxyType(
    {
        # A rule was judged.
        "holds": "{metric} is {actual}, as it should be ({pass})",
        "in-warn-band": "{metric} is {actual}: it should be {pass}, and from {warn} on it warns",
        "fails": "{metric} is {actual}; it must be {pass}",
        "no-worse": "{metric} is {actual}, no worse than the baseline's {baseline} (limit {limit})",
        "worse-than-baseline": "{metric} is {actual}; the baseline had {baseline}, the limit is {limit}",
        "shrunk": "{metric} fell from {baseline} to {actual}, below {limit}: less was checked",
        "too-few": "too little to judge: {guard} is {actual}, and the rule wants {condition}",
        "no-baseline": "there is no earlier allowed decision with {metric} to compare with",
        "expression-true": "so it is: {expression}",
        "expression-false": "{message}",
        "expression-error": "the expression has no value ({why}): {expression}",
        # Demanded evidence.
        "received": "there is {kind} evidence that can be used",
        "received-name": "there is {kind} evidence named {name} that can be used",
        "name-gone-allowed": "{kind} evidence named {name} is gone since the baseline, "
        "which the policy allows",
        # Facts are missing.
        "not-received": "there is no {kind} evidence",
        "not-received-name": "there is no {kind} evidence named {name}",
        "name-gone": "{kind} evidence named {name} is gone: the baseline had it",
        "tool-absent": "{tool} did not report: the policy demands it for {kind}",
        "mismatched": "{kind} evidence named {name} is about another source or artifact",
        "unlinked": "{kind} evidence named {name} has no source or artifact that links it to the subject",
        "artifact-unlinked": "nothing says from which source {artifact} was built",
        "stale": "{kind} evidence named {name} is of {time}, older than {max_age}",
        "clock-skew": "{kind} evidence named {name} has a time in the future, {time}, so its age is unknown",
        "database-stale": "the vulnerability database of {kind} evidence {name} is of "
        "{time}, older than {max_age}",
        "database-unknown": "{kind} evidence named {name} does not say how old its vulnerability database is",
        "incomplete": "{kind} evidence named {name} does not prove what it claims: {problems}",
        "parts-missing": "{kind} evidence named {name} is part of the upload set {set}, which is incomplete: "
        "missing parts: {parts}",
        "failed": "the tool behind {kind} evidence named {name} did not finish: {problems}",
        "unreadable": "{kind} evidence named {name} cannot be read: {problems}",
        "metric-absent": "the {kind} evidence does not give {metric}",
        "cannot-unite": "the {kind} reports give {metric} only each for itself, and it cannot be united",
        "cannot-count": "the {kind} reports count more findings than they list, so {metric} is unknown",
        "nothing-counted": "the {kind} evidence counts nothing, so {metric} is unknown",
        "untrusted": "{kind} evidence named {name} is {trust}; the policy demands {demanded} for this stage",
        "ref-unprotected": "{kind} evidence named {name} does not come from a protected ref",
        # The path leaves something out.
        "left-out-on-path": "the path {path} leaves it out: {why}",
        # Waivers.
        "waived": "{metric} is {actual} and must be {pass}; waiver {waiver} accepts {accept} until {time}",
        "waiver-not-yet": "waiver {waiver} is not applied: it begins at {time}",
        "waiver-of-another-project": "waiver {waiver} is not applied: it was granted to {project}",
        "waiver-by-its-owner": "waiver {waiver} is not applied: its owner {person} granted it",
        "waiver-without-role": "waiver {waiver} is not applied: who granted it did not have the role {role}",
        "waiver-too-long": "waiver {waiver} is not applied: it holds longer than {days:day|days}",
        "waiver-of-expression": "waiver {waiver} is not applied: the rule {rule} is an expression, which has "
        "no value that a floor could bound; waive its findings instead",
        "waiver-without-floor": "waiver {waiver} is not applied: it names no floor that {rule} must still "
        "reach",
        # A rule cannot be computed.
        "impossible-value": "{metric} has a value that cannot be",
        # The decision as a whole.
        "nothing-checked": "no rule that blocks or scores was judged for stage {stage}",
        "unknown-stage": "the policy has no stage {stage}; it has {stages}",
        "unknown-path": "the policy has no path {path}",
        "stage-not-on-path": "the path {path} does not enter stage {stage}; it enters {stages}",
        "inputs-disagree": "the digests of the inputs are not those of the {what} that was given",
        "score-too-low": "the score is {score}, below {warn}; it needs {pass} to pass. "
        "Enough would be: {rules}",
        "score-in-warn-band": "the score is {score}: from {warn} on it warns, from {pass} on it passes. "
        "Enough would be: {rules}",
        # A stored decision cannot be judged again.
        "replay-semantics": "it was decided by semantics {was}; this version of Gatekeeper has {now}",
        "replay-records-gone": "the waivers, approvals or other records of people behind it are not there",
        "replay-policy-gone": "the policy that decided is not there: {digest}",
        "replay-document-gone": "the {kind} document named {name} is not there: {digest}",
        "replay-baseline-gone": "the evidence behind its baseline is not there: {digest}",
        "replay-inputs-differ": "its inputs are not those that were recorded: {was}, now {now}",
        "replay-outputs-differ": "the policy that decided gives another answer today: {was}, now {now}",
        "replay-no-such-stage": "policy {policy} has no stage {stage}",
        # The order of a path.
        "order-first": "{stage} is the first stage of the path {path}",
        "order-met": "{before} was entered on the path {path} (decision {decision})",
        "order-unmet": "there is no decision that lets it into {before} on the path {path}",
        "order-refused": "the newest decision about {before} on the path {path} says no: {decision}",
        # Windows.
        "window-open": "{stage} may be entered until {local} in {zone} ({utc})",
        "window-stays-open": "{stage} may be entered, for {days:day|days} at least",
        "window-freeze": "{stage} is frozen until {local} in {zone} ({utc}): {why}",
        "window-holiday": "{stage} is closed: {date} is a holiday in {zone}",
        "window-closed": "{stage} is closed at this hour in {zone}; it is open {hours}",
        "window-unknown": "nobody can tell whether {stage} is open at this time in {zone}",
        # Approvals, and why some do not count.
        "approval-given": "{role}: signed by {people}",
        "approval-since-rules": "since then these rules changed (was, now): {changed_rules}",
        "approval-since-findings": "since then {new_findings:finding|findings} appeared: {worst_findings}",
        "approval-missing": "{role}: {have} of {need} signed",
        "approval-declined": "{role}: {people} declined, and nobody approved later",
        "approval-other-stage": "{person} signed for the stage {stage}",
        "approval-other-path": "{person} signed for the path {path}",
        "approval-other-source": "{person} signed for another source",
        "approval-other-artifact": "{person} signed for another artifact",
        "approval-not-yet": "{person} signs later than the time that is asked about",
        "approval-withdrawn": "{person} withdrew",
        "approval-by-party": "{person} does not count, being {parties}",
        "approval-demands-changed": "{person} signed before the policy changed what must be signed",
        "approval-rule-worse": "{person} signed before {rules} became worse",
        "approval-finding-appeared": "{person} signed before {count:finding|findings} appeared "
        "or became worse",
        "approval-overruled": "{person} declined later",
        "approval-in-other-role": "{person} counts for {role} already",
        # Who may not approve.
        "parties-known": "whoever is {parties} does not count as approver",
        "party-unknown": "nobody said who is {parties}, so that no approver can be compared",
        # What is owed, and overrides.
        "obligation-overdue": "{title} (decision {decision}) was due at {due}; {role} owes it",
        "override-one-person": "override {override} does not count: {person} alone stands behind it",
        "override-too-long": "override {override} does not count: it holds longer than 24 hours",
    }
)
