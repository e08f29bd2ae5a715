"""Policies on the server that build on stored versions of others."""

import pytest

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.policy.load import PolicyRefused
from gatekeeper.service import policies, projects
from gatekeeper.store import policies as rows

ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)
CHILD = """\
schema: gatekeeper/v1
policy: pay
owner: payments
extends: {pin}
rules:
  - {{id: errors-too, metric: tests.total, pass: ">= 5"}}
"""


def publish(house, pin: str):
    """The stored version of a policy that extends `pin`."""
    return policies.publish(house.server, ADMIN, CHILD.format(pin=pin).encode(), "why")[0]


def test_a_project_is_judged_by_what_its_policy_extends(house) -> None:
    """Rules of both decide; the answer names the extending policy."""
    stored = publish(house, "example@1")
    projects.assign_policy(house.server, ADMIN, house.project.id, "pay")
    house.submit(house.junit())
    decision = house.decided()
    assert (decision.policy.name, decision.policy.digest) == ("pay", stored.digest)
    assert {"errors-too", "tests-pass"} <= {rule.id for rule in decision.rules}
    assert decision.allowed is False


def test_a_new_version_of_the_extended_policy_changes_nothing_until_it_is_pinned(house) -> None:
    """A pin names content that never changes, by number and by digest alike."""
    first = house.server.database.read(lambda c: rows.version(c, "example", 1))
    by_number = publish(house, "example@1")
    policies.publish(house.server, ADMIN, first.text.replace(b'">= 1"', b'">= 2"'), "stricter")
    assert house.server.policy(by_number).extends[0].digest == first.digest
    by_digest = publish(house, f"example@{first.digest[:19]}")
    assert house.server.policy(by_digest).extends[0].version is None
    assert publish(house, "example@2").digest not in (by_number.digest, by_digest.digest)


@pytest.mark.parametrize("pin", ["example@9", "example@sha256:000000000000", "nothing@1"])
def test_what_the_server_does_not_have_is_refused(house, pin) -> None:
    """Nothing is stored, and the refusal says what to import."""
    with pytest.raises(PolicyRefused, match=f"this server has no policy {pin}"):
        publish(house, pin)
    assert house.server.database.read(lambda c: rows.in_force(c, "pay")) is None


def test_a_shipped_policy_whose_base_is_not_stored_waits_to_be_imported(house, monkeypatch, tmp_path) -> None:
    """A server starts although a stored policy is older than the one that a new policy builds on."""
    (tmp_path / "policies").mkdir()
    for name, pin in (("pay", "example@sha256:000000000000"), ("fine", "example@1")):
        text = CHILD.format(pin=pin).replace("policy: pay", f"policy: {name}")
        (tmp_path / "policies" / f"{name}.yaml").write_text(text)
    monkeypatch.setattr(policies, "rules_folder", lambda: tmp_path)
    assert [made.name for made in policies.publish_shipped(house.server)] == ["fine"]
