"""Imports that succeed, imports that are refused, and what is left of each."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gatekeeper_scanners.advisories import importer
from gatekeeper_scanners.advisories.census import ImportRefused
from gatekeeper_scanners.advisories.importer import import_advisories
from gatekeeper_scanners.advisories.manifest import MirrorUnavailable
from gatekeeper_scanners.advisories.store import current_manifest, open_mirror

Osv = Callable[..., dict[str, Any]]
Zipped = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the mirror."""
    return tmp_path / "mirror"


def ids(folder: Path, name: str, version: str, **given: Any) -> list[str]:
    """The ids that the current mirror answers."""
    with open_mirror(folder, **given) as mirror:
        return [a.id for a, _ in mirror.affecting(ecosystem="PyPI", name=name, version=version)]


def test_the_manifest_says_what_was_imported(osv: Osv, zipped: Zipped, folder: Path, now: datetime) -> None:
    """Counts, dates and digests, without the canary."""
    source = zipped(
        osv("A-1", versions=["1"]),
        osv("A-2", package="other", versions=["1"], modified="2025-01-02T03:04:05Z"),
        osv("A-3", versions=["1"], withdrawn="2024-06-01T00:00:00Z", modified="1-01-01T00:00:00Z"),
    )
    manifest, unreadable = import_advisories(source, folder, now=now)
    assert unreadable == []
    assert (manifest.records, manifest.withdrawn, manifest.undated, manifest.unreadable) == (3, 1, 1, 0)
    assert manifest.ecosystems == {"PyPI": 2}
    assert manifest.newest_at == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (manifest.is_complete, manifest.imported_at, manifest.source) == (True, now, source.name)
    assert current_manifest(folder) == manifest
    assert ids(folder, "pkg", "1") == ["A-1"]
    with open_mirror(folder) as mirror:
        assert mirror.finds_canary()
        assert mirror.payload("A-3") is not None


def test_the_digest_is_that_of_the_content(osv: Osv, zipped: Zipped, tmp_path: Path, now: datetime) -> None:
    """Order, archive and white space do not change it; any change of a record does."""
    one, two = osv("A-1", versions=["1"]), osv("A-2", versions=["1"])
    plain, _ = import_advisories(zipped(one, two), tmp_path / "m1", now=now)
    pretty = tmp_path / "records"
    pretty.mkdir()
    for name, record in (("x.json", two), ("y.json", one)):
        (pretty / name).write_text(json.dumps(dict(reversed(record.items())), indent=3))
    again, _ = import_advisories(pretty, tmp_path / "m2", now=now)
    other, _ = import_advisories(zipped(one, two | {"summary": "x"}), tmp_path / "m3", now=now)
    assert plain.digest == again.digest != other.digest


def test_an_unreadable_record_refuses_a_complete_import(
    osv: Osv, zipped: Zipped, folder: Path, now: datetime
) -> None:
    """The refusal names file and reason, and the old mirror answers on."""
    import_advisories(zipped(osv("A-1", versions=["1"])), folder, now=now)
    before = sorted(path.name for path in folder.rglob("*"))
    with pytest.raises(
        ImportRefused, match=r"2 of 4 files cannot be read: bad.json: .*; yaml.yaml: not a .json file"
    ):
        import_advisories(
            zipped(osv("A-2", versions=["1"]), osv("A-3", versions=["1"]), bad__json=b"{", yaml__yaml=b"x"),
            folder,
            now=now,
        )
    assert ids(folder, "pkg", "1") == ["A-1"]
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_a_partial_import_counts_them_and_is_never_complete(
    osv: Osv, zipped: Zipped, folder: Path, now: datetime
) -> None:
    """It opens only for those who ask for it."""
    source = zipped(osv("A-1", versions=["1"]), bad__json=b"{")
    manifest, unreadable = import_advisories(source, folder, now=now, is_partial=True)
    assert (manifest.is_complete, manifest.unreadable, manifest.records) == (False, 1, 1)
    assert [name for name, _ in unreadable] == ["bad.json"]
    with pytest.raises(MirrorUnavailable) as refused:
        open_mirror(folder)
    assert refused.value.code == "advisories-partial"
    assert ids(folder, "pkg", "1", allow_partial=True) == ["A-1"]
    whole, _ = import_advisories(zipped(osv("A-1", versions=["1"])), folder, now=now, is_partial=True)
    assert not whole.is_complete


def test_a_partial_import_does_not_replace_a_complete_mirror(
    osv: Osv, zipped: Zipped, folder: Path, now: datetime
) -> None:
    """Unless that is said."""
    import_advisories(zipped(osv("A-1", versions=["1"])), folder, now=now)
    source = zipped(osv("A-2", versions=["1"]))
    with pytest.raises(ImportRefused, match="would replace a complete mirror"):
        import_advisories(source, folder, now=now, is_partial=True)
    import_advisories(source, folder, now=now, is_partial=True, allow_shrink=True)
    assert ids(folder, "pkg", "1", allow_partial=True) == ["A-2"]


