"""The advisories that ship with the demo: they hit the shop as it is and none of the mended versions."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

VERSION_LINE = re.compile(r"^([a-z0-9-]+)==(\S+)$", re.MULTILINE)


@pytest.fixture
def advisories(examples: Path) -> list[dict[str, Any]]:
    """The shipped records, by name."""
    return [json.loads(path.read_text("utf-8")) for path in sorted((examples / "advisories").glob("*.json"))]


def _hits(advisories: list[dict[str, Any]], requirements: str) -> set[str]:
    pinned = {name: Version(version) for name, version in VERSION_LINE.findall(requirements)}
    assert len(pinned) > 10
    return {
        advisory["id"]
        for advisory in advisories
        for affected in advisory["affected"]
        if affected["package"]["name"] in pinned
        and _is_inside(affected["ranges"][0]["events"], pinned[affected["package"]["name"]])
    }


def _is_inside(events: list[dict[str, str]], version: Version) -> bool:
    bounds = [Version(next(iter(event.values()))) for event in events]
    assert [next(iter(event)) for event in events] == ["introduced", "fixed"] * (len(events) // 2)
    return any(low <= version < high for low, high in zip(bounds[::2], bounds[1::2], strict=True))


def test_every_advisory_is_about_the_shop(examples: Path, advisories: list[dict[str, Any]]) -> None:
    """Each shipped record hits a version that the shop pins."""
    hits = _hits(advisories, (examples / "shop" / "requirements.txt").read_text())
    assert hits == {advisory["id"] for advisory in advisories}
    assert len(hits) >= 12


def test_no_advisory_hits_the_mended_shop(examples: Path, advisories: list[dict[str, Any]]) -> None:
    """The versions that the patch brings are outside every range."""
    patch = (examples / "shop-mended.patch").read_text()
    part = patch.split("diff --git a/requirements.txt b/requirements.txt\n")[1].split("\ndiff --git")[0]
    added = "\n".join(line[1:] for line in part.splitlines() if line[:1] in {"+", " "})
    assert _hits(advisories, added) == set()


def test_each_record_is_whole(examples: Path, advisories: list[dict[str, Any]]) -> None:
    """A record has the fields of the OSV schema that an import needs, and a CVSS vector."""
    for advisory in advisories:
        assert (examples / "advisories" / f"{advisory['id']}.json").is_file()
        assert advisory["published"] <= advisory["modified"]
        assert any(alias.startswith("CVE-") for alias in advisory["aliases"])
        assert advisory["severity"][0]["score"].startswith("CVSS:3.1/")
        assert advisory["summary"]
