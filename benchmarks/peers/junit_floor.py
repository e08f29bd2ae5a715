"""Floor: a bare expat loop that collects each case with the text of its failures."""

import json
import sys
from xml.parsers import expat


def main(path: str) -> None:
    """Print the counts of the report at `path`."""
    rows: list[tuple[str | None, str | None, str | None, str]] = []
    case: dict[str, str] = {}
    outcome, text = "passed", []

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal case, outcome
        if name == "testcase":
            case, outcome = attributes, "passed"
        elif name in {"failure", "error", "skipped"}:
            outcome = name

    def end(name: str) -> None:
        if name == "testcase":
            rows.append((case.get("classname"), case.get("name"), case.get("time"), outcome))
        elif name == "failure":
            text.clear()

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text.append
    with open(path, "rb") as stream:
        while chunk := stream.read(1024 * 1024):
            parser.Parse(chunk, False)
    parser.Parse(b"", True)
    failed = sum(row[3] == "failure" for row in rows)
    print(json.dumps({"total": len(rows), "failed": failed}))


main(sys.argv[1])
