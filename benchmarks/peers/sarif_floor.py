"""Floor: msgspec decodes five fields of each result into typed structs; nothing is computed."""

import gc
import json
import sys

import msgspec


class Text(msgspec.Struct):
    """A message."""

    text: str = ""


class Artifact(msgspec.Struct):
    """A file."""

    uri: str = ""


class Region(msgspec.Struct):
    """A place in it."""

    startLine: int = 0  # noqa: N815  (the name in SARIF)


class Physical(msgspec.Struct):
    """File and place."""

    artifactLocation: Artifact = msgspec.field(default_factory=Artifact)  # noqa: N815  # as above
    region: Region = msgspec.field(default_factory=Region)


class Where(msgspec.Struct):
    """A location."""

    physicalLocation: Physical = msgspec.field(default_factory=Physical)  # noqa: N815  # as above


class Result(msgspec.Struct):
    """A result."""

    ruleId: str = ""  # noqa: N815  # as above
    level: str = "warning"
    message: Text = msgspec.field(default_factory=Text)
    locations: list[Where] = []


class Run(msgspec.Struct):
    """A run."""

    results: list[Result] = []


class Log(msgspec.Struct):
    """A log."""

    runs: list[Run]


def main(path: str) -> None:
    """Print the number of results in the log at `path`."""
    gc.disable()
    with open(path, "rb") as stream:
        log = msgspec.json.decode(stream.read(), type=Log)
    print(json.dumps({"findings": sum(len(run.results) for run in log.runs)}))


main(sys.argv[1])
