"""Small documents as zstd frames (RFC 8878), bounded when they come back."""

import zstandard

MAX_BYTES = 256 * 1024 * 1024
"""More than any decision with its inputs can have; a damaged or hostile frame stops here."""
_LEVEL = 3
_CHUNK = 1024 * 1024


def packed(data: bytes) -> bytes:
    """`data` as one frame."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)


def unpacked(frame: bytes, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a frame.

    Counted while they come out: `max_output_size` did not stop a frame that states its own size.

    Raises:
        ValueError: damaged, or more than `max_bytes`.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in zstandard.ZstdDecompressor().read_to_iter(frame, write_size=_CHUNK):
            size += len(piece)
            if size > max_bytes:
                raise ValueError(f"a compressed document holds more than {max_bytes:,} bytes")
            pieces.append(piece)
    except zstandard.ZstdError as error:
        raise ValueError(f"a compressed document is damaged: {error}") from error
    return b"".join(pieces)
