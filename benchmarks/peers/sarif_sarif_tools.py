"""Peer: sarif-tools, which loads the log as plain objects and counts by level."""

import json
import sys

from sarif.loader import load_sarif_file


def main(path: str) -> None:
    """Print the number of results in the log at `path`, as sarif-tools counts them."""
    log = load_sarif_file(path)
    print(json.dumps({"findings": sum(log.get_result_count_by_severity().values())}))


main(sys.argv[1])
