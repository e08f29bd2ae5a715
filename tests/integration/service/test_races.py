"""Everything at once: whatever happens in which order, it is as if it had happened in one order."""

import threading
from collections.abc import Iterable
from typing import cast

import pytest
import sqlalchemy as sa
from at_once import at_once
from current_answers import current_answers, fresh, wrong_answers

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.decision import Decision, decision_from
from gatekeeper.project import Project
from gatekeeper.receipt import Receipt
from gatekeeper.recorded import PolicyVersion
from gatekeeper.service import decide, policies, projects, reevaluate
from gatekeeper.service.answers import Gate, Standing
from gatekeeper.service.errors import Conflict
from gatekeeper.service.questions import Asked
from gatekeeper.service.submit import Submitted
from gatekeeper.store import decisions, gate_states, receipts
from gatekeeper.store import policies as policy_rows

ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)
THREADS = 8
ASKED = Asked(project="pay/api", stage="develop", commit="1" * 40)


def test_submits_of_one_slot(house) -> None:
    """Different reports for one slot are numbered without gaps, and the last one is current."""
    for number in range(4):
        told = all_submitted(
            at_once(
                [
                    lambda n=n, r=number: house.submit(house.junit(passed=r * 10 + n + 1))
                    for n in range(THREADS)
                ]
            )
        )
        first = number * THREADS
        counters = sorted(one.receipt.counter for one in told)
        assert counters == list(range(first + 1, first + THREADS + 1))
        newest = max(told, key=lambda one: one.receipt.counter).receipt
        assert receipts_of(house)[-1] == newest
        assert [one.id for one in house.decided().evidence] == [newest.id]
        times = [one.received_at for one in receipts_of(house)]
        assert times == sorted(times), "numbers and times go the same way"


def test_submits_of_one_set(house) -> None:
    """Eight parts at once: nothing is decided before all are there, everything after the last one is."""
    for number in range(3):
        commit = f"{number}" * 39 + "a"
        words = {"commit": commit, "tree": f"{number}" * 39 + "b", "set": "s", "parts": THREADS}
        told_meanwhile: list[object] = []
        is_over = threading.Event()

        def ask(
            commit: str = commit, told: list[object] = told_meanwhile, end: threading.Event = is_over
        ) -> None:
            while not end.is_set():
                try:
                    told.append(decide.decide(house.server, ADMIN, asked_of(commit)))
                except Exception as error:  # noqa: BLE001 - before the first part the commit is not known
                    told.append(error)
                end.wait(0.005)

        asking = threading.Thread(target=ask)
        asking.start()
        send = [
            lambda n=n, words=words: house.submit(house.junit(passed=n), name=f"shard{n}", part=n, **words)
            for n in range(1, THREADS + 1)
        ]
        told = all_submitted(at_once(send))
        is_over.set()
        asking.join(30)
        complete = [one for one in told if one.set is not None and one.set.is_complete]
        assert [len(one.set.received) for one in complete if one.set] == [THREADS], (
            "the last one completes it"
        )
        assert complete[0].receipt.counter == max(one.receipt.counter for one in told)
        for one in told_meanwhile:
            match one:
                case Gate():
                    assert (one.state, one.allowed) == (Standing.PENDING, False)
                case decide.Answered():
                    assert len(one.decision.evidence) == THREADS
                case _:
                    assert getattr(one, "code", one) == "unknown-source"
        final = decide.decide(house.server, ADMIN, asked_of(commit))
        assert isinstance(final, decide.Answered)
        assert len(final.decision.evidence) == THREADS


def test_submits_of_the_same_bytes(house) -> None:
    """One of them is kept, the others are told of it; with a run and without."""
    for number in range(3):
        for words in ({}, {"run": str(number)}):
            send = [lambda n=number, w=words: house.submit(house.junit(passed=n + 1), **w)] * THREADS
            told = all_submitted(at_once(send))
            assert sum(one.is_new for one in told) == 1
            assert len({one.receipt.id for one in told}) == 1
    assert [one.counter for one in receipts_of(house)] == list(range(1, len(receipts_of(house)) + 1))
    assert events(house)["evidence.accepted"] == len(receipts_of(house))


