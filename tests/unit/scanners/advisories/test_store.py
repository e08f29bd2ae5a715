"""What opening a mirror proves, and what its look-ups give."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.finding import Severity
from gatekeeper_scanners.advisories.importer import import_advisories
from gatekeeper_scanners.advisories.manifest import MirrorUnavailable
from gatekeeper_scanners.advisories.store import Mirror, current_manifest, open_mirror

Osv = Callable[..., dict[str, Any]]
HIGH = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}]
CRITICAL = [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]


@pytest.fixture
def mirror_of(tmp_path: Path, zipped: Callable[..., Path], now: datetime) -> Callable[..., Mirror]:
    """A mirror of the given records."""

    def make(*records: dict[str, Any]) -> Mirror:
        import_advisories(zipped(*records), tmp_path / "mirror", now=now)
        return open_mirror(tmp_path / "mirror")

    return make


def test_without_an_import_the_mirror_is_missing(tmp_path: Path) -> None:
    """Missing is not empty."""
    assert current_manifest(tmp_path) is None
    with pytest.raises(MirrorUnavailable) as refused:
        open_mirror(tmp_path)
    assert refused.value.code == "advisories-missing"
    assert "advisories import" in refused.value.hint


@pytest.mark.parametrize(
    "damage", ["flip", "cut", "remove", "manifest", "pointer", "pointer-out", "no-manifest"]
)
def test_any_damage_is_seen_when_it_is_opened(
    osv: Osv, mirror_of: Callable[..., Mirror], tmp_path: Path, damage: str
) -> None:
    """One flipped bit in the file, the manifest or the pointer is enough."""
    mirror_of(osv("A-1", versions=["1"])).close()
    folder = tmp_path / "mirror"
    [home] = (folder / "generations").iterdir()
    file, manifest, pointer = home / "records.sqlite", home / "manifest.json", folder / "current"
    data = file.read_bytes()
    match damage:
        case "flip":
            file.write_bytes(data[:9_000] + bytes([data[9_000] ^ 1]) + data[9_001:])
        case "cut":
            file.write_bytes(data[:-4_096])
        case "remove":
            file.unlink()
        case "manifest":
            manifest.write_bytes(manifest.read_bytes().replace(b'"records": 1', b'"records": 9'))
        case "pointer":
            pointer.write_bytes(b"{}")
        case "pointer-out":
            pointer.write_bytes(b'{"generation":"../x","manifest_sha256":""}')
        case "no-manifest":
            manifest.unlink()
    with pytest.raises(MirrorUnavailable) as refused:
        open_mirror(folder)
    assert refused.value.code == "advisories-damaged"


def test_a_rating_joins_all_records_of_one_problem(osv: Osv, mirror_of: Callable[..., Mirror]) -> None:
    """The vector stands in the GHSA record, the report says PYSEC; the highest score of all decides."""
    mirror = mirror_of(
        osv("PYSEC-1", versions=["1"], aliases=["CVE-1"]),
        osv(
            "GHSA-1", versions=["1"], aliases=["CVE-1"], severity=HIGH, database_specific={"severity": "LOW"}
        ),
        osv("OTHER-1", versions=["1"], aliases=["GHSA-1"], severity=CRITICAL),
        osv("APART-1", versions=["1"], severity=CRITICAL),
    )
    with mirror:
        for name in ("PYSEC-1", "GHSA-1", "CVE-1"):
            rating = mirror.rating(name)
            assert (rating.severity, rating.cvss) == (Severity.CRITICAL, "9.8")
            assert rating.aliases == ("CVE-1", "GHSA-1", "OTHER-1", "PYSEC-1")


def test_a_rating_without_a_vector_takes_the_word_of_the_source(
    osv: Osv, mirror_of: Callable[..., Mirror]
) -> None:
    """The worst word counts; without any, or with one that is not known, the severity is unknown."""
    mirror = mirror_of(
        osv("W-1", versions=["1"], aliases=["W-2"], database_specific={"severity": "MODERATE"}),
        osv("W-2", versions=["1"], database_specific={"severity": "High"}),
        osv("N-1", versions=["1"], database_specific={"severity": ["x"]}),
        osv("N-2", versions=["1"], severity=[{"type": "Ubuntu", "score": "negligible"}]),
        osv("Z-1", versions=["1"], severity=[{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L"}]),
    )
    with mirror:
        assert mirror.rating("W-1").severity is Severity.HIGH
        assert mirror.rating("W-1").cvss is None
        assert {mirror.rating(name).severity for name in ("N-1", "N-2", "Z-1", "NONE-1")} == {
            Severity.UNKNOWN
        }


def test_a_withdrawn_record_rates_nothing(osv: Osv, mirror_of: Callable[..., Mirror]) -> None:
    """Its vector was taken back with it."""
    mirror = mirror_of(
        osv("A-1", versions=["1"], aliases=["B-1"], severity=HIGH),
        osv("B-1", versions=["1"], severity=CRITICAL, withdrawn="2024-01-01T00:00:00Z"),
    )
    with mirror:
        assert mirror.rating("A-1").severity is Severity.HIGH


def test_names_are_found_after_pep_503(osv: Osv, mirror_of: Callable[..., Mirror]) -> None:
    """The record says `Foo_Bar`, the list `foo.bar`."""
    with mirror_of(osv("A-1", package="Foo_Bar", versions=["1"])) as mirror:
        assert len(mirror.affecting(ecosystem="PyPI", name="foo.bar", version="1")) == 1
        assert mirror.affecting(ecosystem="npm", name="foo-bar", version="1") == []
