"""Recorded decisions read back with all that a replay needs, and a policy tried on them by a job."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.policy.backtest import Backtest, Turn, backtest
from gatekeeper.policy.diagnostic import PolicyRefused
from gatekeeper.service import backtest as backtests
from gatekeeper.service import history, policies
from gatekeeper.service.errors import Denied, NotFound, Refused, Unavailable
from gatekeeper.service.jobs.work import Job
from gatekeeper.store.blobs import blob_store

AUDITOR = Caller(
    principal="token:gk_a", method=Method.TOKEN, scopes=frozenset({Scope.AUDIT_READ}), projects=("*",)
)
STRANGER = msgspec.structs.replace(AUDITOR, projects=("other/*",))
TIGHT = b"""\
schema: gatekeeper/v1
policy: example
owner: security
stages: [develop, test]
rules:
  - {id: tests-pass, metric: tests.failed, pass: "== 0"}
  - {id: tests-exist, metric: tests.passed, pass: ">= 6"}
  - {id: tests-broken, metric: tests.errors, pass: "== 0"}
"""


class Queue:
    """A job port that does a job when it is asked to."""

    def __init__(self) -> None:
        self.waiting: dict[str, str] = {}
        self.said: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.stops = False

    def enqueue(self, name: str, key: str, argument: str = "") -> str:
        """Keep it."""
        assert name == backtests.JOB
        self.waiting[key] = argument
        self.states["job.1"] = "queued"
        return "job.1"

    def cancel(self, job_id: str) -> None:
        """Not used."""

    def status(self, job_id: str) -> str:
        """Of the one job."""
        return self.states.get(job_id, "unknown")

    def progress(self, job_id: str) -> str | None:
        """What it said last."""
        return self.said.get(job_id)

    def schedule(self, name: str, every_s: int) -> None:
        """Not used."""

    def work(self, server: Any) -> None:
        """Do the job."""
        (argument,) = self.waiting.values()
        job = Job(
            id="job.1", name=backtests.JOB, argument=argument, attempt=1,
            tell=lambda text: self.said.__setitem__("job.1", text), stopping=lambda: self.stops,
        )  # fmt: skip
        backtests.run(server, job)
        self.states["job.1"] = "done"


@pytest.fixture
def lived(house: Any) -> Any:
    """A house with decisions about three sources; the later ones have a baseline."""
    for source in (1, 2, 3):
        house.submit(
            house.junit(passed=4 + source, failed=source == 2), caller=house.job(source=source), source=source
        )
        house.decided(caller=house.job(source=source), source=source)
        house.clock.forward(days=10)
    return house


def every(house: Any, caller: Caller = AUDITOR, **more: Any) -> list[history.Exported]:
    """All pages of one decision each."""
    found, after = [], None
    while True:
        words = {"project": None, "since": None, "limit": 1} | more
        page, after = history.page(house.server, caller, after=after, **words)
        found += page
        if after is None:
            return found


def tried(house: Any, queue: Queue, **more: Any) -> Backtest:
    """The result of a whole backtest."""
    words = {"project": None, "since": None, "last": 500} | more
    ordered = backtests.order(house.server, queue, AUDITOR, "example", TIGHT, **words)
    queue.work(house.server)
    found = backtests.standing(house.server, queue, AUDITOR, ordered)
    assert found.result is not None
    assert (found.state, found.done) == ("done", found.of)
    return msgspec.json.decode(found.result, type=Backtest)


def test_what_is_read_back_gives_the_same_decision_again(lived: Any) -> None:
    """With its baseline; the policy that decided changes nothing, page by page or all at once."""
    pages = every(lived)
    assert [one.kept.inputs.baseline_digest is not None for one in pages] == [True, True, False]
    library = history.ServerLibrary(lived.server)
    policy = library.policy(pages[0].kept.inputs.policy_digest)
    assert policy is not None
    found = backtest(policy, [one.kept for one in pages], library)
    assert found.turns[Turn.UNCHANGED] == found.total == 3
    ids = history.newest(lived.server, lambda _: True, project=None, since=None, last=10)
    assert ids == [one.kept.decision.id for one in reversed(pages)]
    assert list(history.kept(lived.server, ids)) == [one.kept for one in reversed(pages)]


def test_documents_and_policies_come_with_their_digests(lived: Any) -> None:
    """Every document that a decision names can be fetched by the evidence that it came with."""
    from gatekeeper.canonical import digest_of_bytes

    for one in every(lived):
        for digest, evidence in one.documents.items():
            assert digest_of_bytes(history.document(lived.server, AUDITOR, evidence)) == digest
        version = one.kept.decision.policy
        digest, data = history.policy(lived.server, AUDITOR, version.name, version.version or 0)
        assert digest_of_bytes(data) == digest == version.digest


def test_a_job_tries_the_policy_on_the_newest(lived: Any) -> None:
    """The rule that flips is named; `last`, `since` and `project` choose."""
    found = tried(lived, Queue())
    assert [(one.turn, one.rules) for one in found.decisions] == [
        (Turn.PASS_TO_FAIL, ("tests-exist",)),
        (Turn.UNCHANGED, ()),
        (Turn.UNCHANGED, ()),
    ]
    assert tried(lived, Queue(), last=2).total == 2
    since = lived.clock() - timedelta(days=15)
    assert tried(lived, Queue(), since=since).total == 1
    assert tried(lived, Queue(), project="pay/api").total == 3
    with pytest.raises(NotFound):
        tried(lived, Queue(), project="pay/none")


def test_a_lost_document_is_not_replayable(lived: Any, tmp_path: Any) -> None:
    """The other decisions are still tried; a lost one is never unchanged."""
    one = every(lived)[0]
    digest = one.kept.inputs.evidence[0].digest.removeprefix("sha256:")
    for path in (tmp_path / "blobs").rglob(f"*{digest[2:]}*"):
        path.unlink()
    from dataclasses import replace

    lived.server = replace(lived.server, blobs=blob_store(tmp_path / "blobs"), _documents=_empty())
    found = tried(lived, Queue())
    assert found.reasons == {"replay-document-gone": 1}
    assert (found.turns[Turn.UNCHANGED], found.turns[Turn.PASS_TO_FAIL]) == (1, 1)


def _empty() -> Any:
    from gatekeeper.service.server import Cache

    return Cache(1)


def test_nobody_sees_projects_out_of_reach(lived: Any) -> None:
    """Neither pages, nor documents, nor results."""
    assert every(lived, STRANGER) == []
    evidence = next(iter(every(lived)[0].documents.values()))
    with pytest.raises(NotFound):
        history.document(lived.server, STRANGER, evidence)
    queue = Queue()
    ordered = backtests.order(
        lived.server, queue, AUDITOR, "example", TIGHT, project=None, since=None, last=5
    )
    queue.work(lived.server)
    with pytest.raises(NotFound):
        backtests.standing(lived.server, queue, STRANGER, ordered)
    mine = Queue()
    backtests.order(lived.server, mine, STRANGER, "example", TIGHT, project=None, since=None, last=5)
    mine.work(lived.server)
    found = backtests.standing(lived.server, mine, STRANGER, "job.1")
    assert found.result is not None
    assert msgspec.json.decode(found.result, type=Backtest).total == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda server, caller: history.page(server, caller, project=None, since=None, after=None, limit=1),
        lambda server, caller: history.document(server, caller, "ev_x"),
        lambda server, caller: history.policy(server, caller, "example", 1),
        lambda server, caller: backtests.standing(server, Queue(), caller, "job.1"),
        lambda server, caller: backtests.order(
            server, Queue(), caller, "example", TIGHT, project=None, since=None, last=1
        ),
    ],
)
def test_it_takes_the_scope_of_auditors(house: Any, call: Callable[[Any, Caller], object]) -> None:
    """Whoever may read gates may not read the evidence of everybody."""
    reader = msgspec.structs.replace(AUDITOR, scopes=frozenset({Scope.GATE_READ}))
    with pytest.raises(Denied, match="audit:read"):
        call(house.server, reader)


def test_a_policy_that_cannot_decide_is_not_tried(house: Any) -> None:
    """Nor one under the name of another, nor one that is too large; nothing is queued."""
    queue = Queue()
    for text, error in (
        (b"policy: [", PolicyRefused),
        (TIGHT.replace(b"policy: example", b"policy: other"), Refused),
        (b"#" * (policies.MAX_POLICY_BYTES + 1), Refused),
    ):
        with pytest.raises(error):
            backtests.order(house.server, queue, AUDITOR, "example", text, project=None, since=None, last=1)
    assert queue.waiting == {}


def test_a_worker_that_stops_leaves_no_result(lived: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a backtest is none."""
    monkeypatch.setattr(backtests, "_TELL_EVERY", 1)
    queue = Queue()
    queue.stops = True
    backtests.order(lived.server, queue, AUDITOR, "example", TIGHT, project=None, since=None, last=5)
    with pytest.raises(Unavailable):
        queue.work(lived.server)
    queue.states["job.1"] = "failed"
    found = backtests.standing(lived.server, queue, AUDITOR, "job.1")
    assert (found.state, found.done, found.of, found.result) == ("failed", 1, 3, None)


def test_an_unknown_id_is_no_backtest(house: Any) -> None:
    """Neither is a job of another kind that is done."""
    queue = Queue()
    queue.states["other"] = "done"
    for name in ("job.9", "other"):
        with pytest.raises(NotFound):
            backtests.standing(house.server, queue, AUDITOR, name)
