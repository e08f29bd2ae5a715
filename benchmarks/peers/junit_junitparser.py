"""Peer: junitparser, which builds the whole tree."""

import json
import sys
from collections.abc import Iterator

from junitparser import Failure, JUnitXml, TestCase, TestSuite


def cases(node: JUnitXml | TestSuite) -> Iterator[TestCase]:
    """Every case below `node`, at any depth."""
    for child in node:
        if isinstance(child, TestCase):
            yield child
        else:
            yield from cases(child)
    if isinstance(node, TestSuite):
        for suite in node.testsuites():
            yield from cases(suite)


def main(path: str) -> None:
    """Print the counts of the report at `path`."""
    total = failed = 0
    for case in cases(JUnitXml.fromfile(path)):
        total += 1
        failed += any(isinstance(result, Failure) for result in case.result)
    print(json.dumps({"total": total, "failed": failed}))


main(sys.argv[1])
