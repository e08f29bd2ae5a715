"""The keys of a policy file that say how a release moves: paths, windows, signatures, limits of waivers."""

from collections.abc import Mapping
from types import MappingProxyType

from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.policy import key
from gatekeeper.policy.key import Key
from gatekeeper.policy.promotion import Inline, Party

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_CLOCK = key.text(r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")
_DATE = key.text(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_DEMANDS = key.many(key.section("approval"))
_SIGNING = key.mapping(_DEMANDS)

MOVING = (
    Key(
        name="paths",
        text="Promotion paths by name. The standard path is always there, for all that no other one claims.",
        schema=key.filled(key.section("path")),
    ),
    Key(
        name="approvals",
        text="Who must sign, by the stage to be entered; later stages do not inherit it.",
        schema=_SIGNING,
    ),
    Key(
        name="revoke_on",
        text="A finding at least this bad that appears after an approval voids it.",
        schema=key.SEVERITY,
    ),
    Key(
        name="by_mail",
        text="Whether people may sign by a single-use link in a mail. Default: false.",
        schema=key.TRUTH,
    ),
    Key(name="separation", text="Who may not approve.", schema=key.section("separation")),
    Key(name="waiver_limits", text="How far waivers may go.", schema=key.section("waiver_limits")),
    Key(
        name="windows",
        text="When a stage may be entered, by stage. Default: at any time.",
        schema=key.filled(key.section("window")),
    ),
)

_PATH = (
    Key(
        name="refs",
        text="Globs of the protected refs that take this path; the standard path has none.",
        schema=key.some(key.GLOB),
    ),
    Key(
        name="stages",
        text="The stages that can be entered on it, in their order. Default: those of the policy.",
        schema=key.some(key.NAME),
    ),
    Key(
        name="order",
        text="Whether a stage is entered only after an allowed decision for the one before. Default: false.",
        schema=key.TRUTH,
    ),
    Key(name="without", text="What this path does without.", schema=key.section("without")),
    Key(
        name="loosen_reason",
        text="Why it may do without, or be looser than in the extended policy.",
        schema=key.text(),
    ),
    Key(name="approvals", text="Who must sign on it, in place of the policy's.", schema=_SIGNING),
    Key(
        name="obligations",
        text="What an allowed decision on this path leaves to be done.",
        schema=key.many(key.section("obligation")) | {"minItems": 1},
    ),
)

_WITHOUT = (
    Key(name="rules", text="Ids of rules.", schema=key.some(key.NAME)),
    Key(name="evidence", text="Kinds of evidence.", schema=key.some(key.choice(*Kind))),
)

_OBLIGATION = (
    Key(name="id", text="Its name, unique on the path.", schema=key.NAME, is_required=True),
    Key(name="title", text="What is owed, for people. Default: the id.", schema=key.text()),
    Key(name="role", text="The role that owes it.", schema=key.NAME, is_required=True),
    Key(name="within", text="How long it may take, such as 3d.", schema=key.DURATION, is_required=True),
)

_APPROVAL = (
    Key(name="role", text="The role that signs.", schema=key.NAME, is_required=True),
    Key(name="count", text="How many people in this role. Default: 1.", schema=key.whole(1, 20)),
    Key(
        name="if",
        text="Needed only while these conditions on metrics, or on `score`, hold; when one cannot be judged "
        "the approval is needed.",
        schema=key.filled(key.CONDITION),
    ),
)

_SEPARATION = (
    Key(
        name="approver_is_not",
        text="Who may not approve.",
        schema=key.many(key.choice(*Party)) | {"uniqueItems": True},
    ),
    Key(
        name="distinct_people",
        text="Whether one person counts for one role only. Default: true.",
        schema=key.TRUTH,
    ),
)

_WAIVER_LIMITS = (
    Key(name="max_days", text="How many days a waiver may hold. Default: 90.", schema=key.whole(1, 366)),
    Key(
        name="max_days_by_severity",
        text="Fewer days for findings of a severity and of all worse ones.",
        schema={
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {str(severity): key.whole(1, 366) for severity in Severity},
        },
    ),
    Key(
        name="approved_by_role",
        text="The role that the approver of a waiver must have. Default: any.",
        schema=key.NAME,
    ),
    Key(
        name="inline",
        text="Whether suppressions in the source count; a refused one leaves its finding open. "
        "Default: accept.",
        schema=key.choice(*Inline),
    ),
    Key(
        name="loosen_reason",
        text="Why waivers may go further than in the extended policy.",
        schema=key.text(),
    ),
)

_WINDOW = (
    Key(
        name="open",
        text="When it is open. Default: at any time that no holiday and no freeze closes.",
        schema=key.many(key.section("opening")) | {"minItems": 1},
    ),
    Key(
        name="holidays",
        text="Dates on which it is closed all day.",
        schema=key.many(_DATE) | {"uniqueItems": True},
    ),
    Key(name="freezes", text="Times in which nothing enters.", schema=key.many(key.section("freeze"))),
    Key(
        name="loosen_reason",
        text="Why the window may be wider than in the extended policy.",
        schema=key.text(),
    ),
)

_OPENING = (
    Key(name="days", text="Days of the week. Default: all.", schema=key.some(key.choice(*DAYS))),
    Key(name="from", text='When it opens, such as "09:00". Default: 00:00.', schema=_CLOCK),
    Key(
        name="to",
        text="When it closes; before `from` it is on the next day. Default: 24:00.",
        schema=_CLOCK,
    ),
)

_FREEZE = (
    Key(name="from", text="When it begins; a bare date begins at 00:00.", schema=key.TIME, is_required=True),
    Key(name="to", text="When it ends; a bare date ends at 24:00.", schema=key.TIME, is_required=True),
    Key(name="reason", text="Why, for people.", schema=key.text(), is_required=True),
)

MOVING_SECTIONS: Mapping[str, tuple[Key, ...]] = MappingProxyType(
    {
        "path": _PATH,
        "without": _WITHOUT,
        "obligation": _OBLIGATION,
        "approval": _APPROVAL,
        "separation": _SEPARATION,
        "waiver_limits": _WAIVER_LIMITS,
        "window": _WINDOW,
        "opening": _OPENING,
        "freeze": _FREEZE,
    }
)
