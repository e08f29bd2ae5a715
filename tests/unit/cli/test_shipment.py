"""What `submit` sends: which record goes with which report, in which slot, as which part."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gatekeeper.cli.files import select
from gatekeeper.cli.identity import Identity
from gatekeeper.cli.shipment import Piece, pieces_of, places, slot_job
from gatekeeper.errors import UsageError
from gatekeeper.evidence import Kind
from gatekeeper.run_record import Ending, RunRecord

ABOUT = Identity(
    project="pay/api",
    commit="a" * 40,
    tree="b" * 40,
    artifact=None,
    ref="main",
    run="574",
    job="unit",
    attempt="9001",
    fork=None,
    part=None,
    commit_object=None,
)


def record(folder: Path, name: str, report: bytes | None, report_name: str) -> None:
    """Write the record of a run that left `report`."""
    sha256 = hashlib.sha256(report).hexdigest() if report is not None else None
    content = RunRecord(
        tool="bandit",
        tool_version="1",
        kind=Kind.SAST,
        argv=(),
        requirements_digest="x",
        rules_digest=None,
        started_at=datetime(2026, 11, 23, tzinfo=UTC),
        duration_ms=1,
        ending=Ending.FINISHED,
        exit_code=0,
        report=report_name,
        report_sha256=sha256,
        files_seen=1,
    )
    (folder / name).write_bytes(msgspec.json.encode(content))


def shipped(folder: Path) -> tuple[dict[str, bool], list[str]]:
    """Of each piece whether a record goes with it, and what is refused."""
    pieces, refused = pieces_of(select(["."], cwd=folder).files)
    return {piece.given.job: piece.record is not None for piece in pieces}, [job.job for job, _ in refused]


def pieces(*jobs: str, folder: Path) -> list[Piece]:
    """Pieces of these files."""
    for job in jobs:
        (folder / job).write_text("x")
    return pieces_of(select(list(jobs), cwd=folder).files)[0]


def test_a_record_goes_with_the_report_whose_bytes_it_names(tmp_path: Path) -> None:
    """Wherever it lies; of copies with the one beside it."""
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "bandit.json").write_bytes(b"{}")
    (tmp_path / "other.json").write_bytes(b"[]")
    record(tmp_path / "a", "bandit.run.json", b"{}", "bandit.json")
    record(tmp_path, "moved.run.json", b"[]", "elsewhere.json")
    assert shipped(tmp_path) == ({"a/bandit.json": True, "b/bandit.json": False, "other.json": True}, [])


def test_a_record_without_its_report_goes_alone(tmp_path: Path) -> None:
    """The report is gone, was written again, or never was: that is evidence, and must not vanish."""
    record(tmp_path, "gone.run.json", b"gone", "gone.json")
    record(tmp_path, "none.run.json", None, "none.json")
    record(tmp_path, "changed.run.json", b"before", "changed.json")
    (tmp_path / "changed.json").write_bytes(b"after")
    found, refused = shipped(tmp_path)
    assert found == {
        "changed.json": False,
        "changed.run.json": True,
        "gone.run.json": True,
        "none.run.json": True,
    }
    assert refused == []


def test_a_second_record_of_one_report_goes_alone(tmp_path: Path) -> None:
    """One upload carries one; neither is dropped."""
    (tmp_path / "bandit.json").write_bytes(b"{}")
    record(tmp_path, "bandit.run.json", b"{}", "bandit.json")
    record(tmp_path, "bandit2.run.json", b"{}", "bandit.json")
    assert shipped(tmp_path)[0] == {"bandit.json": True, "bandit2.run.json": True}


def test_what_is_no_record_is_refused_alone(tmp_path: Path) -> None:
    """The others are sent all the same."""
    (tmp_path / "x.run.json").write_text("{}")
    (tmp_path / "junit.xml").write_text("<a/>")
    assert shipped(tmp_path) == ({"junit.xml": False}, ["x.run.json"])


def test_every_file_has_a_slot_of_its_own(tmp_path: Path) -> None:
    """Or the green report of one job would hide the red one of another."""
    first, second = pieces("a.xml", "b.xml", folder=tmp_path)
    slots = {slot_job(job, piece.given) for job in ("unit", "e2e", None) for piece in (first, second)}
    assert slots == {"unit:a.xml", "unit:b.xml", "e2e:a.xml", "e2e:b.xml", "a.xml", "b.xml"}


def test_several_files_are_a_set_and_one_is_none(tmp_path: Path) -> None:
    """The same files of the same job make the same set again; other files make another one."""
    three = pieces("a.xml", "b.xml", "c.xml", folder=tmp_path)
    assert places(three[:1], name=None, part=None, about=ABOUT, attempt=None) == [None]
    found = places(three, name=None, part=None, about=ABOUT, attempt=None)
    assert [place.part for place in found if place] == ["1/3", "2/3", "3/3"]
    assert {place.attempt for place in found if place} == {"9001"}
    (name,) = {place.set for place in found if place}
    assert places(three, name=None, part=None, about=ABOUT, attempt=None) == found
    fewer = places(three[:2], name=None, part=None, about=ABOUT, attempt=None)
    assert name not in {place.set for place in fewer if place}


def test_parts_of_a_set_with_a_name(tmp_path: Path) -> None:
    """Two files of part 2 of 5 are parts 3 and 4 of 10; a parallel job knows its part."""
    two = pieces("a.xml", "b.xml", folder=tmp_path)

    def parts(part: str | None, count: int, node: str | None = None) -> list[str]:
        about = replace(ABOUT, part=node)
        found = places(two[:count], name="unit", part=part, about=about, attempt=None)
        assert {(place.set, place.attempt) for place in found if place} == {("unit", None)}
        return [place.part for place in found if place]

    assert parts("2/5", 1) == ["2/5"]
    assert parts("2/5", 2) == ["3/10", "4/10"]
    assert parts("2", 1) == ["2"]
    assert parts(None, 1, node="4/5") == ["4/5"]
    assert parts("1/5", 1, node="4/5") == ["1/5"]
    assert parts(None, 2) == ["1/2", "2/2"]


@pytest.mark.parametrize("part", ["0/5", "6/5", "x", "2/", "-1", "1/0", "2/5/7", ""])
def test_a_part_that_is_none_is_refused(part: str, tmp_path: Path) -> None:
    """With the form it has."""
    one = pieces("a.xml", folder=tmp_path)
    with pytest.raises(UsageError, match="2/5"):
        places(one, name="unit", part=part, about=ABOUT, attempt=None)


def test_a_part_needs_a_set_and_a_total(tmp_path: Path) -> None:
    """Or it says nothing."""
    two = pieces("a.xml", "b.xml", folder=tmp_path)
    with pytest.raises(UsageError, match="of which set"):
        places(two, name=None, part="1/2", about=ABOUT, attempt=None)
    with pytest.raises(UsageError, match="stands for one file"):
        places(two, name="unit", part="1", about=ABOUT, attempt=None)
