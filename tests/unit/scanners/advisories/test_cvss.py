"""Base scores of CVSS vectors, against the scores that were published with them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper_scanners.advisories.cvss import base_score


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        # Named by the CVE that they rate, most of them in the examples of the specifications.
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", "6.4"),  # CVE-2013-0375
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", "6.1"),  # CVE-2013-1937
        ("CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", "3.1"),  # CVE-2014-3566 POODLE
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", "9.9"),  # CVE-2012-1516
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "7.5"),  # CVE-2014-0160 Heartbleed
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "9.8"),  # CVE-2014-6271 Shellshock
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", "10.0"),  # CVE-2021-44228 Log4Shell
        ("CVSS:3.1/AV:A/AC:H/PR:H/UI:N/S:U/C:H/I:N/A:N", "4.2"),  # CVE-2023-45803
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", "0.0"),
        # Temporal metrics do not move the base score.
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:U", "9.8"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", "10.0"),  # CVE-2021-44228
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "9.3"),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", "0.0"),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", "7.5"),
        ("AV:N/AC:L/Au:N/C:N/I:N/A:C", "7.8"),  # CVE-2002-0392, of the v2 guide
    ],
)
def test_published_scores(vector: str, score: str) -> None:
    """Each vector has the score that was published with it."""
    assert base_score(vector) == Decimal(score)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9.8",
        "CVSS:3.1/",
        "CVSS:3.1/AV:N",
        "CVSS:9.9/AV:N/AC:L",
        "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:Z",
    ],
)
def test_what_is_no_vector_has_no_score(text: str) -> None:
    """No score is not a score of zero."""
    assert base_score(text) is None


@given(st.text(max_size=500) | st.text("CVSS:34.01/AVNLHPRUISECX", max_size=120))
def test_any_text_gives_a_score_in_range_or_none(text: str) -> None:
    """Hostile text never raises."""
    score = base_score(text)
    assert score is None or 0 <= score <= 10
