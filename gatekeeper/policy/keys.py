"""The keys of a policy file: one table for the loader and for the JSON Schema."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from gatekeeper.decision import Mode
from gatekeeper.evidence import Kind, Trust
from gatekeeper.policy import key
from gatekeeper.policy.key import Key
from gatekeeper.policy.keys_moving import MOVING, MOVING_SECTIONS
from gatekeeper.policy.keys_tests import TEST_SECTIONS
from gatekeeper.policy.model import SCHEMA, Binding

SEVERITIES = ("blocker", "critical", "major", "minor", "info")
MAX_EXPRESSION = 2000
"""Characters of an expression in CEL."""
PIN_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}@([1-9][0-9]{0,8}|sha256:[0-9a-f]{12,64})$"
METRIC_PATTERN = r"^[a-z]+(\.[a-z_]+)+(@\S+)?$"

_KINDS = tuple(Kind)

POLICY = (
    Key(name="schema", text="The version of this format.", schema={"const": SCHEMA}, is_required=True),
    Key(name="policy", text="The name of the policy.", schema=key.NAME, is_required=True),
    Key(
        name="owner",
        text="Who answers for the policy: a team or a person.",
        schema=key.text(),
        is_required=True,
    ),
    Key(
        name="extends",
        text="The policy that this one builds on, pinned: `base@7` is its version 7 on the server, "
        "`base@sha256:...` has a digest that begins with these 12 or more hex digits.",
        schema=key.text(PIN_PATTERN),
    ),
    Key(
        name="applies_to",
        text="Globs of the paths of projects that this policy applies to.",
        schema=key.some(key.GLOB),
    ),
    Key(
        name="time_zone",
        text="Where bare dates begin, such as Europe/Berlin. Default: UTC.",
        schema=key.text(),
    ),
    Key(
        name="stages",
        text="The stages in promotion order; each inherits the rules of the ones before it. "
        "Default: develop, test, uat, staging, production.",
        schema=key.some(key.NAME),
    ),
    Key(
        name="evidence",
        text="What must be there before any rule is looked at, by kind.",
        schema={
            "type": "object",
            "additionalProperties": False,
            "properties": {str(kind): key.section("evidence") for kind in _KINDS},
        },
    ),
    *MOVING,
    Key(
        name="rules",
        text="The rules; a policy that extends another may leave them out.",
        schema=key.many(key.section("rule")) | {"minItems": 1},
    ),
    Key(
        name="score",
        text="What the score of the `score` rules must reach, in percent of the weights that applied.",
        schema=key.section("score"),
    ),
    Key(
        name="valid_for",
        text="How long a decision may be used at most. Default: 24h.",
        schema=key.DURATION,
    ),
    Key(
        name="on_missing",
        text="What happens when the facts of a rule are missing. Default: block.",
        schema=key.choice("block", "warn"),
    ),
    Key(
        name="on_error",
        text="What happens when a rule cannot be computed. Default: block.",
        schema=key.choice("block", "warn"),
    ),
    Key(
        name="loosen_reason",
        text="Why `approvals`, `revoke_on`, `by_mail`, `separation`, `score`, `valid_for`, `time_zone`, "
        "`on_missing` or `on_error` may be looser than in the extended policy.",
        schema=key.text(),
    ),
    Key(
        name="tests",
        text="Examples that the policy must decide as expected.",
        schema=key.many(key.section("test")),
    ),
)

EVIDENCE = (
    Key(
        name="from",
        text="The first stage that demands this evidence. Default: the first stage of the policy.",
        schema=key.NAME,
    ),
    Key(
        name="names",
        text="Names that must each be there, such as unit and e2e.",
        schema=key.some(key.SLOT),
    ),
    Key(
        name="max_age",
        text="How old the evidence may be, such as 24h. Default: sca and container 24h, secrets and dast 7d, "
        "the others do not age.",
        schema=key.DURATION,
    ),
    Key(
        name="db_max_age",
        text="How old the newest entry of the scanner's vulnerability database may be.",
        schema=key.DURATION,
    ),
    Key(
        name="tools",
        text="Tools that must each have reported, such as bandit and semgrep.",
        schema=key.some(key.SLOT),
    ),
    Key(
        name="bind",
        text="What the evidence must be about: the source that was built, or the artifact. "
        "Default: artifact for container and dast, source for the others.",
        schema=key.choice(*Binding),
    ),
    Key(
        name="allow",
        text="Problems of a report that are tolerated: code and largest count, or `any`. "
        "Shown in every decision that used it.",
        schema=key.filled({"oneOf": [{"type": "integer", "minimum": 1}, {"const": "any"}]}),
    ),
    Key(
        name="trust",
        text="How far its sender must be believed: from `from` on, or from a stage on. Default: claimed.",
        schema=key.either(key.choice(*Trust), key.filled(key.choice(*Trust))),
    ),
    Key(
        name="protected_ref",
        text="It must come from a protected ref: `true` from `from` on, or the first such stage.",
        schema=key.either(key.TRUTH, key.NAME),
    ),
    Key(
        name="loosen_reason",
        text="Why this evidence may be demanded less than in the extended policy.",
        schema=key.text(),
    ),
)

BOUNDS = (
    Key(name="pass", text="From this stage on, the rule passes while this holds.", schema=key.CONDITION),
    Key(name="warn", text="From this stage on, the rule warns while this holds.", schema=key.CONDITION),
)

NO_WORSE = (
    Key(
        name="by",
        text="How much worse than the baseline is accepted: `10%` of it, or a number in the metric's unit.",
        schema=key.NUMBER,
        is_required=True,
    ),
)

RULE = (
    Key(name="id", text="The name of the rule, unique in the policy.", schema=key.NAME, is_required=True),
    Key(name="title", text="One line for people. Default: the id.", schema=key.text()),
    Key(
        name="metric",
        text="The metric that is judged (`gatekeeper metrics` lists them); `@name` reads one name.",
        schema=key.text(METRIC_PATTERN),
    ),
    Key(
        name="expr",
        text="In place of `metric`: a condition in CEL that must be true, for what a comparison cannot say.",
        schema=key.text() | {"maxLength": MAX_EXPRESSION},
    ),
    Key(
        name="needs",
        text="What the expression reads: metrics, and lists of open findings such as `sca.findings`. A "
        "mapping gives them names, as in `{e2e: tests.failed@e2e}`. Anything absent is `missing`.",
        schema=key.either(key.some(key.text(METRIC_PATTERN)), key.filled(key.text(METRIC_PATTERN))),
    ),
    Key(name="message", text="What is wrong when the expression is false, for people.", schema=key.text()),
    Key(
        name="override",
        text="In a policy that extends another: what changes in its rule of this id.",
        schema=key.section("override"),
    ),
    Key(name="pass", text='The rule passes while this holds, such as ">= 80".', schema=key.CONDITION),
    Key(name="warn", text="Otherwise it warns while this holds; beyond it fails.", schema=key.CONDITION),
    Key(
        name="mode",
        text="block: a failure fails the decision; score: it lowers the score; warn: the decision is at best "
        "warn; observe: recorded only. Default: block.",
        schema=key.choice(*Mode),
    ),
    Key(
        name="severity",
        text="A label for people; `mode` decides what happens.",
        schema=key.choice(*SEVERITIES),
    ),
    Key(
        name="weight",
        text="Points of a `score` rule, 1 to 1000. Default: 1.",
        schema={"type": "integer", "minimum": 1, "maximum": 1000},
    ),
    Key(
        name="from", text="The first stage with this rule. Default: the first of the policy.", schema=key.NAME
    ),
    Key(
        name="stages",
        text="Other bounds from a later stage on; stricter, or with `loosen_reason`.",
        schema=key.filled(key.section("bounds")),
    ),
    Key(
        name="only_if",
        text="The rule is judged only while these conditions on metrics hold.",
        schema=key.filled(key.CONDITION),
    ),
    Key(
        name="on_too_few",
        text="What happens when `only_if` does not hold. Default: skip.",
        schema=key.ACT,
    ),
    Key(
        name="on_missing",
        text="What happens when the facts are missing; skip needs `loosen_reason`. Default: the policy's.",
        schema=key.ACT,
    ),
    Key(
        name="on_error",
        text="What happens when the rule cannot be computed; skip needs `loosen_reason`. "
        "Default: that of the policy.",
        schema=key.ACT,
    ),
    Key(
        name="paths",
        text="The paths on which the rule holds. Default: all.",
        schema=key.some(key.NAME),
    ),
    Key(
        name="enforce_from",
        text="A date or time before which the rule is only observed and announced in every decision.",
        schema=key.TIME,
    ),
    Key(
        name="no_worse_than",
        text="The metric may not be worse than in the baseline, the last allowed decision.",
        schema=key.section("no_worse_than"),
    ),
    Key(
        name="on_no_baseline",
        text="What happens when there is nothing to compare with. Default: block.",
        schema=key.choice("skip", "block"),
    ),
    Key(
        name="loosen_reason",
        text="Why this rule may be looser than the default, or than in the extended policy.",
        schema=key.text(),
    ),
)

OVERRIDE = tuple(
    replace(one, is_required=False)
    for one in RULE
    if one.name not in ("id", "metric", "override", "loosen_reason")
)

SCORE = (
    Key(name="pass", text="From this score on, the score is good.", schema=key.NUMBER, is_required=True),
    Key(
        name="warn",
        text="From this score on the decision is at best warn; below it fails. Default: the same as pass.",
        schema=key.NUMBER,
    ),
)

SECTIONS: Mapping[str, tuple[Key, ...]] = MappingProxyType(
    {
        "policy": POLICY,
        "evidence": EVIDENCE,
        "rule": RULE,
        "override": OVERRIDE,
        "bounds": BOUNDS,
        "no_worse_than": NO_WORSE,
        "score": SCORE,
        **MOVING_SECTIONS,
        **TEST_SECTIONS,
    }
)

ONE_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"policy": ("rules", "extends"), "rule": ("metric", "expr", "override")}
)
"""Keys of a section of which at least one must be there."""

NOT_YET: Mapping[str, frozenset[str]] = MappingProxyType(
    {"evidence": frozenset({"signed"}), "no_worse_than": frozenset({"baseline"})}
)
"""Keys of the design that later versions bring: refused by name, so that nobody takes them for a typo."""

ELSEWHERE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "policy": {
            "waivers": "a waiver is a record of people, never text of a policy; `waiver_limits` bounds them",
            "order": "write it in a path: `paths: {standard: {order: true}}`",
            "obligations": "write them in a path",
        },
        "rule": {
            "windows": "windows belong to the policy",
            "order": "write it in a path of the policy",
        },
    }
)
"""Keys that a person may look for in the wrong place, and where what they mean belongs."""
