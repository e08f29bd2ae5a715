"""A policy changes by a draft that somebody else approves; on both engines."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import msgspec
import pytest
from at_once import at_once
from policy_people import (
    ANN,
    BEN,
    CEM,
    TOKEN,
    approved,
    draft,
    events,
    in_force,
    person,
    policy,
    settle_in,
    submitted,
)

from gatekeeper.caller import Scope
from gatekeeper.policy_draft import DraftState
from gatekeeper.recorded import Event
from gatekeeper.service import policies, policy_drafts, policy_reviews, projects
from gatekeeper.service.errors import Conflict, Denied, NotFound, Refused
from gatekeeper.service.policy_drafts import Stale
from gatekeeper.store import people
from gatekeeper.store import policies as policy_rows


def test_a_draft_goes_its_way(house) -> None:
    """Written by one, approved by another: a version with both names, in force, and every step told."""
    before = len(events(house))
    made = submitted(house)
    assert (made.state, in_force(house).version) == (DraftState.SUBMITTED, 1)
    done = approved(house, made, comment="seen")
    version = in_force(house)
    assert (done.state, done.version, done.judged_by) == (DraftState.APPROVED, 2, BEN.principal)
    assert (version.version, version.text, version.digest) == (2, policy(2), made.checked.digest)
    assert (version.author, version.approved_by, version.draft) == (ANN.principal, BEN.principal, made.id)
    assert version.reason == "stricter"
    assert projects.get(house.server, TOKEN, house.project.id).policy_digest == version.digest
    assert events(house)[before:] == [
        Event.POLICY_DRAFTED, Event.POLICY_SUBMITTED, Event.POLICY_PUBLISHED,
        Event.POLICY_APPROVED,
    ]  # fmt: skip


def test_faults_may_be_saved_and_not_submitted(house) -> None:
    """A draft that cannot decide keeps its faults; one whose tests fail, their names."""
    broken = draft(house, b"schema: gatekeeper/v1\npolicy: example\nrulez: []\n")
    assert broken.checked.digest is None
    assert "rulez" in " ".join(broken.checked.faults)
    test = (
        "tests:\n  - name: too good\n    stage: develop\n    given: {metrics: {tests.passed: 0}}\n"
        "    expect: {outcome: pass}\n"
    )
    failing = draft(house, policy(2) + test.encode())
    assert (failing.checked.tests, failing.checked.failed) == (1, ("too good",))
    for one, word in ((broken, "rulez"), (failing, "too good")):
        with pytest.raises(Refused, match=word) as refused:
            policy_drafts.submit(house.server, ANN, one.id, revision=1)
        assert refused.value.code == "draft-not-sound"
    mended = policy_drafts.edit(
        house.server, ANN, broken.id, policy(2), revision=1, based_on=1, reason="mended"
    )
    assert policy_drafts.submit(house.server, ANN, mended.id, revision=2).state is DraftState.SUBMITTED


def test_nobody_approves_an_own_draft(house) -> None:
    """Not who wrote it, not who edited or submitted it, not under another account."""
    made = draft(house)
    edited = policy_drafts.edit(house.server, BEN, made.id, policy(3), revision=1, based_on=1, reason="more")
    sent = policy_drafts.submit(house.server, CEM, edited.id, revision=2)
    settle_in(house.server, "dan", Scope.POLICY_APPROVE)
    settle_in(house.server, "cem", Scope.POLICY_WRITE)
    house.server.database.write(lambda c: people.join(c, "usr_cem", "usr_dan"))
    for one in (ANN, BEN, CEM, person("dan")):
        with pytest.raises(Denied) as denied:
            approved(house, sent, one)
        assert denied.value.code == "own-draft"
    assert in_force(house).version == 1
    assert approved(house, sent, person("eve")).version == 2


def test_no_token_submits_or_approves(house) -> None:
    """Not even an administrator's; it may write a draft, which a person then submits."""
    made = draft(house, caller=TOKEN)
    with pytest.raises(Denied) as denied:
        policy_drafts.submit(house.server, TOKEN, made.id, revision=1)
    assert denied.value.code == "person-needed"
    sent = policy_drafts.submit(house.server, ANN, made.id, revision=1)
    with pytest.raises(Denied) as denied:
        approved(house, sent, TOKEN)
    assert denied.value.code == "person-needed"
    with pytest.raises(Denied):
        policy_reviews.roll_back(house.server, TOKEN, "example", to=1, reason="x")
    assert approved(house, sent).version == 2


