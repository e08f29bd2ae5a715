"""Floor: a bare expat loop that builds {file: {line: hits}} from every line element."""

import json
import sys
from xml.parsers import expat


def main(path: str) -> None:
    """Print the line totals of the report at `path`."""
    files: dict[str, dict[int, int]] = {}
    lines: dict[int, int] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal lines
        if name == "line":
            number, hits = int(attributes["number"]), int(attributes["hits"])
            if hits > lines.get(number, -1):
                lines[number] = hits
        elif name == "class":
            lines = files.setdefault(attributes["filename"], {})

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    with open(path, "rb") as stream:
        while chunk := stream.read(1024 * 1024):
            parser.Parse(chunk, False)
    parser.Parse(b"", True)
    total = sum(map(len, files.values()))
    covered = sum(hits > 0 for found in files.values() for hits in found.values())
    print(json.dumps({"covered": covered, "total": total}))


main(sys.argv[1])
