"""Records with every time in UTC, so that any two can be compared."""

from datetime import datetime
from typing import TypeVar

import msgspec

from gatekeeper.policy.spelling import utc
from gatekeeper.signoff import Approval, Obligation, Override, PriorDecision, Records

_Record = TypeVar("_Record", Approval, Override, Obligation, PriorDecision)


def zoned(records: Records) -> Records:
    """The same records; a time without a zone is read as UTC."""
    return Records(
        approvals=tuple(_zoned(one) for one in records.approvals),
        overrides=tuple(_zoned(one) for one in records.overrides),
        obligations=tuple(_zoned(one) for one in records.obligations),
        prior=tuple(_zoned(one) for one in records.prior),
    )


def _zoned(record: _Record) -> _Record:
    times = {
        name: utc(value)
        for name in record.__struct_fields__
        if isinstance(value := getattr(record, name), datetime)
    }
    return msgspec.structs.replace(record, **times)
