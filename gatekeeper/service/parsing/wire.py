"""What the server and a parser process say to each other: frames of JSON with their length before them.

Nothing is pickled: the process reads what strangers send, and whoever takes it over must not get to choose
what the server runs.
"""

from typing import BinaryIO

import msgspec

from gatekeeper.evidence import Kind, Problem

LENGTH_BYTES = 4
MAX_FRAME_BYTES = 16 * 1024 * 1024


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One upload to read. Paths are absolute."""

    report: str | None
    report_name: str
    record: str | None
    format_name: str | None
    kind: Kind | None
    stored: str
    """Where the redacted bytes go; a file that does not exist yet."""
    cpu_s: int
    """Processor time for this order."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Everything is imported; orders are read from now on."""


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is known of the upload before its content is read: what remains when the process dies of it."""

    format: str | None
    kind: Kind | None


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the upload says; the bytes of its document follow the frame."""

    format: str | None
    problems: tuple[Problem, ...]
    document_bytes: int
    is_stored: bool
    """True when the file `stored` was written."""
    is_last: bool
    """True when the process ends now, because reading took much memory."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The order itself cannot be carried out: `kind-mismatch`, `unknown-format` or `files-gone`."""

    code: str
    message: str
    hint: str


class Defect(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A reader broke its contract and raised; `where` names the error and its place, and quotes nothing."""

    where: str


Said = Ready | Progress | Answer | Refusal | Defect


def framed(value: Order | Said) -> bytes:
    """`value` as one frame."""
    data = msgspec.json.encode(value)
    return len(data).to_bytes(LENGTH_BYTES, "big") + data


def next_order(stream: BinaryIO) -> Order | None:
    """The next order, waiting for it; None when the server has gone."""
    length = int.from_bytes(stream.read(LENGTH_BYTES), "big")
    data = stream.read(length)
    return msgspec.json.decode(data, type=Order) if data and len(data) == length else None
