"""Floor: one regular expression per record builds {file: {line: hits}}; no check, no number but the hits."""

import json
import re
import sys

_FILE = re.compile(rb"^SF:(.*)$", re.MULTILINE)
_LINE = re.compile(rb"^DA:(\d+),(\d+)", re.MULTILINE)


def main(path: str) -> None:
    """Print the line totals of the report at `path`."""
    files: dict[bytes, dict[int, int]] = {}
    with open(path, "rb") as stream:
        for record in stream.read().split(b"end_of_record"):
            if found := _FILE.search(record):
                files[found[1]] = {int(line): int(hits) for line, hits in _LINE.findall(record)}
    total = sum(map(len, files.values()))
    covered = sum(hits > 0 for found in files.values() for hits in found.values())
    print(json.dumps({"covered": covered, "total": total}))


main(sys.argv[1])
