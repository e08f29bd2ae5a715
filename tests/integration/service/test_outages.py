"""Parts of the server go away: nothing is acknowledged that is not kept, and all goes on afterwards."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from gatekeeper.caller import Caller, Method, Scope
from gatekeeper.errors import GatekeeperError
from gatekeeper.evidence import EvidenceDocument, Kind
from gatekeeper.service import decide, reevaluate
from gatekeeper.service.questions import Asked
from gatekeeper.service.server import Cache, Server
from gatekeeper.store import gate_states, receipts
from gatekeeper.store.blobs import BlobStore, S3Access, blob_store
from gatekeeper.store.errors import StoreUnavailable
from gatekeeper.store.tables import Base

ADMIN = Caller(
    principal="token:gk_admin", method=Method.TOKEN, scopes=frozenset({Scope.ADMIN}), projects=("*",)
)
ASKED = Asked(project="pay/api", stage="develop", commit="1" * 40)


@pytest.fixture
def blobs_folder(tmp_path: Path) -> Path:
    """Where the house keeps its blobs."""
    return tmp_path / "blobs"


@contextmanager
def nothing_written(house) -> Iterator[None]:
    """No row of any table is another one afterwards."""
    before = _rows(house)
    yield
    assert _rows(house) == before


@contextmanager
def gone(folder: Path) -> Iterator[None]:
    """A file lies where the folder was: as root, no permission would keep us out."""
    folder.rename(folder.with_name("elsewhere"))
    folder.write_bytes(b"")
    try:
        yield
    finally:
        folder.unlink()
        folder.with_name("elsewhere").rename(folder)


def refused(act: Callable[[], object]) -> GatekeeperError:
    """The error of something that cannot be done now, within 20 seconds."""
    started = time.monotonic()
    with pytest.raises(GatekeeperError) as error:
        act()
    assert error.value.code == "unavailable"
    assert time.monotonic() - started < 20
    return error.value


def forget_documents(server: Server) -> Server:
    """The same server after a start: nothing is in memory."""
    held: Cache[EvidenceDocument] = Cache(1_000_000)
    return dataclasses.replace(server, _documents=held)


def test_no_receipt_without_its_bytes(house, blobs_folder: Path) -> None:
    """While the blobs cannot be written uploads are refused; the same upload is received when they can."""
    first = house.submit(house.junit())
    with nothing_written(house), gone(blobs_folder):
        refused(lambda: house.submit(house.junit(failed=1), set="s", part=1, parts=2))
        refused(lambda: house.submit(b"<testsuite", kind=Kind.TESTS))
    again = house.submit(house.junit(failed=1))
    assert (first.receipt.counter, again.receipt.counter, again.is_new) == (1, 2, True)
    assert house.server.blobs.get(again.receipt.sha256) == house.junit(failed=1)


@pytest.mark.parametrize("house", ["postgres"], indirect=True)
def test_no_receipt_without_s3(house, s3) -> None:
    """The same with S3 that stops: uploads are refused in bounded time, and received when it is back."""
    access = S3Access(
        endpoint=s3.endpoint,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key,
        timeout_s=3,
    )
    house.server = dataclasses.replace(house.server, blobs=blob_store(f"s3://{s3.bucket}/gk", s3=access))
    house.submit(house.junit())
    s3.stop()
    with nothing_written(house):
        refused(lambda: house.submit(house.junit(failed=1)))
        house.server = forget_documents(house.server)
        refused(house.decided)
    s3.start()
    again = house.submit(house.junit(failed=1))
    assert (again.receipt.counter, again.is_new) == (2, True)
    assert not house.decided().allowed


@pytest.mark.parametrize("damage", ["missing", "other bytes", "cut", "all gone"])
def test_nothing_is_decided_without_a_document(house, blobs_folder: Path, damage: str) -> None:
    """A document that is gone or damaged is no empty one: there is no answer until it is back."""
    house.submit(house.junit(passed=9), source=2)
    sent = house.submit(house.junit())
    digest = (sent.receipt.document_digest or "").removeprefix("sha256:")
    place = blobs_folder / "sha256" / digest[:2] / f"{digest}.zst"
    backup = place.read_bytes()
    house.server = forget_documents(house.server)
    match damage:
        case "missing":
            place.unlink()
        case "other bytes":
            other = house.server.blobs.put(b'{"state":"ok"}')
            shutil.copy(blobs_folder / "sha256" / other[:2] / f"{other}.zst", place)
        case "cut":
            place.write_bytes(backup[:-9])
        case _:
            blobs_folder.rename(blobs_folder.with_name("elsewhere"))
    with nothing_written(house):
        refused(house.decided)
        refused(lambda: decide.look(house.server, ADMIN, ASKED))
    if damage == "all gone":
        blobs_folder.with_name("elsewhere").rename(blobs_folder)
    else:
        assert house.decided(source=2).allowed, "others are not concerned"
        place.write_bytes(backup)
    assert house.decided().allowed


def test_sending_the_report_again_brings_a_lost_document_back(house, blobs_folder: Path) -> None:
    """What the blobs lost is mended by another run of the same job."""
    sent = house.submit(house.junit(), run="1")
    shutil.rmtree(blobs_folder / "sha256")
    house.server = forget_documents(house.server)
    refused(house.decided)
    again = house.submit(house.junit(), run="2")
    assert again.receipt.document_digest == sent.receipt.document_digest
    assert house.decided().allowed


def test_a_lost_document_of_one_does_not_stop_the_worker_for_all(house, blobs_folder: Path) -> None:
    """What cannot be judged stays due; what comes after it is judged all the same."""
    for source in (1, 2):
        house.submit(house.junit(passed=source), source=source)
        house.decided(source=source)
    lost = house.submit(house.junit(failed=1), source=1).receipt.document_digest or ""
    house.submit(house.junit(failed=2), source=2)
    digest = lost.removeprefix("sha256:")
    place = blobs_folder / "sha256" / digest[:2] / f"{digest}.zst"
    backup = place.read_bytes()
    place.unlink()
    house.server = forget_documents(house.server)
    reevaluate.sweep(house.server)
    assert _states(house) == {"c:" + "2" * 40: False}
    place.write_bytes(backup)
    house.clock.forward(minutes=2)
    reevaluate.sweep(house.server)
    assert _states(house) == {"c:" + "1" * 40: False, "c:" + "2" * 40: False}
    now = house.clock()
    assert house.server.database.read(lambda c: gate_states.due(c, now, 9)) == []


class AfterBlobs:
    """The blobs of a server, and something that happens once, right after the next document was kept."""

    def __init__(self, blobs: BlobStore, then: Callable[[], None]) -> None:
        self._blobs, self._then = blobs, then
        self.put_file, self.get, self.check = blobs.put_file, blobs.get, blobs.check

    def put(self, data: bytes) -> str:
        """Keep it; then it happens."""
        sha256 = self._blobs.put(data)
        then, self._then = self._then, lambda: None
        then()
        return sha256


def test_a_database_that_goes_between_blob_and_row(house, request: pytest.FixtureRequest, tmp_path) -> None:
    """Bytes without a row are nothing: there is no receipt, no number is lost, and the same upload is new."""
    house.submit(house.junit())
    before = _rows(house)
    file = tmp_path / "db.sqlite"
    if house.server.database.is_sqlite:
        go, come = (lambda: file.rename(tmp_path / "gone")), (lambda: (tmp_path / "gone").rename(file))
    else:
        postgres = request.getfixturevalue("postgres_server")
        go, come = postgres.stop, postgres.start
    whole = house.server
    house.server = dataclasses.replace(whole, blobs=AfterBlobs(whole.blobs, lambda: go() and None))
    try:
        with pytest.raises(StoreUnavailable):
            house.submit(house.junit(failed=1), set="s", part=1, parts=1)
        refused(house.decided)
        refused(lambda: decide.look(house.server, ADMIN, ASKED))
        refused(lambda: house.submit(house.junit()))
        refused(lambda: house.link("sha256:" + "a" * 64))
        refused(lambda: reevaluate.sweep(house.server))
    finally:
        come()
    house.server = whole
    assert _rows(house) == before
    again = house.submit(house.junit(failed=1), set="s", part=1, parts=1)
    assert (again.receipt.counter, again.is_new, again.set.is_complete) == (2, True, True)
    assert house.server.blobs.get(again.receipt.sha256) == house.junit(failed=1)
    assert not house.decided().allowed


def test_a_database_that_goes_between_judging_and_recording(
    house, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """A decision that cannot be recorded was never made; the next who asks gets one."""
    house.submit(house.junit())
    before = _rows(house)
    if house.server.database.is_sqlite:
        lost = tmp_path / "db.sqlite-wal"
        go, come = (lambda: lost.rename(tmp_path / "gone")), (lambda: (tmp_path / "gone").rename(lost))
    else:
        postgres = request.getfixturevalue("postgres_server")
        go, come = postgres.stop, postgres.start
    whole = forget_documents(house.server)

    class Leaving:
        put, put_file, check = whole.blobs.put, whole.blobs.put_file, whole.blobs.check

        def get(self, sha256: str) -> bytes | None:
            go()
            return whole.blobs.get(sha256)

    house.server = dataclasses.replace(whole, blobs=Leaving())
    try:
        refused(house.decided)
    finally:
        come()
    house.server = whole
    assert _rows(house) == before
    assert house.decided().allowed


def _rows(house) -> dict[str, list[str]]:
    wanted = {name: sa.text(f"SELECT * FROM {name}") for name in Base.metadata.tables}  # noqa: S608 - ours
    return house.server.database.read(
        lambda c: {
            name: sorted(repr(tuple(row)) for row in c.execute(select)) for name, select in wanted.items()
        }
    )


def _states(house) -> dict[str, bool]:
    wanted = sa.text("SELECT key, allowed FROM gate_state WHERE is_current")
    return house.server.database.read(lambda c: {row[0]: bool(row[1]) for row in c.execute(wanted)})


def test_receipts_are_whole_after_all_that(house, blobs_folder: Path) -> None:
    """After outages in every second upload, the numbers have no gap and every receipt has its bytes."""
    for number in range(6):
        if number % 2:
            with gone(blobs_folder):
                refused(lambda n=number: house.submit(house.junit(passed=n + 1)))
        house.submit(house.junit(passed=number + 1))
    found = house.server.database.read(
        lambda c: receipts.page(c, house.project.id, tree=None, artifact=None, before=None, limit=99)
    )
    assert [one.counter for one in found] == [6, 5, 4, 3, 2, 1]
    for one in found:
        assert house.server.blobs.get(one.stored_sha256 or "") is not None
        assert house.server.blobs.get((one.document_digest or "").removeprefix("sha256:")) is not None
