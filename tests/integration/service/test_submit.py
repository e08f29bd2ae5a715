"""Evidence in: what arrives stands in its slot, in order, however it arrives."""

import hashlib

import pytest

from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import Kind, Problem, State, Trust
from gatekeeper.service.errors import Conflict, Denied, Refused


def test_a_report_becomes_evidence_with_a_number(house) -> None:
    """Receipts count up from one; the report and its document are kept by digest."""
    first = house.submit(house.junit())
    second = house.submit(house.junit(failed=1))
    assert (first.receipt.counter, second.receipt.counter) == (1, 2)
    assert (first.receipt.kind, first.receipt.state, first.is_new, first.is_current) == (
        Kind.TESTS, State.OK, True, True,
    )  # fmt: skip
    assert house.server.blobs.get(first.receipt.sha256) == house.junit()
    assert first.receipt.document_digest is not None
    assert house.server.document(first.receipt.document_digest).metrics["tests.total"] == 3


def test_the_same_bytes_again_write_nothing(house) -> None:
    """A repeated upload is told what was made of the first, and takes no number."""
    first = house.submit(house.junit(), run="1")
    again = house.submit(house.junit(), run="1")
    assert (again.is_new, again.receipt) == (False, first.receipt)
    assert house.submit(house.junit(), run="2").receipt.counter == 2


def test_a_repeated_request_cannot_bring_back_an_older_report(house) -> None:
    """A green upload of a run, sent once more after the red one of the same run, changes nothing."""
    green = house.submit(house.junit(), run="1")
    red = house.submit(house.junit(failed=1), run="1")
    replayed = house.submit(house.junit(), run="1")
    assert (replayed.is_new, replayed.receipt.id, replayed.is_current) == (False, green.receipt.id, False)
    assert red.is_current
    assert house.decided().outcome == "fail"


def test_an_unreadable_upload_takes_the_slot_of_a_good_one(house) -> None:
    """After a good report, one that cannot be read is the newest word: the gate closes."""
    house.submit(house.junit())
    assert house.decided().allowed
    broken = house.submit(b"<testsuite><testcase", kind=Kind.TESTS)
    assert (broken.receipt.state, broken.receipt.is_accepted) == (State.UNREADABLE, False)
    assert house.decided().outcome == "fail"


def test_an_unreadable_upload_of_unknown_kind_stands_for_what_came_under_its_name(house) -> None:
    """What nobody can tell the kind of still replaces the older report of the same name and job."""
    house.submit(house.junit(), name="unit")
    house.submit(house.junit(), name="e2e")
    lost = house.submit(b"PK\x03\x04 no report", name="unit")
    assert (lost.receipt.kind, lost.receipt.state) == (Kind.TESTS, State.UNREADABLE)
    decision = house.decided()
    assert {one.name: one.state for one in decision.evidence} == {"unit": "unreadable", "e2e": "ok"}
    assert not decision.allowed
    alone = house.submit(b"PK\x03\x04 no report", name="other")
    assert (alone.receipt.kind, alone.is_current) == (None, False)


def test_a_body_over_the_limit_is_the_newest_word_too(house) -> None:
    """A report that was too large to be read closes the gate as any unreadable one does."""
    house.submit(house.junit())
    problem = Problem(code="too-large", params={"bytes": 10, "limit": 5})
    refused = house.submit(b"0123456789", kind=Kind.TESTS, problem=problem)
    assert [one.code for one in refused.receipt.problems] == ["too-large"]
    assert not house.decided().allowed


def test_a_report_of_another_kind_than_told_is_unreadable_as_that_kind(house) -> None:
    """Tests sent as sast are no sast evidence, and the sast slot says so."""
    house.submit(house.junit(), name="scan")
    wrong = house.submit(house.junit(), name="scan", kind=Kind.SAST)
    assert (wrong.receipt.kind, wrong.receipt.state) == (Kind.SAST, State.UNREADABLE)
    assert [one.code for one in wrong.receipt.problems] == ["kind-mismatch"]


def test_less_believed_evidence_never_takes_the_slot(house) -> None:
    """The red report of a job on the protected branch stays, whatever tokens and branch jobs send later."""
    proof = _commit_object()
    words = {"commit": _commit_id(proof), "tree": "1" * 39 + "f", "commit_object": proof}
    main = house.job(commit=words["commit"])
    red = house.submit(house.junit(failed=1), main, **words)
    assert red.receipt.provenance.trust is Trust.BOUND
    for number, caller in enumerate((house.job(commit=words["commit"], ref="x", protected=False), None)):
        green = house.submit(house.junit(passed=4 + number), *([caller] if caller else []), **words)
        assert (green.is_new, green.is_current) == (True, False)
    green = house.submit(house.junit(passed=9), main, **words)
    assert green.is_current


