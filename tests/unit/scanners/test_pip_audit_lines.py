"""The list that pip-audit is given."""

from packaging.utils import canonicalize_name

from gatekeeper_scanners.dependency_lists.interface import Pin
from gatekeeper_scanners.pip_audit import requirement_lines


def test_versions_of_one_name_get_spellings_of_their_own() -> None:
    """pip-audit refuses a name twice, and compares names as written."""
    lines, crowded = requirement_lines([Pin("flask", "1.0"), Pin("flask", "2.0"), Pin("jinja2", "2.10")])
    assert list(lines.values()) == ["flask==1.0", "Flask==2.0", "jinja2==2.10"]
    assert crowded == []


def test_every_spelling_is_distinct_and_the_same_package() -> None:
    """Thirty-two versions of a name with five letters fit; the next does not and is named."""
    pins = [Pin("a1-bcde", str(number)) for number in range(33)]
    lines, crowded = requirement_lines(pins)
    names = [line.split("==")[0] for line in lines.values()]
    assert len(set(names)) == 32
    assert {canonicalize_name(name) for name in names} == {"a1-bcde"}
    assert crowded == [Pin("a1-bcde", "32")]
