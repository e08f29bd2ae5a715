"""Small documents as zstd frames (RFC 8878), bounded when they come back."""

import zstandard

from gatekeeper.store.errors import RowDamaged

MAX_BYTES = 256 * 1024 * 1024
"""More than any decision with its inputs can have; a damaged or hostile frame stops here."""
_LEVEL = 3
_CHUNK = 1024 * 1024


def packed(data: bytes) -> bytes:
    """`data` as one frame that states its size and carries a checksum."""
    return zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).compress(data)


def unpacked(frame: bytes, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a frame.

    Counted while they come out: `max_output_size` did not stop a frame that states its own size. A frame
    that was cut ends without an error in zstandard 0.25, so what came out is compared with what it states.

    Raises:
        RowDamaged: no frame, cut, changed, or more than `max_bytes`.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        stated = zstandard.frame_content_size(frame)
        for piece in zstandard.ZstdDecompressor().read_to_iter(frame, write_size=_CHUNK):
            size += len(piece)
            if size > max_bytes:
                raise _damaged(f"it holds more than {max_bytes:,} bytes")
            pieces.append(piece)
    except zstandard.ZstdError as error:
        raise _damaged(str(error)) from error
    if size != stated:
        raise _damaged(f"{size:,} of {stated:,} bytes came out")
    return b"".join(pieces)


def _damaged(why: str) -> RowDamaged:
    return RowDamaged(f"a compressed document of the database is damaged: {why}", hint="restore a backup")
