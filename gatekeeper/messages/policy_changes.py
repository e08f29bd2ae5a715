"""What two policies differ in, in English: the words for what a statement is about, and how it changed."""

from types import MappingProxyType

SUBJECTS = MappingProxyType(
    {
        # Rules.
        "rule": "rule {rule}",
        "rule-pass": "pass of rule {rule}",
        "rule-warn": "warn of rule {rule}",
        "rule-no-worse": "no_worse_than of rule {rule}",
        "rule-on-no-baseline": "without a baseline, rule {rule}",
        "rule-metric": "metric of rule {rule}",
        "rule-mode": "mode of rule {rule}",
        "rule-weight": "weight of rule {rule}",
        "rule-severity": "severity of rule {rule}",
        "rule-title": "title of rule {rule}",
        "rule-only-if": "rule {rule} only if {guard}",
        "rule-paths": "paths of rule {rule}",
        "rule-on-too-few": "with too little to judge, rule {rule}",
        "rule-on-missing": "with missing facts, rule {rule}",
        "rule-on-error": "with impossible facts, rule {rule}",
        "rule-enforce-from": "rule {rule} in force from",
        "rule-loosen-reason": "loosen_reason of rule {rule}",
        "rule-expr": "expression of rule {rule}",
        "rule-message": "message of rule {rule}",
        "rule-need": "{variable} in rule {rule}",
        # Evidence.
        "evidence": "{kind} evidence demanded",
        "evidence-name": "{kind} evidence named {name} demanded",
        "evidence-tool": "{kind} evidence of {tool} demanded",
        "evidence-max-age": "max_age of {kind} evidence",
        "evidence-db-max-age": "db_max_age of {kind} evidence",
        "evidence-bind": "{kind} evidence is about the",
        "evidence-allow": "allowed {problem} in {kind} evidence",
        "evidence-trust": "trust in the sender of {kind} evidence",
        "evidence-protected": "{kind} evidence from a protected ref",
        # Signatures.
        "approval": "approval by {role}",
        "approval-count": "people who approve as {role}",
        "approval-if": "approval by {role} if",
        "revoke-on": "a new finding voids approvals from severity",
        "by-mail": "signing by mail",
        "distinct-people": "one role for each person",
        "approver-is-not": "approver is not the {party}",
        # Windows.
        "window": "window",
        "window-hours": "open",
        "holiday": "holiday on {date}",
        "freeze": "freeze from {begins} to {ends}",
        # Paths.
        "path": "path {path}",
        "path-stages": "stages of path {path}",
        "path-refs": "refs of path {path}",
        "path-order": "path {path} in order",
        "path-loosen-reason": "loosen_reason of path {path}",
        "path-approvals": "approvals of path {path}",
        "path-rule": "path {path} without rule {rule}",
        "path-evidence": "path {path} without {kind} evidence",
        "path-approval": "approval by {role} on path {path}",
        "path-approval-count": "people who approve as {role} on path {path}",
        "path-approval-if": "approval by {role} on path {path} if",
        "path-obligation": "obligation {obligation} of path {path}",
        # Waivers.
        "waiver-days": "longest waiver in days",
        "waiver-days-of": "longest waiver in days for {severity} findings",
        "waiver-role": "role that grants waivers",
        "inline": "suppressions in the source",
        # The policy as a whole.
        "name": "name",
        "owner": "owner",
        "time-zone": "time zone",
        "stages": "stages",
        "score-pass": "score that passes",
        "score-warn": "score that warns",
        "valid-for": "valid_for",
        "on-missing": "on_missing",
        "on-error": "on_error",
        "applies-to": "applies to {glob}",
        "extends": "extends {parent}",
        "tests": "number of tests",
        "rest": "something that has no words yet",
    }
)

FORMS = MappingProxyType(
    {
        "added": "new: {what}{now_said}",
        "removed": "gone: {what}{was_said}",
        "changed": "{what}: {now}, was {was}",
    }
)
