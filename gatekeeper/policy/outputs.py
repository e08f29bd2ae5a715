"""What two evaluations of equal inputs must agree on: content without words, ids of rows and ages."""

from typing import Any

import msgspec

from gatekeeper.decision import SEMANTICS, RuleResult
from gatekeeper.policy.answer import Answer


def outputs_of(answer: Answer) -> dict[str, Any]:
    """`answer` as plain JSON; its digest is that of the outputs."""
    plain = msgspec.to_builtins
    return {
        "semantics": SEMANTICS,
        "outcome": answer.outcome,
        "allowed": answer.allowed,
        "score": answer.score.shown,
        "reasons": [_coded(plain(why)) for why in answer.reasons],
        "rules": sorted((_hashed_rule(rule) for rule in answer.rules), key=lambda rule: str(rule["id"])),
        "missing": [plain(m) | {"reason": _coded(plain(m.reason))} for m in answer.missing],
        "waivers": plain(answer.waivers),
        "approvals": plain(answer.approvals),
        "obligations": list(answer.obligations),
        "override": answer.override,
        "would_change": [plain(change) for change in answer.would_change],
        "valid_until": plain(answer.valid_until),
    }


def _hashed_rule(rule: RuleResult) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(rule)
    del plain["title"]
    plain["message"] = _coded(plain["message"])
    plain["remedy"] = _coded(plain["remedy"]) if plain["remedy"] else None
    return plain


def _coded(message: dict[str, Any]) -> dict[str, Any]:
    return {"code": message["code"], "params": message["params"]}
