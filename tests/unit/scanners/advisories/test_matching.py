"""Which versions an OSV record affects."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from gatekeeper_scanners.advisories.matching import Match, match
from gatekeeper_scanners.advisories.records import Advisory, read_record

Osv = Callable[..., dict[str, Any]]


def judge(record: dict[str, Any], version: str, name: str = "pkg") -> Match:
    """The answer for one version."""
    advisory, _ = read_record(msgspec.json.encode(record))
    return match(advisory, ecosystem="PyPI", name=name, version=version)


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("0.9", Match.NO),
        ("1.0", Match.YES),
        ("1.0.dev1", Match.NO),
        ("1.4.99", Match.YES),
        ("1.5rc1", Match.YES),
        ("1.5", Match.NO),
        ("1.5.0", Match.NO),
        ("1.5.post1", Match.NO),
        ("1!1.2", Match.NO),
        ("2.0", Match.YES),
        ("2.1", Match.NO),
    ],
)
def test_ranges_are_half_open_in_pep_440_order(osv: Osv, version: str, answer: Match) -> None:
    """Introduced is inside, fixed outside; a pre-release of the fix is still affected."""
    events = [{"introduced": "1.0"}, {"fixed": "1.5"}, {"introduced": "2.0"}, {"fixed": "2.1"}]
    assert judge(osv(events=events), version) is answer


def test_events_need_not_be_in_order(osv: Osv) -> None:
    """The order of the versions counts, not that of the list."""
    record = osv(events=[{"fixed": "2.1"}, {"introduced": "2.0"}, {"fixed": "1.5"}, {"introduced": "0"}])
    assert [judge(record, v) for v in ("1.4", "1.9", "2.0.1", "3")] == [
        Match.YES,
        Match.NO,
        Match.YES,
        Match.NO,
    ]


@pytest.mark.parametrize(("version", "answer"), [("1.2", Match.YES), ("1.2.1", Match.NO), ("1.3", Match.NO)])
def test_last_affected_is_inside(osv: Osv, version: str, answer: Match) -> None:
    """Unlike a fix, the last affected version is affected itself."""
    assert judge(osv(events=[{"introduced": "0"}, {"last_affected": "1.2"}]), version) is answer


def test_one_version_can_be_the_whole_range(osv: Osv) -> None:
    """Introduced and last affected in the same version is that version alone."""
    record = osv(events=[{"introduced": "2"}, {"last_affected": "2"}])
    assert [judge(record, v) for v in ("1", "2", "2.0.1")] == [Match.NO, Match.YES, Match.NO]


def test_a_fix_that_introduces_the_next_range_stays_affected(osv: Osv) -> None:
    """Where one range ends and the next begins, the version is affected."""
    record = osv(events=[{"introduced": "1"}, {"fixed": "2"}, {"introduced": "2"}, {"fixed": "3"}])
    assert judge(record, "2") is Match.YES


@pytest.mark.parametrize("zero", ["0.0.1a1", "0.dev1", "0"])
def test_introduced_zero_means_from_the_beginning(osv: Osv, zero: str) -> None:
    """The text "0" is before every version, also before pre-releases of 0."""
    assert judge(osv(events=[{"introduced": "0"}, {"fixed": "1"}]), zero) is Match.YES


def test_listed_versions_count_beside_the_ranges(osv: Osv) -> None:
    """A version that is listed is affected, in any spelling of PEP 440, also outside the range."""
    record = osv(versions=["3.0.0", "4.0-rc.1"], events=[{"introduced": "0"}, {"fixed": "1"}])
    assert [judge(record, v) for v in ("3", "4.0rc1", "4.0")] == [Match.YES, Match.YES, Match.NO]


@pytest.mark.parametrize("version", ["2.1.0+cpu", "2.1.0"])
def test_a_local_version_is_judged_as_its_public_version_too(osv: Osv, version: str) -> None:
    """`2.1.0+cpu` is built from 2.1.0; a record does not list local versions."""
    assert judge(osv(versions=["2.1.0"]), version) is Match.YES
    assert judge(osv(events=[{"introduced": "0"}, {"last_affected": "2.1.0"}]), version) is Match.YES


def test_epochs_order_before_everything_else(osv: Osv) -> None:
    """`1!0.1` is later than `2.0`."""
    record = osv(events=[{"introduced": "1!0"}, {"fixed": "1!1.0"}])
    assert [judge(record, v) for v in ("2.0", "1!0.5", "1!1.0")] == [Match.NO, Match.YES, Match.NO]


def test_semver_ranges_are_compared_as_well(osv: Osv) -> None:
    """A SEMVER range speaks of versions; a GIT range speaks of commits and matches no version."""
    assert judge(osv(events=[{"introduced": "0"}, {"fixed": "2.0.0"}], type="SEMVER"), "1.9") is Match.YES
    git = osv(versions=["1.0"], events=[{"introduced": "0"}], type="GIT")
    assert [judge(git, v) for v in ("1.0", "1.1")] == [Match.YES, Match.NO]


def test_a_withdrawn_record_affects_nothing(osv: Osv) -> None:
    """Its source took it back."""
    record = osv(versions=["1.0"], withdrawn="2024-06-01T00:00:00Z")
    assert judge(record, "1.0") is Match.NO


def test_another_package_is_not_affected(osv: Osv) -> None:
    """Names are compared after PEP 503, ecosystems as written."""
    record = osv(package="My_Pkg.x", versions=["1.0"])
    assert judge(record, "1.0", "my-pkg-x") is Match.YES
    assert judge(record, "1.0", "my-pkg") is Match.NO
    record["affected"][0]["package"]["ecosystem"] = "npm"
    assert judge(record, "1.0", "my-pkg-x") is Match.NO


@pytest.mark.parametrize(
    "events",
    [
        [{"introduced": "0"}, {"fixed": "not a version"}],
        [{"introduced": "r12"}],
        [{"fixed": "1.0"}],
        [],
        [{"introduced": "0"}, {"limit": "head"}],
        [{"introduced": "0"}, {"fixed": "9" * 5_000}],
    ],
)
def test_a_range_that_cannot_be_compared_counts_as_affected(osv: Osv, events: list[Any]) -> None:
    """Undecidable is not clean, and it is told apart from a real match."""
    assert judge(osv(events=events), "5.0") is Match.UNCERTAIN


def test_an_entry_without_versions_and_ranges_counts_as_affected(osv: Osv) -> None:
    """The record names the package and says no more."""
    assert judge(osv(), "5.0") is Match.UNCERTAIN


def test_a_version_that_is_none_counts_as_affected_unless_listed(osv: Osv) -> None:
    """Text that PEP 440 does not know can only be found in the list."""
    assert judge(osv(versions=["2004d-beta"]), "2004d-beta") is Match.YES
    assert judge(osv(events=[{"introduced": "0"}, {"fixed": "1"}]), "2004d-beta") is Match.UNCERTAIN


_VERSIONS = st.lists(st.integers(0, 4), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))


@given(
    version=_VERSIONS,
    pairs=st.lists(st.tuples(_VERSIONS, _VERSIONS), min_size=1, max_size=4),
    seed=st.randoms(),
)
def test_disjoint_ranges_are_the_union_of_their_intervals(
    version: str, pairs: list[tuple[str, str]], seed: Any
) -> None:
    """For ranges that do not overlap the walk agrees with asking each interval by itself, in any order."""
    bounds = sorted({Version(text) for pair in pairs for text in pair})
    intervals = list(zip(bounds[::2], bounds[1::2], strict=False))
    events = [event for low, high in intervals for event in ({"introduced": f"{low}"}, {"fixed": f"{high}"})]
    if not events:
        return
    seed.shuffle(events)
    record = {
        "id": "GKT-1",
        "modified": "2024-05-06T14:20:59Z",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": "pkg"},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }
    advisory = msgspec.convert(record, Advisory)
    # The text "0" means "from the beginning", and nothing here is before it.
    inside = any(low <= Version(version) < high for low, high in intervals)
    answer = match(advisory, ecosystem="PyPI", name="pkg", version=version)
    assert answer is (Match.YES if inside else Match.NO)
