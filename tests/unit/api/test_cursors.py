"""Cursors: what a list wrote it reads back, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.service.errors import Refused
from gatekeeper_api.routes.cursors import Count, Cursor, Text

PLACES: Cursor[tuple[int, str]] = Cursor("places", tuple[Count, Text])
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)


@given(number=st.integers(0, 2**62), text=TEXT)
def test_what_was_written_is_read_back(number: int, text: str) -> None:
    """Any place of a list, through a URL-safe word."""
    written = PLACES.at((number, text))
    assert written is not None
    assert written.isascii()
    assert PLACES.read(written) == (number, text)


@given(text=st.text(max_size=300))
def test_any_other_text_is_refused(text: str) -> None:
    """With the parameter and the next step, and no other error."""
    with pytest.raises(Refused) as refused:
        PLACES.read(text)
    assert refused.value.code == "bad-parameter"
    assert "cursor" in refused.value.message


def test_no_cursor_is_the_first_page_and_no_place_the_last() -> None:
    """Both are None."""
    assert PLACES.read(None) is None
    assert PLACES.at(None) is None


@pytest.mark.parametrize("place", [(-1, "a"), (2**63, "a"), (1, "\0"), (1.5, "a"), ("1", "a"), (1, "a", 2)])
def test_a_place_that_no_list_has_is_refused_although_the_form_is_right(place: tuple[object, ...]) -> None:
    """Numbers in their range, text without zero bytes, nothing more."""
    forged = Cursor("places", object).at(place)
    with pytest.raises(Refused):
        PLACES.read(forged)


def test_a_cursor_of_another_list_is_refused() -> None:
    """The same type does not make it the same list."""
    with pytest.raises(Refused):
        PLACES.read(Cursor("decisions", tuple[Count, Text]).at((1, "a")))
