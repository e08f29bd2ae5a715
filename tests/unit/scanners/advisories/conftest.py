"""OSV records made by hand, and the archives that hold them."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """The instant of every import in these tests."""
    return NOW


@pytest.fixture
def osv() -> Callable[..., dict[str, Any]]:
    """A record about one PyPI package; keywords replace or add top-level fields."""

    def make(
        name: str = "GKT-1", *, package: str = "pkg", versions: Any = None, **fields: Any
    ) -> dict[str, Any]:
        affected: dict[str, Any] = {"package": {"ecosystem": "PyPI", "name": package}}
        if versions is not None:
            affected["versions"] = versions
        if "events" in fields:
            affected["ranges"] = [{"type": fields.pop("type", "ECOSYSTEM"), "events": fields.pop("events")}]
        return {"id": name, "modified": "2024-05-06T14:20:59Z", "affected": [affected], **fields}

    return make


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """A zip file of the given records (or raw bytes by member name)."""
    made = 0

    def make(*records: dict[str, Any], **members: bytes) -> Path:
        nonlocal made
        made += 1
        path = tmp_path / f"records-{made}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for record in records:
                archive.writestr(f"{record['id']}.json", json.dumps(record))
            for name, data in members.items():
                archive.writestr(name.replace("__", "."), data)
        return path

    return make