@pytest.mark.parametrize("partial", [False, True])
def test_no_record_for_pypi_is_refused(
    osv: Osv, zipped: Zipped, folder: Path, now: datetime, partial: bool
) -> None:
    """An export of another ecosystem, and an empty archive, would answer "nothing known" to everything."""
    npm = osv("A-1", versions=["1"])
    npm["affected"][0]["package"]["ecosystem"] = "npm"
    for source in (
        zipped(),
        zipped(npm),
        zipped(osv("A-1", versions=["1"], withdrawn="2024-01-01T00:00:00Z")),
    ):
        with pytest.raises(ImportRefused, match="none of them for PyPI"):
            import_advisories(source, folder, now=now, is_partial=partial)
    assert current_manifest(folder) is None


@pytest.mark.parametrize(("kept", "is_refused"), [(9, False), (8, True)])
def test_a_shrink_by_more_than_a_tenth_is_refused(
    osv: Osv, zipped: Zipped, folder: Path, now: datetime, kept: int, is_refused: bool
) -> None:
    """Half an export is the likelier reason than problems that went away."""
    records = [osv(f"A-{i}", versions=["1"]) for i in range(10)]
    import_advisories(zipped(*records), folder, now=now)
    source = zipped(*records[:kept])
    if is_refused:
        with pytest.raises(ImportRefused, match="8 records for PyPI, the mirror in use has 10"):
            import_advisories(source, folder, now=now)
        import_advisories(source, folder, now=now, allow_shrink=True)
    else:
        import_advisories(source, folder, now=now)
    assert len(ids(folder, "pkg", "1")) == kept


def test_the_same_id_twice_is_refused(osv: Osv, zipped: Zipped, folder: Path, now: datetime) -> None:
    """Nobody can say which of the two is meant."""
    twin = json.dumps(osv("A-1", versions=["2"])).encode()
    with pytest.raises(ImportRefused, match="A-1 was already in the archive"):
        import_advisories(zipped(osv("A-1", versions=["1"]), twin__json=twin), folder, now=now)


def test_records_that_are_all_of_the_future_are_refused(osv: Osv, zipped: Zipped, folder: Path) -> None:
    """The clock of the machine is wrong, and no age could be trusted."""
    with pytest.raises(ImportRefused, match="no record has a date that can be used"):
        import_advisories(zipped(osv("A-1", versions=["1"])), folder, now=datetime(1970, 1, 2, tzinfo=UTC))


def test_a_mirror_without_its_canary_is_refused(
    osv: Osv, zipped: Zipped, folder: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import searches what it wrote before it lets others do so."""
    absent = osv("GATEKEEPER-CANARY", package="other", versions=["1"])
    monkeypatch.setattr(importer, "canary", lambda _now: json.dumps(absent).encode())
    with pytest.raises(ImportRefused, match="canary"):
        import_advisories(zipped(osv("A-1", versions=["1"])), folder, now=now)
    assert current_manifest(folder) is None


def test_readers_keep_the_generation_that_they_opened(
    osv: Osv, zipped: Zipped, folder: Path, now: datetime
) -> None:
    """Three imports later the first is gone from the disk and still answers."""
    import_advisories(zipped(osv("A-0", versions=["1"])), folder, now=now)
    with open_mirror(folder) as mirror:
        for number in (1, 2, 3):
            import_advisories(zipped(osv(f"A-{number}", versions=["1"])), folder, now=now)
        found = mirror.affecting(ecosystem="PyPI", name="pkg", version="1")
        assert [advisory.id for advisory, _ in found] == ["A-0"]
    assert ids(folder, "pkg", "1") == ["A-3"]
    assert len(list((folder / "generations").iterdir())) == 2


def test_imports_at_the_same_time_come_one_after_the_other(
    osv: Osv, zipped: Zipped, folder: Path, now: datetime
) -> None:
    """Every one of them leaves a whole mirror, and nothing else is left."""
    sources = [zipped(*(osv(f"B{i}-{n}", versions=["1"]) for n in range(50))) for i in range(4)]
    threads = [
        threading.Thread(target=import_advisories, args=(source, folder), kwargs={"now": now})
        for source in sources
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = ids(folder, "pkg", "1")
    assert len(found) == 50
    assert len({name.split("-")[0] for name in found}) == 1
    assert not list(folder.rglob(".*"))


def test_progress_ends_with_the_number_of_members(
    osv: Osv, zipped: Zipped, folder: Path, now: datetime
) -> None:
    """The last call is always made."""
    seen: list[tuple[int, int]] = []
    source = zipped(*(osv(f"A-{i}", versions=["1"]) for i in range(3)))
    import_advisories(source, folder, now=now, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 3)]
