"""Findings over time on the refs that are released from, in few statements however many there are."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select, text, tuple_

from gatekeeper.evidence import Kind
from gatekeeper.finding import Severity
from gatekeeper.recorded import TrackedFinding
from gatekeeper.store.columns import microseconds
from gatekeeper.store.convert import finding_of
from gatekeeper.store.statements import table

_FINDING = table("tracked_finding")
_ADVISORY = table("finding_advisory")
_SUMMARY = table("finding_summary")

_COLUMNS = "fingerprint, rule, title, severity, path, line, package, version, advisories"
_UPDATED = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
_SQLITE_ROWS = ", ".join(f"value ->> '{name}'" for name in _COLUMNS.split(", "))
_FOUND = """\
INSERT INTO tracked_finding
  (project_id, kind, name, job, {columns}, first_seen_at, last_seen_at, fixed_at)
SELECT :project, :kind, :name, :job, {rows}, :at, :at, NULL FROM {source}
WHERE true
ON CONFLICT (project_id, kind, name, job, fingerprint)
DO UPDATE SET {updated}, last_seen_at = excluded.last_seen_at, fixed_at = NULL"""
_GONE = """\
UPDATE tracked_finding SET fixed_at = :at
WHERE project_id = :project AND kind = :kind AND name = :name AND job = :job
  AND fixed_at IS NULL AND last_seen_at <> :at"""
_ALIASES = """\
INSERT INTO finding_advisory (advisory, project_id, kind, name, job, fingerprint)
SELECT {advisory}, :project, :kind, :name, :job, {fingerprint} FROM {source}
WHERE true
ON CONFLICT DO NOTHING"""
_SOURCES = {
    "sqlite": ("json_each(:items)", _SQLITE_ROWS, "value ->> 0", "value ->> 1"),
    "postgresql": (
        "jsonb_to_recordset(CAST(:items AS jsonb)) AS item(fingerprint text, rule text, title text, "
        "severity text, path text, line bigint, package text, version text, advisories text)",
        _COLUMNS,
        "value ->> 0",
        "value ->> 1",
    ),
}
_PIECE = 1000
_NUL = "\\u0000"
"""U+0000 as JSON escapes it. PostgreSQL keeps it in no text, and JSON in no jsonb."""
_PAIRS = {"sqlite": "json_each(:pairs)", "postgresql": "jsonb_array_elements(CAST(:pairs AS jsonb))"}


def track(
    connection: Connection,
    findings: Iterable[TrackedFinding],
    *,
    project_id: str,
    kind: Kind,
    name: str,
    job: str,
    at: datetime,
    is_whole: bool,
) -> None:
    """Let `findings` be what is open in this slot: new ones appear, seen ones stay.

    When they are the whole list, the others are fixed at `at`.

    Four statements, whatever their number: the rows travel as one JSON parameter.
    """
    items = list(findings)
    encoded = _as_json(items)
    if _NUL in encoded:
        items = [_without_nul(one) for one in items]
        encoded = _as_json(items)
    engine = connection.dialect.name
    source, rows, advisory, fingerprint = _SOURCES[engine]
    slot = {"project": project_id, "kind": str(kind), "name": name, "job": job}
    moment = {"at": microseconds(at)}
    if items:
        found = _FOUND.format(columns=_COLUMNS, rows=rows, source=source, updated=_UPDATED)
        connection.execute(text(found), slot | moment | {"items": encoded})
    if is_whole:
        connection.execute(text(_GONE), slot | moment)
    pairs = [(name_, one.fingerprint) for one in items for name_ in one.advisories]
    if pairs:
        aliases = _ALIASES.format(advisory=advisory, fingerprint=fingerprint, source=_PAIRS[engine])
        connection.execute(text(aliases), slot | {"pairs": msgspec.json.encode(pairs).decode()})
    _count(connection, project_id, kind)


def page(
    connection: Connection,
    project_ids: list[str],
    *,
    advisory: str | None,
    kind: Kind | None,
    severity: Severity | None,
    is_open: bool | None,
    after: tuple[str, ...] | None,
    limit: int,
) -> list[TrackedFinding]:
    """Findings of these projects in the order of their keys, beginning after the key `after`."""
    key = [_FINDING.c[column.name] for column in _FINDING.primary_key]
    wanted = select(_FINDING).where(_FINDING.c.project_id.in_(project_ids)).order_by(*key).limit(limit)
    if advisory is not None:
        same = [_ADVISORY.c[column.name] == column for column in key]
        wanted = wanted.join(_ADVISORY, *([same[0] & same[1] & same[2] & same[3] & same[4]]))
        wanted = wanted.where(_ADVISORY.c.advisory == advisory)
    if kind is not None:
        wanted = wanted.where(_FINDING.c.kind == str(kind))
    if severity is not None:
        wanted = wanted.where(_FINDING.c.severity == str(severity))
    if is_open is not None:
        gone = _FINDING.c.fixed_at
        wanted = wanted.where(gone.is_(None) if is_open else gone.is_not(None))
    if after is not None:
        wanted = wanted.where(tuple_(*key) > tuple_(*after))
    return [finding_of(row) for row in connection.execute(wanted).mappings()]


def _without_nul(one: TrackedFinding) -> TrackedFinding:
    """The finding with U+FFFD in the place of every U+0000."""
    texts = {name: getattr(one, name) for name in ("rule", "title", "path", "package", "version")}
    plain = {name: text_ and text_.replace("\0", "\ufffd") for name, text_ in texts.items()}
    advisories = tuple(name.replace("\0", "\ufffd") for name in one.advisories)
    return msgspec.structs.replace(one, **plain, advisories=advisories)


def _as_json(items: list[TrackedFinding]) -> str:
    """The findings as one list of JSON; what the columns do not name is passed over by the database.

    In pieces: encoding holds Python's lock, and the event loop wants its turn.
    """
    pieces = (items[at : at + _PIECE] for at in range(0, len(items), _PIECE))
    return f"[{','.join(msgspec.json.encode(piece).decode()[1:-1] for piece in pieces)}]"


def _count(connection: Connection, project_id: str, kind: Kind) -> None:
    """Write the summary of one kind again: what metrics read instead of the findings."""
    mine = {"project": project_id, "kind": str(kind)}
    connection.execute(text("DELETE FROM finding_summary WHERE project_id = :project AND kind = :kind"), mine)
    connection.execute(
        text(
            "INSERT INTO finding_summary (project_id, kind, severity, open) "
            "SELECT project_id, kind, severity, count(*) FROM tracked_finding "
            "WHERE project_id = :project AND kind = :kind AND fixed_at IS NULL "
            "GROUP BY project_id, kind, severity"
        ),
        mine,
    )
