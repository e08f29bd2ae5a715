"""What only a server meets: senders who are believed differently, upload sets, artifacts without a source."""

import msgspec

from gatekeeper.decision import SetInput
from gatekeeper.evidence import Evidence, Provenance, Trust, Use
from gatekeeper.policy.evaluate import evaluate
from gatekeeper.policy.inputs import inputs_for

RULE = """
- id: tests-pass
  metric: tests.failed
  pass: "== 0"
"""
CLAIMED = Provenance(method="token", trust=Trust.CLAIMED)
BRANCH = Provenance(method="oidc", trust=Trust.BOUND, ref="feature", ref_protected=False)
MAIN = Provenance(method="oidc", trust=Trust.BOUND, ref="main", ref_protected=True)


def _sent(make, failed: int, order: int, provenance: Provenance, **more: object) -> Evidence:
    metrics = {"tests.total": 3, "tests.passed": 3 - failed, "tests.failed": failed, "tests.errors": 0}
    made = make.evidence("tests", metrics)
    return msgspec.structs.replace(made, order=order, provenance=provenance, id=f"ev_{order}", **more)


def _uses(decision) -> dict[str, Use]:
    return {one.id: one.use for one in decision.evidence}


def test_less_believed_evidence_never_supersedes_more_believed(make) -> None:
    """A green report of a token or of a branch job does not hide the red one of the protected branch."""
    policy = make.policy(RULE)
    for sender in (CLAIMED, BRANCH):
        decision = make.decide(policy, _sent(make, 1, 1, MAIN), _sent(make, 0, 2, sender))
        assert (decision.outcome, _uses(decision)) == (
            "fail",
            {"ev_1": Use.USED, "ev_2": Use.UNTRUSTED},
        )


def test_more_believed_evidence_supersedes_less_believed(make) -> None:
    """The report of the protected branch counts as soon as it is there, whichever came first."""
    policy = make.policy(RULE)
    decision = make.decide(policy, _sent(make, 0, 1, CLAIMED), _sent(make, 1, 2, MAIN))
    assert (decision.outcome, _uses(decision)) == ("fail", {"ev_1": Use.SUPERSEDED, "ev_2": Use.USED})
    decision = make.decide(policy, _sent(make, 1, 2, CLAIMED), _sent(make, 0, 1, MAIN))
    assert _uses(decision) == {"ev_1": Use.USED, "ev_2": Use.UNTRUSTED}


def test_a_shard_of_an_incomplete_set_proves_nothing(make) -> None:
    """Green shards do not stand for those that never came; the reason names the missing parts."""
    policy = make.policy(RULE)
    evidence = _sent(make, 0, 1, MAIN, set_id="set_1")

    def decided(given: SetInput):
        inputs = inputs_for(make.subject, "develop", policy, [evidence], as_of=make.as_of, sets=(given,))
        return evaluate(inputs, policy, [evidence])

    whole = SetInput(id="set_1", name="shards", parts=3, missing=(), is_closed=False)
    assert decided(whole).allowed
    partial = decided(msgspec.structs.replace(whole, missing=(2, 3), is_closed=True))
    assert not partial.allowed
    (rule,) = [one for one in partial.rules if one.id == "tests-pass"]
    assert rule.status == "missing"
    assert "missing parts: 2, 3" in rule.message.text
    assert rule.remedy is not None
    assert "set shards (2, 3)" in rule.remedy.text
    assert not decided(msgspec.structs.replace(whole, parts=None)).allowed
    assert decided(msgspec.structs.replace(whole, parts=None, is_closed=True)).allowed


def test_an_artifact_without_a_source_is_let_in_nowhere(make) -> None:
    """Evidence of a source says nothing about an artifact that nobody linked to it; the remedy says how."""
    policy = make.policy(RULE)
    evidence = _sent(make, 0, 1, MAIN)
    subject = msgspec.structs.replace(make.subject, source=None)
    inputs = inputs_for(subject, "develop", policy, [evidence], as_of=make.as_of)
    decision = evaluate(inputs, policy, [evidence])
    assert (decision.allowed, _uses(decision)) == (False, {"ev_1": Use.UNLINKED})
    assert [why.code for why in decision.reasons] == ["artifact-unlinked"]
    (rule,) = [one for one in decision.rules if one.id == "tests-pass"]
    assert rule.remedy is not None
    assert rule.remedy.text.endswith(f"gatekeeper link --artifact {subject.artifact}")