def test_two_sources_for_one_artifact(house) -> None:
    """One source wins, all others are told of it, now and ever after."""
    house.submit(house.junit(), source=1)
    house.submit(house.junit(), source=2)
    for number in range(5):
        artifact = "sha256:" + f"{number}" * 64
        link = [lambda n=n, a=artifact: house.link(a, source=1 + n % 2) for n in range(THREADS)]
        told = at_once(link)
        won = [one for one in told if not isinstance(one, Exception)]
        lost = [one for one in told if isinstance(one, Exception)]
        assert (len(won), len(lost)) == (THREADS // 2, THREADS // 2), told
        assert {one.build.source.tree for one in won} == {won[0].build.source.tree}
        assert sum(one.is_new for one in won) == 1
        assert {(type(one), one.code) for one in lost} == {(Conflict, "artifact-of-another-source")}
        winner = 1 if won[0].build.source.tree.startswith("1") else 2
        assert not house.link(artifact, source=winner).is_new
        with pytest.raises(Conflict):
            house.link(artifact, source=3 - winner)
    assert events(house)["build.linked"] == 5


def test_commits_with_two_trees(house) -> None:
    """A commit has the tree of whoever was first; the reports for the other one are refused and not kept."""
    for number in range(4):
        words = [{"commit": f"{number}" * 39 + "c", "tree": f"{n % 2}" * 40} for n in range(THREADS)]
        send = [lambda w=w, n=n: house.submit(house.junit(passed=n + 1), **w) for n, w in enumerate(words)]
        told = at_once(send)
        kept = {one.receipt.source.tree for one in told if isinstance(one, Submitted)}
        assert len(kept) == 1
        assert sum(isinstance(one, Submitted) for one in told) == THREADS // 2
        assert {one.code for one in told if isinstance(one, Exception)} == {"commit-of-another-tree"}
    assert len(receipts_of(house)) == 4 * THREADS // 2


def test_evidence_that_arrives_while_decisions_are_made(house) -> None:
    """Each recorded decision is the answer to a state that there was; the last answer is that of the last."""
    house.submit(house.junit())
    is_over = threading.Event()

    def send(thread: int) -> None:
        for number in range(6):
            house.submit(
                house.junit(failed=number % 2, passed=thread * 10 + number + 1), name=f"job{thread % 2}"
            )

    def ask() -> None:
        while not is_over.is_set():
            answer = decide.decide(house.server, ADMIN, ASKED)
            assert isinstance(answer, decide.Answered)
            is_over.wait(0.002)

    sent = threading.Barrier(5)

    def sending(thread: int) -> None:
        try:
            send(thread)
        finally:
            sent.wait(60)

    def ending() -> None:
        sent.wait(60)
        is_over.set()

    no_errors(at_once([*(lambda n=n: sending(n) for n in range(4)), *[ask] * 4, ending]))
    history = receipts_of(house)
    states = [state_after(history[:n]) for n in range(1, len(history) + 1)]
    recorded = decisions_of(house)
    assert len(recorded) > 2
    reached = 0
    for one in recorded:
        seen = frozenset(use.id for use in one.evidence)
        assert seen in states, "evidence of two moments"
        assert seen in states[reached:], "a later decision of an earlier state"
        reached = states.index(seen, reached)
        failed = {each.id for each in history if each.metrics["tests.failed"] != 0}
        assert one.allowed == (not seen & failed)
    answer = decide.decide(house.server, ADMIN, ASKED)
    assert isinstance(answer, decide.Answered)
    assert frozenset(use.id for use in answer.decision.evidence) == states[-1]
    now = fresh(house.server, ADMIN, ASKED)
    assert (answer.decision.question, answer.decision.rules) == (now.question, now.rules)
    assert wrong_answers(house.server, ADMIN) == []


def test_policies_that_are_published_while_decisions_are_made(house) -> None:
    """Each decision is by one version, whole; at the end the newest is in force for every project."""
    house.submit(house.junit(passed=5))
    is_over = threading.Event()

    def publish(thread: int) -> list[PolicyVersion]:
        try:
            return [
                policies.publish(house.server, ADMIN, policy_of(number + 1), f"{thread}")[0]
                for number in range(thread, 12, 2)
            ]
        finally:
            is_over.set()

    def ask() -> None:
        while not is_over.is_set():
            assert isinstance(decide.decide(house.server, ADMIN, ASKED), decide.Answered)

    def assign() -> None:
        while not is_over.is_set():
            for name in ("example", "other"):
                projects.assign_policy(house.server, ADMIN, house.project.id, name)

    policies.publish(house.server, ADMIN, policy_of(1, name="other"), "another")
    told = at_once([lambda: publish(0), lambda: publish(1), ask, ask, assign])
    no_errors(told)
    for one in decisions_of(house):
        limit = house.server.database.read(
            lambda c, one=one: policy_rows.version(c, one.policy.name, one.policy.version or 0)
        )
        assert limit is not None
        assert limit.digest == one.policy.digest
    assert_newest_in_force(house)
    answer = decide.decide(house.server, ADMIN, ASKED)
    assert isinstance(answer, decide.Answered)
    assert wrong_answers(house.server, ADMIN) == []


def test_the_same_policy_published_at_once(house) -> None:
    """The same content is one version; different contents are one version each, without a gap."""
    told = no_errors(at_once([lambda: policies.publish(house.server, ADMIN, policy_of(50), "x")] * THREADS))
    assert sum(is_new for _, is_new in told) == 1
    contents = [
        lambda n=n: policies.publish(house.server, ADMIN, policy_of(60 + n), "x") for n in range(THREADS)
    ]
    told = no_errors(at_once(contents))
    assert sorted(version.version for version, _ in told) == list(range(3, 3 + THREADS))
    assert_newest_in_force(house)


def test_projects_that_are_made_or_assigned_while_a_policy_is_published(house) -> None:
    """No project is passed by: whatever comes first, it is judged by the newest version."""
    policies.publish(house.server, ADMIN, policy_of(1, name="other"), "another")
    for number in range(6):
        assign = [
            lambda name=name: projects.assign_policy(house.server, ADMIN, house.project.id, name)
            for name in ("other", "example")
        ]
        make = [lambda n=number, k=k: house.make_project(f"new/p{n}x{k}") for k in range(2)]
        publish = lambda n=number: policies.publish(house.server, ADMIN, policy_of(100 + n), "x")  # noqa: E731
        no_errors(at_once([*assign, *make, publish]))
        assert_newest_in_force(house)


def test_two_sweeps_while_reports_come_in(house) -> None:
    """Two workers lose nothing and put nothing old back: at the end all is settled and all is right."""
    for source in (1, 2, 3):
        house.submit(house.junit(), source=source)
        house.decided(source=source)
    is_over = threading.Event()

    def send(thread: int) -> None:
        for number in range(8):
            house.submit(house.junit(failed=number % 2, passed=number + 1), source=1 + (thread + number) % 3)

    def sweep() -> None:
        while not is_over.is_set():
            reevaluate.sweep(house.server)
            is_over.wait(0.002)
        reevaluate.sweep(house.server)

    sent = threading.Barrier(4)

    def sending(thread: int) -> None:
        try:
            send(thread)
        finally:
            sent.wait(60)

    def ending() -> None:
        sent.wait(60)
        is_over.set()

    no_errors(at_once([*(lambda n=n: sending(n) for n in range(3)), sweep, sweep, ending]))
    now = house.clock()
    assert house.server.database.read(lambda c: gate_states.due(c, now, 9)) == []
    assert wrong_answers(house.server, ADMIN) == []
    answers = current_answers(house.server)
    # A new baseline of one can come after the answer of another, which then is not at hand; never wrong.
    assert answers


def test_one_project_made_by_many(house) -> None:
    """One makes it, the others find it; a provider's id belongs to one path, whoever asks for it at once."""
    for number in range(4):
        path = f"team/p{number}"
        told = no_errors(
            at_once([lambda p=path, n=number: house.make_project(p, provider_id=f"{n}0")] * THREADS)
        )
        assert sum(is_new for _, is_new in told) == 1
        assert len({project.id for project, _ in told}) == 1
        make = [
            lambda n=number, k=k: house.make_project(f"team/{n}-{k}", provider_id=f"{n}1")
            for k in range(THREADS)
        ]
        told = at_once(make)
        made = [one for one in told if isinstance(one, tuple)]
        assert len(made) == 1
        assert {one.code for one in told if isinstance(one, Exception)} <= {"project-exists", "path-taken"}
    assert events(house)["project.created"] == 1 + 8


def test_one_project_linked_to_two_ci_projects(house) -> None:
    """A project that has no CI project gets one; the others are told, and it keeps the first."""
    for number in range(4):
        path = f"team/l{number}"
        house.make_project(path)
        link = [
            lambda p=path, n=number, k=k: house.make_project(p, provider_id=f"{n}{k}") for k in range(THREADS)
        ]
        told = at_once(link)
        linked = [one[0] for one in told if isinstance(one, tuple)]
        assert len(linked) == 1, told
        held = house.server.database.read(lambda c, p=path: projects.projects.by_path(c, p))
        assert held is not None
        assert held.provider_id == linked[0].provider_id
    assert events(house)["project.changed"] == 4


def test_the_first_jobs_of_a_pipeline_make_their_project_together(house) -> None:
    """Eight shards of the very first pipeline of a registered group are all received."""
    for number in range(3):
        job = house.job(project_id=f"7{number}", project_path=f"new/shop{number}")
        send = [
            lambda n=n, j=job, p=f"new/shop{number}": house.submit(
                house.junit(passed=n + 1), j, project=p, name=f"shard{n}"
            )
            for n in range(THREADS)
        ]
        told = all_submitted(at_once(send))
        assert len({one.project.id for one in told}) == 1
        assert sorted(one.receipt.counter for one in told) == list(range(1, THREADS + 1))


def asked_of(commit: str) -> Asked:
    """A question about a commit."""
    return Asked(project="pay/api", stage="develop", commit=commit)


def no_errors(told: Iterable[object]) -> list[tuple[object, bool]]:
    """The results, when none of them is an error."""
    found = list(told)
    for one in found:
        if isinstance(one, Exception):
            raise one
    return cast("list[tuple[object, bool]]", found)


def all_submitted(told: list[object]) -> list[Submitted]:
    """The results, when all were received."""
    return cast("list[Submitted]", no_errors(told))


def receipts_of(house) -> list[Receipt]:
    """The receipts of the project, in the order of their counters."""
    found = house.server.database.read(
        lambda c: receipts.page(c, house.project.id, tree=None, artifact=None, before=None, limit=1000)
    )
    return found[::-1]


def decisions_of(house) -> list[Decision]:
    """The recorded decisions of the project, in the order in which they were recorded."""
    found = house.server.database.read(
        lambda c: decisions.page(
            c, house.project.id, stage=None, commit=None, artifact=None, before=None, limit=1000
        )
    )
    return [decision_from(one.body) for one in found[::-1]]


def state_after(history: list[Receipt]) -> frozenset[str]:
    """What is current after these receipts: the newest of each slot."""
    return frozenset({(one.kind, one.name, one.job): one.id for one in history}.values())


def events(house) -> dict[str, int]:
    """How many events of each kind wait for the ledger."""
    counted = sa.text("SELECT event, count(*) FROM ledger_outbox GROUP BY event")
    return house.server.database.read(lambda c: {row[0]: row[1] for row in c.execute(counted)})


def assert_newest_in_force(house) -> None:
    """Every project is judged by the newest version of its policy."""
    every: list[Project] = house.server.database.read(
        lambda c: projects.projects.page(c, path=None, after="", limit=1000)
    )
    for one in every:
        newest = house.server.database.read(lambda c, one=one: policy_rows.in_force(c, one.policy))
        assert newest is not None
        assert one.policy_digest == newest.digest, one.path


def policy_of(number: int, name: str = "example") -> bytes:
    """A policy that asks for at least so many passed tests."""
    return (
        f"schema: gatekeeper/v1\npolicy: {name}\nowner: security\nstages: [develop, test]\n"
        f'rules:\n  - {{id: enough, metric: tests.passed, pass: ">= {number}"}}\n'
    ).encode()
