"""The keys of a policy file: one table for the loader and for the JSON Schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from gatekeeper.decision import Mode, Outcome
from gatekeeper.evidence import Kind, State
from gatekeeper.policy.model import SCHEMA, Act, Binding

SEVERITIES = ("blocker", "critical", "major", "minor", "info")


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key: its name, what it means, the JSON Schema of its value, and whether it must be there."""

    name: str
    text: str
    schema: Mapping[str, Any]
    is_required: bool = False


def _text(pattern: str | None = None) -> dict[str, Any]:
    return {"type": "string", "minLength": 1} | ({"pattern": pattern} if pattern else {})


def _choice(*options: str) -> dict[str, Any]:
    return {"enum": list(options)}


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _section(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _mapping(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values}


NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
_NAME = _text(NAME)
_STAGE = _text(NAME)
_SLOT = _text(r"^\S{1,100}$")
_CONDITION = _text(r"^\s*(>=|<=|==|!=|>|<) *-?[0-9]+(\.[0-9]+)?%?\s*$")
_DURATION = _text(r"^\s*[1-9][0-9]{0,6} *[smhd]\s*$")
_AMOUNT = {"type": ["number", "string"]}
_PERCENT = {"type": ["number", "string"]}
_TIME = _text()
_ACT = _choice(*Act)
_KINDS = tuple(Kind)

POLICY = (
    Key(name="schema", text="The version of this format.", schema={"const": SCHEMA}, is_required=True),
    Key(name="policy", text="The name of the policy.", schema=_NAME, is_required=True),
    Key(
        name="owner", text="Who answers for the policy: a team or a person.", schema=_text(), is_required=True
    ),
    Key(
        name="time_zone",
        text="Where bare dates begin, such as Europe/Berlin. Default: UTC.",
        schema=_text(),
    ),
    Key(
        name="stages",
        text="The stages in promotion order; each inherits the rules of the ones before it. "
        "Default: develop, test, uat, staging, production.",
        schema=_list(_STAGE) | {"minItems": 1, "uniqueItems": True},
    ),
    Key(
        name="evidence",
        text="What must be there before any rule is looked at, by kind.",
        schema={
            "type": "object",
            "additionalProperties": False,
            "properties": {str(kind): _section("evidence") for kind in _KINDS},
        },
    ),
    Key(name="rules", text="The rules.", schema=_list(_section("rule")) | {"minItems": 1}, is_required=True),
    Key(
        name="score",
        text="What the score of the `score` rules must reach, in percent of the weights that applied.",
        schema=_section("score"),
    ),
    Key(
        name="valid_for",
        text="How long a decision may be used at most. Default: 24h.",
        schema=_DURATION,
    ),
    Key(
        name="on_missing",
        text="What happens when the facts of a rule are missing. Default: block.",
        schema=_choice("block", "warn"),
    ),
    Key(
        name="on_error",
        text="What happens when a rule cannot be computed. Default: block.",
        schema=_choice("block", "warn"),
    ),
    Key(
        name="tests", text="Examples that the policy must decide as expected.", schema=_list(_section("test"))
    ),
)

EVIDENCE = (
    Key(
        name="from",
        text="The first stage that demands this evidence. Default: the first stage of the policy.",
        schema=_STAGE,
    ),
    Key(
        name="names",
        text="Names that must each be there, such as unit and e2e.",
        schema=_list(_SLOT) | {"minItems": 1, "uniqueItems": True},
    ),
    Key(
        name="max_age",
        text="How old the evidence may be, such as 24h. Default: sca and container 24h, secrets and dast 7d, "
        "the others do not age.",
        schema=_DURATION,
    ),
    Key(
        name="db_max_age",
        text="How old the newest entry of the scanner's vulnerability database may be.",
        schema=_DURATION,
    ),
    Key(
        name="tools",
        text="Tools that must each have reported, such as bandit and semgrep.",
        schema=_list(_SLOT) | {"minItems": 1, "uniqueItems": True},
    ),
    Key(
        name="bind",
        text="What the evidence must be about: the source that was built, or the artifact. "
        "Default: artifact for container and dast, source for the others.",
        schema=_choice(*Binding),
    ),
    Key(
        name="allow",
        text="Problems of a report that are tolerated: code and largest count, or `any`. "
        "Shown in every decision that used it.",
        schema=_mapping({"oneOf": [{"type": "integer", "minimum": 1}, {"const": "any"}]})
        | {"minProperties": 1},
    ),
)

BOUNDS = (
    Key(name="pass", text="From this stage on, the rule passes while this holds.", schema=_CONDITION),
    Key(name="warn", text="From this stage on, the rule warns while this holds.", schema=_CONDITION),
)

NO_WORSE = (
    Key(
        name="by",
        text="How much worse than the baseline is accepted: `10%` of it, or a number in the metric's unit.",
        schema=_AMOUNT,
        is_required=True,
    ),
)

RULE = (
    Key(name="id", text="The name of the rule, unique in the policy.", schema=_NAME, is_required=True),
    Key(name="title", text="One line for people. Default: the id.", schema=_text()),
    Key(
        name="metric",
        text="The metric that is judged (`gatekeeper metrics` lists them); `@name` reads one name.",
        schema=_text(r"^[a-z]+(\.[a-z_]+)+(@\S+)?$"),
        is_required=True,
    ),
    Key(name="pass", text='The rule passes while this holds, such as ">= 80".', schema=_CONDITION),
    Key(name="warn", text="Otherwise it warns while this holds; beyond it fails.", schema=_CONDITION),
    Key(
        name="mode",
        text="block: a failure fails the decision; score: it lowers the score; warn: the decision is at best "
        "warn; observe: recorded only. Default: block.",
        schema=_choice(*Mode),
    ),
    Key(
        name="severity", text="A label for people; `mode` decides what happens.", schema=_choice(*SEVERITIES)
    ),
    Key(
        name="weight",
        text="Points of a `score` rule, 1 to 1000. Default: 1.",
        schema={"type": "integer", "minimum": 1, "maximum": 1000},
    ),
    Key(name="from", text="The first stage with this rule. Default: the first of the policy.", schema=_STAGE),
    Key(
        name="stages",
        text="Other bounds from a later stage on; stricter, or with `loosen_reason`.",
        schema=_mapping(_section("bounds")) | {"minProperties": 1},
    ),
    Key(
        name="only_if",
        text="The rule is judged only while these conditions on metrics hold.",
        schema=_mapping(_CONDITION) | {"minProperties": 1},
    ),
    Key(
        name="on_too_few",
        text="What happens when `only_if` does not hold. Default: skip.",
        schema=_ACT,
    ),
    Key(
        name="on_missing",
        text="What happens when the facts are missing; skip needs `loosen_reason`. Default: the policy's.",
        schema=_ACT,
    ),
    Key(
        name="on_error",
        text="What happens when the rule cannot be computed; skip needs `loosen_reason`. "
        "Default: that of the policy.",
        schema=_ACT,
    ),
    Key(
        name="enforce_from",
        text="A date or time before which the rule is only observed and announced in every decision.",
        schema=_TIME,
    ),
    Key(
        name="no_worse_than",
        text="The metric may not be worse than in the baseline, the last allowed decision.",
        schema=_section("no_worse_than"),
    ),
    Key(
        name="on_no_baseline",
        text="What happens when there is nothing to compare with. Default: block.",
        schema=_choice("skip", "block"),
    ),
    Key(name="loosen_reason", text="Why this rule may be looser than the default.", schema=_text()),
)

SCORE = (
    Key(name="pass", text="From this score on, the score is good.", schema=_PERCENT, is_required=True),
    Key(
        name="warn",
        text="From this score on the decision is at best warn; below it fails. Default: the same as pass.",
        schema=_PERCENT,
    ),
)

TEST = (
    Key(name="name", text="What the example shows.", schema=_text(), is_required=True),
    Key(name="stage", text="The stage to be entered.", schema=_STAGE, is_required=True),
    Key(name="as_of", text="The time of the question. Default: 2026-01-01T00:00:00Z.", schema=_TIME),
    Key(name="now", text="Another word for `as_of`.", schema=_TIME),
    Key(name="given", text="What the example assumes; nothing else is there.", schema=_section("given")),
    Key(name="expect", text="What must come out.", schema=_section("expect"), is_required=True),
)

_METRICS = _mapping({"type": ["number", "string"]})

GIVEN = (
    Key(
        name="metrics",
        text="Metrics by name; they imply fresh, good evidence of their kind. Others are absent.",
        schema=_METRICS,
    ),
    Key(
        name="baseline",
        text="The last allowed decision: its metrics. Without this key there is no baseline.",
        schema=_section("baseline"),
    ),
    Key(
        name="evidence",
        text="Evidence by kind or kind/name, where it is not simply fresh and good.",
        schema=_mapping(_section("given_evidence")),
    ),
)

BASELINE = (Key(name="metrics", text="Metrics by name.", schema=_METRICS, is_required=True),)

GIVEN_EVIDENCE = (
    Key(name="state", text="State of the report. Default: ok.", schema=_choice(*State)),
    Key(
        name="problems",
        text="Problems of the report: code and count.",
        schema=_mapping({"type": "integer", "minimum": 1}),
    ),
    Key(name="age", text="Age of the report, such as 30h. Default: none.", schema=_DURATION),
    Key(
        name="db_age",
        text="Age of the vulnerability database. Default: unknown; it is fresh where only metrics are given.",
        schema=_DURATION,
    ),
    Key(
        name="names",
        text="The names that are there. Default: all that the policy demands.",
        schema=_list(_SLOT) | {"minItems": 1, "uniqueItems": True},
    ),
    Key(name="tool", text="The tool that reported. Default: each that the policy demands.", schema=_text()),
)

_RULES = _list(_text())

EXPECT = (
    Key(name="outcome", text="The verdict.", schema=_choice(*Outcome)),
    Key(name="allowed", text="Whether the subject may enter.", schema={"type": "boolean"}),
    Key(name="score", text="The score, as it is shown.", schema=_PERCENT),
    Key(name="failed", text="All rules that fail.", schema=_RULES),
    Key(name="warned", text="All rules that warn.", schema=_RULES),
    Key(
        name="missing",
        text="All rules whose facts are missing. Demanded evidence (`evidence.tests`) is compared only when "
        "the list names some.",
        schema=_RULES,
    ),
    Key(name="skipped", text="All rules that are skipped.", schema=_RULES),
    Key(name="observed", text="All rules that are only observed.", schema=_RULES),
)

SECTIONS: Mapping[str, tuple[Key, ...]] = MappingProxyType(
    {
        "policy": POLICY,
        "evidence": EVIDENCE,
        "rule": RULE,
        "bounds": BOUNDS,
        "no_worse_than": NO_WORSE,
        "score": SCORE,
        "test": TEST,
        "given": GIVEN,
        "baseline": BASELINE,
        "given_evidence": GIVEN_EVIDENCE,
        "expect": EXPECT,
    }
)

NOT_YET: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "policy": frozenset(
            {
                "extends", "applies_to", "paths", "approvals", "separation", "waiver_limits", "waivers",
                "windows", "order", "revoke_on", "obligations",
            }
        ),
        "evidence": frozenset({"trust", "protected_ref", "signed"}),
        "rule": frozenset({"expr", "needs", "message", "override", "windows", "order", "paths"}),
        "no_worse_than": frozenset({"baseline"}),
        "test": frozenset({"everything_else", "path"}),
        "given": frozenset({"findings", "approvals", "order", "windows", "everything_else", "waivers"}),
        "expect": frozenset({"used_waivers", "expired_waivers", "approvals"}),
    }
)  # fmt: skip
"""Keys of the design that later versions bring: refused by name, so that nobody takes them for a typo."""