def test_an_approver_for_some_projects_approves_for_no_others(house) -> None:
    """The policy decides about `pay/api`, and says that it will about `web/*`."""
    sent = submitted(house, policy(2, more='applies_to: ["web/*"]\n'))
    for globs in (("web/*",), ("pay/*",)):
        with pytest.raises(Denied) as denied:
            approved(house, sent, person("far", Scope.POLICY_APPROVE, projects=globs))
        assert denied.value.code == "project-not-granted"
    assert approved(house, sent, person("far", Scope.POLICY_APPROVE, projects=("pay/*", "web/*"))).version


def test_an_edit_after_submission_takes_it_back(house) -> None:
    """What was shown to the approver is not approved in another shape."""
    sent = submitted(house)
    edited = policy_drafts.edit(
        house.server, ANN, sent.id, policy(9), revision=sent.revision, based_on=1, reason="x"
    )
    assert edited.state is DraftState.DRAFT
    with pytest.raises(Stale):
        approved(house, sent)
    with pytest.raises(Conflict) as refused:
        approved(house, edited)
    assert refused.value.code == "draft-state"
    again = policy_drafts.submit(house.server, ANN, edited.id, revision=edited.revision)
    with pytest.raises(Conflict) as refused:
        approved(house, again, digest=sent.checked.digest)
    assert refused.value.code == "draft-changed"


def test_a_concurrent_edit_is_told_what_changed(house) -> None:
    """The second of two editors hears what the own text would change in what is there now."""
    made = draft(house)
    policy_drafts.edit(house.server, BEN, made.id, policy(5), revision=1, based_on=1, reason="b")
    with pytest.raises(Stale) as stale:
        policy_drafts.edit(house.server, ANN, made.id, policy(7), revision=1, based_on=1, reason="a")
    assert stale.value.code == "draft-changed"
    assert any("tests-exist" in one and "7" in one for one in stale.value.changes)
    with pytest.raises(Stale) as stale:
        policy_drafts.edit(house.server, ANN, made.id, b"no policy", revision=1, based_on=1, reason="a")
    assert "-policy: example" in stale.value.changes


def test_a_policy_that_moved_on_is_not_overwritten(house) -> None:
    """Two drafts of one version: the second has to be put on top of the first."""
    one, other = submitted(house, policy(2)), submitted(house, policy(3))
    approved(house, one)
    with pytest.raises(Stale) as stale:
        approved(house, other)
    assert stale.value.code == "policy-moved"
    assert stale.value.changes
    with pytest.raises(Stale):
        draft(house)
    edited = policy_drafts.edit(
        house.server, ANN, other.id, policy(3), revision=other.revision, based_on=2, reason="on top"
    )
    sent = policy_drafts.submit(house.server, ANN, edited.id, revision=edited.revision)
    assert approved(house, sent).version == 3


def test_rejected_and_withdrawn_drafts_are_at_their_end(house) -> None:
    """A rejection says why; nothing leads on from there."""
    sent = submitted(house)
    with pytest.raises(Refused):
        policy_reviews.reject(house.server, BEN, sent.id, revision=sent.revision, comment=" ")
    rejected = policy_reviews.reject(house.server, BEN, sent.id, revision=sent.revision, comment="too early")
    gone = policy_drafts.withdraw(house.server, ANN, draft(house).id, revision=1)
    for one in (rejected, gone):
        for act in (
            lambda one=one: approved(house, one),
            lambda one=one: policy_drafts.submit(house.server, ANN, one.id, revision=one.revision),
            lambda one=one: policy_drafts.withdraw(house.server, ANN, one.id, revision=one.revision),
            lambda one=one: policy_drafts.edit(
                house.server, ANN, one.id, policy(4), revision=one.revision, based_on=1, reason=""
            ),
        ):
            with pytest.raises(Conflict) as refused:
                act()
            assert refused.value.code == "draft-state"
    assert in_force(house).version == 1


def test_a_rollback_is_a_new_version_that_two_people_make(house) -> None:
    """Two who may approve suffice in an emergency; one does not."""
    approved(house, submitted(house))
    only_approves = person("ops", Scope.POLICY_APPROVE)
    with pytest.raises(Refused):
        policy_reviews.roll_back(house.server, only_approves, "example", to=1, reason="")
    with pytest.raises(NotFound):
        policy_reviews.roll_back(house.server, only_approves, "example", to=7, reason="x")
    back = policy_reviews.roll_back(house.server, only_approves, "example", to=1, reason="it blocks all")
    with pytest.raises(Denied):
        approved(house, back, only_approves)
    approved(house, back)
    first = house.server.database.read(lambda c: policy_rows.version(c, "example", 1))
    now = in_force(house)
    assert (now.version, now.text, now.digest) == (3, first.text, first.digest)
    assert now.approved_by == BEN.principal


