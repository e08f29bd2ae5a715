"""The order of a path: a stage is entered only after an allowed decision for the one before it."""

from collections.abc import Sequence

from gatekeeper.policy.entry import ORDER, Asked, Held, after, failed, passed
from gatekeeper.policy.said import reason, remedy
from gatekeeper.signoff import PriorDecision

_TITLE = "Order of the stages"


def order(asked: Asked, prior: Sequence[PriorDecision]) -> Held:
    """The result `order`; nothing when the path has no order or does not have the stage.

    The newest decision for the stage before, on this path, must be allowed. One that lies after `as_of`
    is not known yet, whatever it says. Of several at the same instant each must be allowed.
    """
    path = asked.path
    if not path.in_order or asked.stage not in path.stages:
        return Held()
    place = path.stages.index(asked.stage)
    if place == 0:
        return Held(judged=(passed(ORDER, _TITLE, reason("order-first", stage=asked.stage, path=path.name)),))
    before = path.stages[place - 1]
    found = [one for one in prior if one.stage == before and one.path == path.name]
    known = [one for one in found if one.as_of <= asked.as_of]
    changes_at = after(asked.as_of, *(one.as_of for one in found))
    helps = remedy("enter-before", stage=asked.stage, before=before, path=path.name)
    if not known:
        why = reason("order-unmet", before=before, path=path.name)
        return Held(judged=(failed(ORDER, _TITLE, why, helps),), changes_at=changes_at)
    newest = max(one.as_of for one in known)
    latest = sorted(
        (one for one in known if one.as_of == newest), key=lambda one: (one.allowed, one.decision)
    )
    if not latest[0].allowed:
        why = reason("order-refused", before=before, path=path.name, decision=latest[0].decision)
        return Held(judged=(failed(ORDER, _TITLE, why, helps),), changes_at=changes_at)
    why = reason("order-met", before=before, path=path.name, decision=latest[0].decision)
    return Held(judged=(passed(ORDER, _TITLE, why),), changes_at=changes_at)
