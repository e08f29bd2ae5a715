"""Acknowledged means on the disk: seen in the system calls of the server, since kill -9 loses nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from ci_traffic import Link, Question, Source, Upload, Wish, junit
from programs import program
from server_house import House, asking, prepared
from server_process import ServerProcess
from system_calls import READS, SYNCS, WRITES, Call, answered, calls_in, strace

from gatekeeper.store.blobs import blob_store

SOURCE = Source(project="pay/api", commit="1" * 40, tree="2" * 40)
ARTIFACT = "sha256:" + "a" * 64
GOOD = Upload(source=SOURCE, kind="tests", name="unit", job="test", run="7", data=junit(1, bad=0))
UNREADABLE = replace(GOOD, data=b"{ nobody can read this", readable=False)
PART = replace(GOOD, name="shards", data=junit(2, bad=0), set="shards", part="1")
SET_END = {"project": SOURCE.project, "commit": SOURCE.commit, "set": "shards", "run": "7", "attempt": "1"}


class Seen:
    """What a server did from its start to its end, with its answers as the clients got them."""

    def __init__(self, house: House, trace: Path) -> None:
        self._house, self._trace = house, trace
        self.answers: list[httpx.Response] = []
        self._calls: list[Call] = []

    def read(self) -> None:
        """Once the server has ended."""
        with self._trace.open(errors="replace") as lines:
            self._calls = calls_in(line.rstrip("\n") for line in lines)

    def before_answer(self, request: str, nth: int, status: int) -> list[Call]:
        """The calls between the arrival of a request and the first byte of its answer."""
        steps, answer = answered(self._calls, request, nth)
        assert f"HTTP/1.1 {status} " in answer.text, answer.text
        return steps

    def before_serving(self) -> list[Call]:
        """The calls up to the first byte of the first request."""
        first = next(call for call in self._calls if call.name in READS and '"POST /api/v1/' in call.text)
        return [call for call in self._calls if call.ended < first.began]

    def commits(self, steps: Sequence[Call]) -> list[Call]:
        """Writes to the log of SQLite and syncs of it."""
        log = f"{self._house.data}/gatekeeper.sqlite-wal"
        return [call for call in steps if call.about == log and call.name in (*WRITES, *SYNCS)]

    def blobs(self, steps: Sequence[Call]) -> list[Call]:
        """Writes, syncs and links below the folder of the blobs."""
        below = f"{self._house.data}/blobs/"
        return [call for call in steps if call.about.startswith(below) and call.name not in READS]

    def outside(self) -> set[str]:
        """The files that were written and are not in the data folder."""
        written = {call.about for call in self._calls if call.name in WRITES}
        own = (str(self._house.data), str(self._trace.with_suffix(".log")), "/proc/")
        return {path for path in written if path.startswith("/") and not path.startswith(own)}

    def blob(self, digest: str) -> str:
        """The file that holds the bytes with this digest."""
        sha256 = digest.removeprefix("sha256:")
        (found,) = (self._house.data / "blobs").rglob(f"{sha256}*")
        return str(found)


def made(folder: Path, *, name: str = "server") -> tuple[House, ServerProcess, Path]:
    """A server under strace that does no jobs, so that all that it does is for somebody who asked."""
    data, trace = folder / "data", folder / f"{name}.trace"
    more = {"GATEKEEPER_EMBEDDED_WORKER": "false", "GATEKEEPER_PARSER_CHILDREN": "1"}
    url = f"sqlite:///{data}/gatekeeper.sqlite"
    house = House(data=data, database_url=url, blobs=blob_store(data / "blobs"), more=more)
    under = strace(program("strace"), trace)
    return house, ServerProcess(settings=house.settings, log=folder / f"{name}.log", under=under), trace


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """One after the other: everything that is acknowledged, and the same report again."""
    house, server, trace = made(tmp_path_factory.mktemp("synced"))
    found = Seen(house, trace)
    wishes: list[Wish] = [
        GOOD, GOOD, UNREADABLE, PART, Link(source=SOURCE, artifact=ARTIFACT),
    ]  # fmt: skip
    try:
        server.start()
        token = prepared(server, house, projects=[SOURCE.project], refs=["*"])
        with asking(server, token) as ask:
            ask.get("/whoami")  # that a token is used is noted at its first use; here, not in what follows
            found.answers += [wish.send(ask, server.url()) for wish in wishes]
            found.answers.append(ask.post("/sets/close", json=SET_END))
            found.answers.append(Question(source=SOURCE, stage="test").send(ask, server.url()))
        assert server.stop() == 0, server.tail()
    finally:
        server.end()
    found.read()
    return found


@pytest.mark.parametrize(
    ("request_line", "nth", "status"),
    [
        pytest.param("POST /api/v1/tokens", 0, 201, id="administrator"),
        pytest.param("POST /api/v1/tokens", 1, 201, id="token"),
        pytest.param("POST /api/v1/policies", 0, 201, id="policy"),
        pytest.param("POST /api/v1/projects", 0, 201, id="project"),
        pytest.param("POST /api/v1/evidence", 0, 201, id="evidence"),
        pytest.param("POST /api/v1/evidence", 2, 422, id="unreadable evidence"),
        pytest.param("POST /api/v1/evidence", 3, 201, id="part of a set"),
        pytest.param("POST /api/v1/builds", 0, 201, id="link"),
        pytest.param("POST /api/v1/decisions", 0, 201, id="decision"),
        pytest.param("POST /api/v1/sets/close", 0, 200, id="end of a set"),
    ],
)
def test_it_is_synced_before_it_is_acknowledged(seen: Seen, request_line: str, nth: int, status: int) -> None:
    """After the last byte of the log, and before the first byte of the answer, the log is synced."""
    calls = seen.commits(seen.before_answer(request_line, nth, status))

    assert [call for call in calls if call.name in WRITES], "nothing was committed"
    assert calls[-1].name in SYNCS, "the client heard of what a power cut may take away"
    assert calls[-1].began > calls[-2].ended


def test_a_report_and_its_document_are_synced_before_the_row_that_names_them(seen: Seen) -> None:
    """Each is synced, gets its name, the folder is synced; then the log is written: 4 syncs and 1."""
    steps = seen.before_answer("POST /api/v1/evidence", 0, 201)
    row = seen.commits(steps)
    told = seen.answers[0].json()

    for digest in (told["stored_sha256"], told["digest"]):
        blob = seen.blob(digest)
        (named,) = [call for call in steps if call.name.startswith("link") and call.about == blob]
        staged = named.text.split('"')[1]
        (content,) = [call for call in steps if call.name in SYNCS and call.about == staged]
        assert content.ended < named.began, "it had a name before its bytes were on the disk"
        assert not [call for call in steps if call.about == staged and call.began > content.ended]
        folder = [call for call in steps if call.name in SYNCS and call.about == str(Path(blob).parent)]
        assert [call for call in folder if named.ended < call.began and call.ended < row[0].began]
    assert [call.name in SYNCS for call in row].count(True) == 1


def test_a_decision_costs_one_sync(seen: Seen) -> None:
    """All that a decision leaves behind is one commit; the evidence was on the disk before."""
    steps = seen.before_answer("POST /api/v1/decisions", 0, 201)

    assert [call.name in SYNCS for call in seen.commits(steps)].count(True) == 1
    assert seen.blobs(steps) == []


def test_the_same_report_again_writes_nothing(seen: Seen) -> None:
    """It was on the disk when it was acknowledged first."""
    steps = seen.before_answer("POST /api/v1/evidence", 1, 200)

    assert seen.answers[1].json()["id"] == seen.answers[0].json()["id"]
    assert seen.commits(steps) == []
    assert seen.blobs(steps) == []


def test_nothing_is_written_outside_the_data_folder(seen: Seen) -> None:
    """Whoever guards that folder guards all; and a server without a writable /tmp takes reports."""
    assert seen.outside() == set()


def test_what_a_killed_server_committed_is_synced_before_it_is_confirmed(tmp_path: Path) -> None:
    """Killed between its last write and the sync, it may have left what the next one finds and repeats."""
    house, server, _ = made(tmp_path, name="first")
    _, again, trace = made(tmp_path, name="second")
    try:
        server.start()
        token = prepared(server, house, projects=[SOURCE.project], refs=["*"])
        with asking(server, token) as ask:
            assert GOOD.send(ask, server.url()).status_code == 201
        server.kill()
        assert Path(f"{house.data}/gatekeeper.sqlite-wal").stat().st_size > 0
        again.start()
        with asking(again, token) as ask:
            assert GOOD.send(ask, again.url()).status_code == 200
        assert again.stop() == 0, again.tail()
    finally:
        server.end()
        again.end()
    found = Seen(house, trace)
    found.read()
    assert [call for call in found.commits(found.before_serving()) if call.name in SYNCS]