def test_a_direct_import_ends_where_somebody_could_approve(house) -> None:
    """The content in force again is no change, so it is no refusal either."""
    policies.publish(house.server, TOKEN, policy(2), "bootstrap")
    settle_in(house.server, "ann", Scope.POLICY_WRITE)
    policies.publish(house.server, TOKEN, policy(3), "she may only write")
    settle_in(house.server, "ben", Scope.POLICY_APPROVE)
    for caller in (TOKEN, ANN):
        with pytest.raises(Denied) as denied:
            policies.publish(house.server, caller, policy(4), "x")
        assert denied.value.code == "policy-needs-review"
        assert "policy draft" in denied.value.hint
    assert policies.publish(house.server, TOKEN, policy(3), "again")[1] is False
    assert in_force(house).version == 3


def test_a_server_whose_provider_names_approvers_takes_no_import(house) -> None:
    """They are known only once they log in, so the door is closed before."""
    closed = replace(house.server, rules=replace(house.server.rules, approvers_log_in=True))
    with pytest.raises(Denied):
        policies.publish(closed, TOKEN, policy(4), "x")
    opened = replace(
        house.server, rules=replace(house.server.rules, approvers_log_in=True, policies_by_token=True)
    )
    assert policies.publish(opened, TOKEN, policy(4), "x")[0].version == 2


def test_the_backtest_that_was_shown_is_kept(house) -> None:
    """By its digest, and only one of this very policy."""
    sent = submitted(house)
    with pytest.raises(Refused):
        approved(house, sent, backtest=b'{"digest": "sha256:0"}')
    tried = msgspec.json.encode({"digest": sent.checked.digest, "total": 0})
    done = approved(house, sent, backtest=tried)
    assert done.backtest is not None
    assert in_force(house).backtest == done.backtest


def test_bad_drafts_are_refused(house) -> None:
    """Of another policy, too large, with a reason that cannot be shown, for a time that has passed."""
    for text, more in (
        (policy(2, name="other"), {}),
        (b"x" * (policies.MAX_POLICY_BYTES + 1), {}),
        (policy(2), {"reason": "\x1b[2J"}),
        (policy(2), {"in_force_from": house.clock() - timedelta(seconds=1)}),
    ):
        with pytest.raises(Refused):
            draft(house, text, **more)
    with pytest.raises(NotFound):
        policy_drafts.get(house.server, ANN, "pdr_none")


def test_two_editors_and_two_approvers_at_once(house) -> None:
    """One of each wins, and the others hear it: no edit is lost, no version is made twice."""
    for number in range(4):
        base = in_force(house).version
        made = draft(house, policy(20 + number), based_on=base)
        edits = at_once(
            [
                partial(
                    policy_drafts.edit, house.server, who, made.id, policy(100 + 10 * number + n),
                    revision=1, based_on=base, reason="r",
                )
                for n, who in enumerate((ANN, BEN, CEM))
            ]
        )  # fmt: skip
        assert sorted(type(one).__name__ for one in edits) == ["PolicyDraft", "Stale", "Stale"]
        sent = policy_drafts.submit(house.server, ANN, made.id, revision=2)
        approvals = at_once([partial(approved, house, sent, person(who)) for who in ("eve", "fay", "gus")])
        assert sorted(type(one).__name__ for one in approvals) == ["PolicyDraft", "Stale", "Stale"]
        assert in_force(house).version == base + 1


def test_an_approval_while_projects_are_assigned(house) -> None:
    """No project is passed by: at the end each has the digest of its policy in force."""
    policies.publish(house.server, TOKEN, policy(1, name="other"), "another")
    for number in range(4):
        sent = submitted(house, policy(30 + number), based_on=in_force(house).version)
        told = at_once(
            [
                lambda sent=sent: approved(house, sent),
                lambda: projects.assign_policy(house.server, TOKEN, house.project.id, "other"),
                lambda: projects.assign_policy(house.server, TOKEN, house.project.id, "example"),
            ]
        )
        assert not [one for one in told if isinstance(one, BaseException)]
        held = projects.get(house.server, TOKEN, house.project.id)
        assert held.policy_digest == in_force(house, held.policy).digest
