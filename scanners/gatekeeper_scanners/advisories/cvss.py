"""CVSS vectors to base scores."""

from decimal import Decimal

from cvss import CVSS2, CVSS3, CVSS4  # type: ignore[import-untyped]  # the library ships no types
from cvss.exceptions import CVSSError  # type: ignore[import-untyped]  # as above

_MAX_VECTOR_CHARS = 400
"""The longest vector of v4.0 with every optional metric has about 250 characters."""


def base_score(vector: str) -> Decimal | None:
    """The base score of a CVSS 2.0, 3.0, 3.1 or 4.0 vector, 0.0 to 10.0; None when it is not one.

    Temporal, threat and environmental metrics are left out of the score for versions 2 and 3. CVSS 4.0
    knows one score, in which metrics beside the base ones count when a vector carries them.
    """
    if len(vector) > _MAX_VECTOR_CHARS or not vector.isascii():
        return None
    try:
        if vector.startswith("CVSS:4.0/"):
            score = CVSS4(vector).base_score
        elif vector.startswith("CVSS:"):
            score = CVSS3(vector).base_score
        else:
            score = CVSS2(vector).base_score
    except CVSSError:
        return None
    return Decimal(str(score)).quantize(Decimal("0.1"))
