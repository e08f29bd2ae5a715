"""Line sets as text and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.line_ranges import Ranges, as_text, count, numbers_in, ranges_in, text_of, union, without

LINES = st.sets(st.integers(min_value=0, max_value=60), max_size=40)


def ranges(lines: set[int]) -> Ranges:
    """The ranges of a set of lines."""
    return ranges_in(as_text(sorted(lines)))


@given(LINES)
def test_text_and_back(lines: set[int]) -> None:
    """Nothing is lost in the text, and the text of the ranges is the same text."""
    text = as_text(sorted(lines))
    assert numbers_in(text) == sorted(lines)
    assert count(ranges_in(text)) == len(lines)
    assert text_of(ranges_in(text)) == text


@given(LINES, LINES, LINES)
def test_set_operations(first: set[int], second: set[int], third: set[int]) -> None:
    """Union and difference are those of the sets."""
    assert union(ranges(first), ranges(second), ranges(third)) == ranges(first | second | third)
    assert without(ranges(first), ranges(second)) == ranges(first - second)


def test_the_form_of_the_text() -> None:
    """Neighbours are joined, single lines stand alone, nothing is the empty text."""
    assert as_text([1, 2, 3, 5, 7, 8]) == "1-3,5,7-8"
    assert as_text([0]) == "0"
    assert as_text([]) == ""
    assert ranges_in("") == ()


@pytest.mark.parametrize("text", ["3,1", "1-3,3", "1-3,4", "5-2", "2-2", "a", "1,", "-1", "1--2", "1-2-3"])
def test_other_texts_are_refused(text: str) -> None:
    """A text in another form is refused, so that equal sets have one text."""
    with pytest.raises(ValueError):
        ranges_in(text)
