"""The document that a parser process sent, decoded without holding up the other threads."""

import msgspec

from gatekeeper.evidence import EvidenceDocument
from gatekeeper.finding import Finding
from gatekeeper.reports.json import collector_off


class _Outline(EvidenceDocument, frozen=True, kw_only=True):
    """The document with its findings still to be decoded."""

    findings: tuple[msgspec.Raw, ...]  # type: ignore[assignment]  # only ever seen here


_OUTLINE = msgspec.json.Decoder(_Outline)
_FINDING = msgspec.json.Decoder(Finding)
_OTHERS = tuple(name for name in EvidenceDocument.__struct_fields__ if name != "findings")


def decoded(data: bytes) -> EvidenceDocument:
    """The document in its canonical bytes.

    Decoding holds Python's lock from its start to its end, 0.1 s for 100,000 findings; so they are decoded
    one by one, and other threads get their turn between them.

    Raises:
        msgspec.DecodeError: the bytes are no document.
    """
    with collector_off():
        outline = _OUTLINE.decode(data)
        # Not `tuple(map(...))`: that loop runs in C and gives nobody a turn.
        findings = tuple(_FINDING.decode(raw) for raw in outline.findings)
        return EvidenceDocument(**{name: getattr(outline, name) for name in _OTHERS}, findings=findings)
