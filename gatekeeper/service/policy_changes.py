"""What a text of a policy changes against another, in words; line by line where one of them cannot decide."""

import difflib

from gatekeeper.policy.diff import differences
from gatekeeper.policy.load import PolicyRefused, Resolve, load_policy
from gatekeeper.policy.model import Policy

MAX_CHANGES = 200


def changes(old: bytes | None, new: bytes, resolve: Resolve) -> tuple[str, ...]:
    """At most `MAX_CHANGES` lines; empty when the two say the same. `old` None: there was no policy."""
    if old is None:
        return ("the policy is new",)
    before, after = _read(old, resolve), _read(new, resolve)
    if before is not None and after is not None:
        return tuple(f"{one.effect}: {one.text}" for one in differences(before, after)[:MAX_CHANGES])
    lines = difflib.unified_diff(_lines(old), _lines(new), "was", "is", n=1, lineterm="")
    return tuple(line[:500] for _, line in zip(range(MAX_CHANGES), lines, strict=False))


def _read(text: bytes, resolve: Resolve) -> Policy | None:
    try:
        return load_policy(text, file="policy", resolve=resolve)
    except PolicyRefused:
        return None


def _lines(text: bytes) -> list[str]:
    return text.decode("utf-8", "replace").splitlines()
