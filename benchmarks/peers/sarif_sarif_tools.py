"""Peer: sarif-tools, which loads the log as plain objects and makes a record of each result."""

import json
import sys

from sarif.loader import load_sarif_file


def main(path: str) -> None:
    """Print the number of results in the log at `path`, as sarif-tools counts them."""
    log = load_sarif_file(path)
    print(json.dumps({"findings": len(log.get_records())}))


main(sys.argv[1])
