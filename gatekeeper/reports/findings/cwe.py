"""CWE numbers in all the shapes of tools: "CWE-79", "CWE-79: ...", "external/cwe/cwe-079", 79, lists."""

import re

_CWE = re.compile(r"\bcwe[-_ /:]{0,2}0*([1-9][0-9]{0,4})\b", re.IGNORECASE)


def cwe_numbers(value: object) -> tuple[int, ...]:
    """The distinct numbers in `value`, ascending; () for null, empty lists and text without a CWE."""
    return tuple(sorted(set(_numbers(value))))


def _numbers(value: object) -> list[int]:
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [value] if 0 < value < 100_000 else []
    if isinstance(value, str):
        return [int(number) for number in _CWE.findall(value)]
    if isinstance(value, list):
        return [number for item in value if not isinstance(item, list) for number in _numbers(item)]
    return []
