"""Whether two globs may mean one project."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.service.policy_globs import may_meet, ties


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("pay/*", "*/api", True),
        ("pay/*", "web/*", False),
        ("pay/api", "pay/api", True),
        ("pay/api", "pay/app", False),
        ("pay/?", "pay/a", True),
        ("pay/?", "pay/", False),
        ("*", "", True),
        ("*a*", "*b*", True),
        ("a*c", "ab*", True),
        ("a*c", "b*c", False),
        ("w[ab]", "none", True),
    ],
)
def test_globs_that_meet(one: str, other: str, meet: bool) -> None:
    """The same from both sides; a set in brackets may be anything."""
    assert may_meet(one, other) is may_meet(other, one) is meet


@given(
    st.text(alphabet="ab/*?", max_size=8), st.text(alphabet="ab/*?", max_size=8),
    st.text(alphabet="ab/", max_size=8),
)  # fmt: skip
def test_whatever_fits_both_shows_that_they_meet(one: str, other: str, path: str) -> None:
    """No path that two globs fit is ever missed."""
    if fnmatchcase(path, one) and fnmatchcase(path, other):
        assert may_meet(one, other)


def test_long_globs_of_stars_take_no_time() -> None:
    """Hostile ones would keep a search that goes back busy for ever."""
    assert may_meet("*a" * 100, "*b" * 100) is False


def test_only_globs_of_one_length_and_of_another_policy_tie() -> None:
    """The longer one wins, and a policy has no quarrel with itself."""
    others = [("*/api", "rival"), ("web/*", "mine"), ("web/api/*", "longer")]
    assert ties("mine", ["web/*"], others) == [("web/*", "rival", "*/api")]
