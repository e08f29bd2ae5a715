"""How the paths and signatures of a policy are looser than those of the policy that it extends, in words."""

from collections.abc import Iterator

from gatekeeper.policy.model import Policy
from gatekeeper.policy.promotion import ApprovalDemand, Path, Signing


def signing_loosened(old: tuple[Signing, ...], new: tuple[Signing, ...]) -> Iterator[str]:
    """Every signature of `old` that `new` does not demand at least as often."""
    for signing in old:
        demands = next((one.demands for one in new if one.stage == signing.stage), ())
        for demand in signing.demands:
            words = _demand_loosened(demand, demands)
            if words:
                yield f"{signing.stage} {words}"


def path_loosened(old: Path, new: Path, parent: Policy, child: Policy, *, is_new: bool) -> Iterator[str]:
    """Every way in which `new` lets more through than `old`; a new path is compared with the standard one."""
    if old.in_order and not new.in_order:
        yield "its stages are entered in any order"
    if more := [stage for stage in new.stages if stage not in old.stages]:
        yield f"{', '.join(more)} can be entered on it"
    elif _skips(old, new):
        yield "it leaves out stages that must be entered before others"
    for words, fewer, before in (
        ("rules", new.without_rules, old.without_rules),
        ("evidence", new.without_evidence, old.without_evidence),
    ):
        if gone := sorted(set(fewer) - set(before)):
            yield f"without the {words} {', '.join(gone)}"
    if old.approvals is not None or new.approvals is not None:
        signed = [one for one in _signings(old, parent) if one.stage in new.stages]
        yield from signing_loosened(tuple(signed), _signings(new, child))
    if not is_new:
        if set(old.refs) != set(new.refs):
            yield "other refs take it"
        yield from _obligations(old, new)


def _skips(old: Path, new: Path) -> bool:
    """True when a stage of `old` is gone that had to be entered before one that is left."""
    if not old.in_order:
        return False
    gone = [old.stages.index(stage) for stage in old.stages if stage not in new.stages]
    return bool(gone) and any(old.stages.index(stage) > min(gone) for stage in new.stages)


def _signings(path: Path, policy: Policy) -> tuple[Signing, ...]:
    return policy.approvals if path.approvals is None else path.approvals


def _demand_loosened(old: ApprovalDemand, demands: tuple[ApprovalDemand, ...]) -> str:
    """How nobody in `demands` signs in place of `old`; empty when somebody does."""
    new = next((demand for demand in demands if demand.role == old.role), None)
    if new is None:
        return f"without the approval of {old.role}"
    if new.count < old.count:
        return f"with {new.count} approvals of {old.role}, not {old.count}"
    is_always = not new.when and new.score is None
    if not is_always and (new.when, new.score) != (old.when, old.score):
        return f"with the approval of {old.role} under other conditions"
    return ""


def _obligations(old: Path, new: Path) -> Iterator[str]:
    for owed in old.obligations:
        now = next((one for one in new.obligations if one.id == owed.id), None)
        if now is None:
            yield f"without the obligation {owed.id}"
        elif now.within_s > owed.within_s or now.owner_role != owed.owner_role:
            yield f"the obligation {owed.id} has another owner or more time"
