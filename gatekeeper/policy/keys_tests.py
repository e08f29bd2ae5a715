"""The keys of the examples in a policy file."""

from collections.abc import Mapping
from types import MappingProxyType

from gatekeeper.decision import Outcome
from gatekeeper.evidence import State
from gatekeeper.metrics import FINDING_KINDS
from gatekeeper.policy import key
from gatekeeper.policy.example import Met
from gatekeeper.policy.key import Key
from gatekeeper.signoff import Verdict

PACKAGE_PATTERN = r"^[a-z0-9.+-]+/\S{1,200}$"

TEST = (
    Key(name="name", text="What the example shows.", schema=key.text(), is_required=True),
    Key(name="stage", text="The stage to be entered.", schema=key.NAME, is_required=True),
    Key(name="path", text="The promotion path. Default: standard.", schema=key.NAME),
    Key(name="as_of", text="The time of the question. Default: 2026-01-01T00:00:00Z.", schema=key.TIME),
    Key(name="now", text="Another word for `as_of`.", schema=key.TIME),
    Key(name="given", text="What the example assumes; nothing else is there.", schema=key.section("given")),
    Key(name="expect", text="What must come out.", schema=key.section("expect"), is_required=True),
)

GIVEN = (
    Key(
        name="metrics",
        text="Metrics by name; they imply fresh, good evidence of their kind. Others are absent.",
        schema=key.METRICS,
    ),
    Key(
        name="baseline",
        text="The last allowed decision: its metrics. Without this key there is no baseline.",
        schema=key.section("baseline"),
    ),
    Key(
        name="evidence",
        text="Evidence by kind or kind/name, where it is not simply fresh and good.",
        schema=key.mapping(key.section("given_evidence")),
    ),
    Key(
        name="findings",
        text="Open findings; an empty list means that every scan found nothing.",
        schema=key.many(key.section("given_finding")),
    ),
    Key(name="approvals", text="Who signed what was shown.", schema=key.many(key.section("given_approval"))),
    Key(name="order", text="Whether the stage before was entered. Default: unmet.", schema=key.choice(*Met)),
    Key(
        name="windows",
        text="Whether the window is open. Default: as the time of the question says.",
        schema=key.choice(*Met),
    ),
    Key(
        name="waivers",
        text="Waivers within the limits of the policy; they cover what they match among the findings.",
        schema=key.many(key.section("given_waiver")),
    ),
    Key(
        name="everything_else",
        text="Whether approvals, order, obligations and windows that are not given here are met. "
        "Default: unmet.",
        schema=key.choice(*Met),
    ),
)

GIVEN_FINDING = (
    Key(name="kind", text="Its kind.", schema=key.choice(*FINDING_KINDS), is_required=True),
    Key(
        name="id",
        text="The advisory of a package, such as CVE-2026-1, or the rule of the tool.",
        schema=key.SLOT,
        is_required=True,
    ),
    Key(name="severity", text="How bad it is.", schema=key.SEVERITY, is_required=True),
    Key(name="package", text="Ecosystem and package, such as pypi/lxml.", schema=key.text(PACKAGE_PATTERN)),
    Key(name="version", text="The version that is installed.", schema=key.text()),
    Key(name="fixable", text="Whether a fixed version is known. Default: false.", schema=key.TRUTH),
    Key(name="path", text="The file.", schema=key.text()),
    Key(name="line", text="The line.", schema=key.whole(1, 10_000_000)),
    Key(name="new", text="Whether the baseline does not have it. Default: true.", schema=key.TRUTH),
    Key(name="suppressed", text="Whether it is set aside in the source. Default: false.", schema=key.TRUTH),
)

GIVEN_APPROVAL = (
    Key(name="role", text="The role that was signed in.", schema=key.NAME, is_required=True),
    Key(name="person", text="Who. Default: somebody who signs nothing else.", schema=key.SLOT),
    Key(name="verdict", text="What was said. Default: approve.", schema=key.choice(*Verdict)),
)

GIVEN_WAIVER = (
    Key(name="id", text="Its id.", schema=key.SLOT, is_required=True),
    Key(name="finding", text="The fingerprint that it names.", schema=key.SLOT),
    Key(name="advisory", text="The advisory that it names.", schema=key.SLOT),
    Key(name="package", text="The package that it names.", schema=key.text(PACKAGE_PATTERN)),
    Key(name="path", text="The glob of files that it names.", schema=key.text()),
    Key(name="rule", text="The rule that it names.", schema=key.NAME),
    Key(name="accept", text='For a rule: what must still hold, such as ">= 70".', schema=key.CONDITION),
    Key(
        name="expires",
        text="When it ends; a bare date ends at 24:00 in the time zone of the policy.",
        schema=key.TIME,
        is_required=True,
    ),
)

BASELINE = (Key(name="metrics", text="Metrics by name.", schema=key.METRICS, is_required=True),)

GIVEN_EVIDENCE = (
    Key(name="state", text="State of the report. Default: ok.", schema=key.choice(*State)),
    Key(
        name="problems",
        text="Problems of the report: code and count.",
        schema=key.mapping({"type": "integer", "minimum": 1}),
    ),
    Key(name="age", text="Age of the report, such as 30h. Default: none.", schema=key.DURATION),
    Key(
        name="db_age",
        text="Age of the vulnerability database. Default: unknown; it is fresh where only metrics are given.",
        schema=key.DURATION,
    ),
    Key(
        name="names",
        text="The names that are there. Default: all that the policy demands.",
        schema=key.some(key.SLOT),
    ),
    Key(
        name="tool", text="The tool that reported. Default: each that the policy demands.", schema=key.text()
    ),
)

_RULES = key.many(key.text())

EXPECT = (
    Key(name="outcome", text="The verdict.", schema=key.choice(*Outcome)),
    Key(name="allowed", text="Whether the subject may enter.", schema={"type": "boolean"}),
    Key(name="score", text="The score, as it is shown.", schema=key.NUMBER),
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
    Key(name="used_waivers", text="All waivers that set something aside.", schema=_RULES),
    Key(name="expired_waivers", text="All waivers that have ended.", schema=_RULES),
    Key(name="unused_waivers", text="All waivers that set nothing aside.", schema=_RULES),
    Key(name="approvals", text="All roles whose approval is missing.", schema=_RULES),
)

TEST_SECTIONS: Mapping[str, tuple[Key, ...]] = MappingProxyType(
    {
        "test": TEST,
        "given": GIVEN,
        "baseline": BASELINE,
        "given_evidence": GIVEN_EVIDENCE,
        "given_finding": GIVEN_FINDING,
        "given_approval": GIVEN_APPROVAL,
        "given_waiver": GIVEN_WAIVER,
        "expect": EXPECT,
    }
)
