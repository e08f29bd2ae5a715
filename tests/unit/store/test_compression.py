"""Documents in rows: what comes back is what went in, or an error says that it is damaged."""

import resource
import time
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.store.compression import packed, unpacked
from gatekeeper.store.errors import RowDamaged, StoreUnavailable

DOCUMENT = b'{"rules":[]}' * 500
CHECKSUM_BYTES = 4
"""At the end of a frame; without them everything has come out all the same."""


@given(st.binary(max_size=5_000))
def test_what_goes_in_comes_out(data: bytes) -> None:
    """Any bytes come back as they were, none of them included."""
    assert unpacked(packed(data)) == data


@pytest.mark.parametrize("size", [1_048_575, 1_048_576, 1_048_577, 3_000_000])
def test_pieces_are_put_together_again(size: int) -> None:
    """Documents of more than one piece have no seam."""
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert unpacked(packed(data)) == data


@given(st.data())
def test_a_flipped_bit_is_found(data: st.DataObject) -> None:
    """No changed frame passes for another document: a decision is read whole or not at all."""
    frame = bytearray(packed(DOCUMENT))
    place = data.draw(st.integers(0, len(frame) - 1))
    frame[place] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(RowDamaged):  # the format has bits without meaning: whoever flips one changes nothing
        assert unpacked(bytes(frame)) == DOCUMENT


def test_a_frame_that_was_cut_is_no_shorter_document() -> None:
    """The library ends silently where the bytes end; here that is damage, wherever the cut is."""
    data = bytes(range(256)) * 20 + DOCUMENT
    frame = packed(data)
    for kept in range(len(frame) - CHECKSUM_BYTES):
        with pytest.raises(RowDamaged, match="damaged"):
            unpacked(frame[:kept])


@pytest.mark.parametrize("frame", [b"", b"{}", b"\x00" * 100, bytes(range(256))])
def test_what_is_no_frame_is_refused(frame: bytes) -> None:
    """Other bytes in the column are damage too, and damage is no answer."""
    with pytest.raises(StoreUnavailable) as refused:
        unpacked(frame)
    assert refused.value.code == "unavailable"


def test_a_frame_that_hides_its_size_is_refused() -> None:
    """We write none without a size, and only the size tells that a frame was cut."""
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(DOCUMENT)
    with pytest.raises(RowDamaged):
        unpacked(frame)


@pytest.mark.parametrize("states_its_size", [True, False])
def test_a_bomb_stops_at_the_limit(states_its_size: bool) -> None:
    """33 KB that hold 1 GiB are not unpacked: memory and time stay those of the limit."""
    bomb = _bomb(1 << 30, states_its_size)
    assert len(bomb) < 100_000
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(RowDamaged, match="holds more than 10,000,000 bytes"):
        unpacked(bomb, max_bytes=10_000_000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "KiB"
    assert time.monotonic() - started < 5


def test_the_limit_itself_is_allowed() -> None:
    """Exactly the limit is no bomb; one byte more is."""
    frame = packed(b"x" * 1000)
    assert unpacked(frame, max_bytes=1000) == b"x" * 1000
    with pytest.raises(RowDamaged):
        unpacked(frame, max_bytes=999)


def _bomb(size: int, states_its_size: bool) -> bytes:
    maker = zstandard.ZstdCompressor(level=3).compressobj(size=size if states_its_size else -1)
    piece = bytes(1 << 20)
    return b"".join(maker.compress(piece) for _ in range(size >> 20)) + maker.flush()