def test_a_job_is_believed_as_far_as_its_commit_is_shown(house) -> None:
    """Without the commit object the tree of a job is a claim; with it, it is bound to the commit."""
    claimed = house.submit(house.junit(), house.job())
    assert claimed.receipt.provenance.trust is Trust.CLAIMED
    raw = _commit_object()
    commit = _commit_id(raw)
    job = house.job(commit=commit)
    bound = house.submit(house.junit(), job, commit=commit, tree=None, commit_object=raw)
    assert (bound.receipt.provenance.trust, bound.receipt.source.tree) == (Trust.BOUND, "1" * 39 + "f")
    with pytest.raises(GatekeeperError, match="tree"):
        house.submit(house.junit(), job, commit=commit, tree="2" * 40, commit_object=raw)


def test_a_commit_has_one_tree(house) -> None:
    """A second tree for a commit is refused, unless the commit object proves that the first was wrong."""
    raw = _commit_object()
    commit = _commit_id(raw)
    house.submit(house.junit(), commit=commit, tree="9" * 40)
    with pytest.raises(Conflict) as refused:
        house.submit(house.junit(failed=1), commit=commit, tree="8" * 40)
    assert refused.value.code == "commit-of-another-tree"
    house.submit(house.junit(), commit=commit, tree="1" * 39 + "f", commit_object=raw)
    with pytest.raises(Conflict):
        house.submit(house.junit(failed=1), commit=commit, tree="9" * 40)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"name": "a b"}, "bad-parameter"),
        ({"commit": "abc"}, "bad-parameter"),
        ({"artifact": "latest"}, "bad-parameter"),
        ({"part": 1}, "bad-parameter"),
        ({"set": "s"}, "bad-parameter"),
        ({"set": "s", "part": 3, "parts": 2}, "bad-parameter"),
        ({"set": "s", "part": 1, "parts": 10**9}, "bad-parameter"),
        ({"job": "a\nb"}, "bad-parameter"),
        ({"tree": None}, "bad-parameter"),
    ],
)
def test_words_that_cannot_be_are_refused(house, more: dict[str, object], code: str) -> None:
    """Each wrong parameter is named, and nothing is kept."""
    with pytest.raises(Refused) as refused:
        house.submit(house.junit(), **more)
    assert refused.value.code == code
    assert house.submit(house.junit()).receipt.counter == 1


def test_jobs_speak_only_for_their_own_commit_and_project(house) -> None:
    """Another commit, another ref, another project: refused by the claims, not by what the request says."""
    for job in (house.job(source=2), house.job(project_id="8"), house.job(issuer="https://evil.example")):
        with pytest.raises(Denied) as denied:
            house.submit(house.junit(), job)
        assert denied.value.code == "claims-mismatch"
    with pytest.raises(Denied):
        house.submit(house.junit(), house.job(), ref="release")


def test_the_first_job_of_a_registered_group_makes_its_project(house) -> None:
    """A job of a group that the operator registered needs no project to be made before; others do."""
    job = house.job(project_id="70", project_path="new/shop")
    made = house.submit(house.junit(), job, project="new/shop")
    assert (made.project.path, made.project.provider_id) == ("new/shop", "70")
    with pytest.raises(GatekeeperError):
        house.submit(house.junit(), house.job(project_id="71", project_path="old/shop"), project="old/shop")


def test_a_fork_writes_only_what_no_stage_reads(house) -> None:
    """Evidence of a fork is kept apart: it fills no slot, and no decision sees it."""
    house.submit(house.junit(failed=1))
    fork = house.job(project_id="99", project_path="mallory/api", protected=True)
    with pytest.raises(Denied):
        house.submit(house.junit(), fork)
    sent = house.submit(house.junit(), fork, fork="mallory/api")
    assert (sent.receipt.fork, sent.is_current) == ("mallory/api", False)
    assert [one.id for one in house.decided().evidence] != [sent.receipt.id]
    assert not house.decided().allowed


def _commit_object() -> bytes:
    tree = "1" * 39 + "f"
    return f"tree {tree}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nmessage\n".encode()


def _commit_id(raw: bytes) -> str:
    return hashlib.sha1(b"commit %d\0" % len(raw) + raw).hexdigest()  # noqa: S324 - the id that git gives
