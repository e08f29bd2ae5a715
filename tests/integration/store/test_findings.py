"""Findings over time, on both engines: their words survive the way into the database."""

from datetime import UTC, datetime, timedelta

from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.project import Project
from gatekeeper.recorded import TrackedFinding
from gatekeeper.store import findings, migrations, projects

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SLOT = {"project_id": "prj_1", "kind": Kind.SCA, "name": "audit", "job": ""}


def _found(number: int) -> TrackedFinding:
    return TrackedFinding(
        fingerprint=f"{number:064x}", rule="r", title=f'{number} "quoted", ünïcode, []\n', path=None,
        severity=Severity.HIGH, line=number or None, package="requests", version="2.0",
        advisories=("CVE-2026-1", f"GHSA-{number}"), first_seen_at=AT, last_seen_at=AT, fixed_at=None, **SLOT,
    )  # fmt: skip


def _of(database, advisory: str, *, is_open: bool | None = None) -> list[TrackedFinding]:
    words = {"kind": None, "severity": None, "after": None, "limit": 5000}
    return database.read(
        lambda connection: findings.page(connection, ["prj_1"], advisory=advisory, is_open=is_open, **words)
    )


def test_many_findings_are_kept_word_for_word_and_fixed_when_they_go(empty_url: str, opened) -> None:
    """All come back as they were, by each of their advisories; a whole list without them ends them."""
    database = opened(empty_url)
    migrations.upgrade(database)
    project = Project(
        id="prj_1", path="pay/api", policy="base", default_ref="main", protected_refs=("main",), issuer=None,
        provider_id=None, policy_digest=None, created_at=AT,
    )  # fmt: skip
    found = [_found(number) for number in range(2500)]

    def arrive(items: list[TrackedFinding], at: datetime) -> None:
        database.write(lambda connection: findings.track(connection, items, at=at, is_whole=True, **SLOT))

    database.write(lambda connection: projects.add(connection, project))
    arrive(found, AT)
    assert _of(database, "CVE-2026-1") == found
    assert _of(database, "GHSA-7") == [found[7]]
    arrive(found[:3], AT + timedelta(hours=1))
    assert [one.fingerprint for one in _of(database, "CVE-2026-1", is_open=True)] == [
        one.fingerprint for one in found[:3]
    ]
    assert {one.fixed_at for one in _of(database, "CVE-2026-1", is_open=False)} == {AT + timedelta(hours=1)}
