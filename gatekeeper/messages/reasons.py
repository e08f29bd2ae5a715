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
        # A rule cannot be computed.
        "impossible-value": "{metric} has a value that cannot be",
        # The decision as a whole.
        "nothing-checked": "no rule that blocks or scores was judged for stage {stage}",
        "unknown-stage": "the policy has no stage {stage}; it has {stages}",
        "inputs-disagree": "the digests of the inputs are not those of the {what} that was given",
        "score-too-low": "the score is {score}, below {warn}; it needs {pass} to pass. "
        "Enough would be: {rules}",
        "score-in-warn-band": "the score is {score}: from {warn} on it warns, from {pass} on it passes. "
        "Enough would be: {rules}",
    }
)
