"""Separation of duties: who is excluded, and that unknown people fail it."""

from gatekeeper.decision import People
from gatekeeper.policy.promotion import Party, Separation
from gatekeeper.policy.separation import excluded, separation_held

ALL = Separation(approver_is_not=tuple(Party))
KNOWN = People(author="ann", committer="ann", deployer="dan")


def test_each_party_is_excluded_by_its_name():
    """A person may be several parties, and owners of applied waivers are one of them."""
    found = excluded(ALL, KNOWN, ["wim", "dan"])
    assert found.people == {
        "ann": (Party.AUTHOR, Party.COMMITTER),
        "dan": (Party.DEPLOYER, Party.WAIVER_OWNER),
        "wim": (Party.WAIVER_OWNER,),
    }
    assert found.unknown == ()


def test_only_the_parties_of_the_policy_are_excluded():
    """Others may approve, whether they are known or not."""
    only = Separation(approver_is_not=(Party.DEPLOYER,))
    assert excluded(only, KNOWN, ["wim"]).people == {"dan": (Party.DEPLOYER,)}
    assert excluded(only, People(deployer="dan"), ()).unknown == ()


def test_a_party_that_nobody_knows_fails_separation():
    """The remedy asks for the names; an empty name is no name."""
    found = excluded(ALL, People(author="", committer="ann"), ())
    (one,) = separation_held(found, ALL).judged
    assert one.result.id == "separation"
    assert one.result.status == "fail"
    assert one.effect == "block"
    assert one.result.message.text == (
        "nobody said who is author, deployer, so that no approver can be compared"
    )
    assert one.result.remedy.text == "say who is author, deployer when supplying and when asking"


def test_known_parties_pass_and_no_waiver_means_no_owner():
    """That no waiver was applied is known, so nobody is missing."""
    (one,) = separation_held(excluded(ALL, KNOWN, ()), ALL).judged
    assert one.result.status == "pass"
    assert one.result.message.text == (
        "whoever is author, committer, deployer, waiver_owner does not count as approver"
    )


def test_a_policy_that_excludes_nobody_has_no_result():
    """There is nothing to compare."""
    none = Separation()
    assert separation_held(excluded(none, People(), ()), none).judged == ()
