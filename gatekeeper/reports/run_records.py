"""The bytes of a run record -> `RunRecord`, for everyone who is handed one."""

import msgspec

from gatekeeper.errors import GatekeeperError
from gatekeeper.reports.repeated_keys import first_repeated_key
from gatekeeper.run_record import SCHEMA, RunRecord

MAX_RECORD_BYTES = 64 * 1024 * 1024


class RecordRefused(GatekeeperError):
    """What was given as a run record is none."""

    code = "record-refused"


def record_from(data: bytes, *, place: str) -> RunRecord:
    """The run record in `data`; `place` says in a refusal where it came from.

    Raises:
        RecordRefused: it is too large, no run record, or one of another version.
    """
    if len(data) > MAX_RECORD_BYTES:
        raise RecordRefused(f"{place}: a run record is at most {MAX_RECORD_BYTES:,} bytes")
    try:
        record = msgspec.json.decode(data, type=RunRecord)
        repeated = first_repeated_key(data)
    except (ValueError, RecursionError) as error:
        raise RecordRefused(
            f"{place} is not a run record: {str(error)[:200]}",
            hint="files named *.run.json are written by `gatekeeper scan`",
        ) from error
    if repeated is not None:
        raise RecordRefused(f"{place} is not a run record: the key {repeated[:80]!r} stands there twice")
    if record.schema != SCHEMA:
        raise RecordRefused(f"{place}: {record.schema[:80]!r} is not {SCHEMA}, the version that is read")
    return record
