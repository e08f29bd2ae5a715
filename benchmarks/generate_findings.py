"""Large finding reports: the structure that CodeQL and Semgrep write, repeated with a fixed seed."""

import json
import random
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

_SEED = 7
_RULES = 120
_FILES = 2_000


def sarif(path: Path, findings: int) -> None:
    """Write a SARIF 2.1.0 log of `findings` results (about 0.7 kB each) to `path`.

    120 rules with tags and security-severity, 2,000 files, a snippet and an own message per result.
    """
    _write(path, islice(_results(), findings))


def sarif_of_size(path: Path, megabytes: float) -> None:
    """Write the same log with as many results as make about `megabytes` MB."""
    _write(path, _results_until(megabytes * 1e6))


def _write(path: Path, results: Iterable[str]) -> None:
    driver = {
        "name": "CodeQL",
        "semanticVersion": "2.23.5",
        "rules": [_rule(number) for number in range(_RULES)],
    }
    with path.open("w", encoding="utf-8") as out:
        out.write(
            '{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":'
        )
        out.write(json.dumps({"driver": driver}))
        out.write(
            ',"invocations":[{"executionSuccessful":true,"endTimeUtc":"2026-11-23T06:00:00Z"}],"results":['
        )
        for number, result in enumerate(results):
            out.write((",\n" if number else "\n") + result)
        out.write("\n]}]}\n")


def _results() -> Iterator[str]:
    chance = random.Random(_SEED)  # noqa: S311  # the same bytes every time
    return (json.dumps(_result(number, chance)) for number in count())


def _results_until(size: float) -> Iterator[str]:
    results = _results()
    while size > 0:
        result = next(results)
        size -= len(result)
        yield result


def _rule(number: int) -> dict[str, Any]:
    severity: dict[str, Any] = {"security-severity": f"{number % 10}.{number % 7 + 1}"} if number % 3 else {}
    return {
        "id": f"py/rule-{number}",
        "name": f"Rule{number}",
        "shortDescription": {"text": f"What rule {number} looks for."},
        "fullDescription": {"text": f"What rule {number} looks for, at length. " * 4},
        "defaultConfiguration": {"level": ("error", "warning", "note")[number % 3]},
        "properties": {"tags": ["security", f"external/cwe/cwe-{number + 20:03}"], "precision": "high"}
        | severity,
    }


def _result(number: int, chance: random.Random) -> dict[str, Any]:
    rule = chance.randrange(_RULES)
    file = chance.randrange(_FILES)
    line = chance.randrange(1, 3_000)
    code = f"    value_{number if number % 50 else file} = handler.load(request.args['key_{line % 97}'])"
    return {
        "ruleId": f"py/rule-{rule}",
        "ruleIndex": rule,
        "rule": {"id": f"py/rule-{rule}", "index": rule},
        "message": {
            "text": f"This value of request {number} reaches a dangerous call; it comes from key_{line % 97}."
        },
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {
                        "uri": f"src/package_{file % 40}/module_{file}.py",
                        "uriBaseId": "%SRCROOT%",
                        "index": file,
                    },
                    "region": {
                        "startLine": line,
                        "startColumn": 5,
                        "endColumn": 60,
                        "snippet": {"text": code},
                    },
                    "contextRegion": {"startLine": max(1, line - 1), "endLine": line + 1},
                }
            }
        ],
        "properties": {"issue_confidence": "HIGH"},
    }
