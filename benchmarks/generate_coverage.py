"""Large coverage reports: the structure that real tools write, repeated with a fixed seed up to a size."""

import json
import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

_SEED = 7
_META = {
    "format": 3,
    "version": "7.17.3",
    "timestamp": "2026-11-23T06:18:43.846623",
    "branch_coverage": True,
    "show_contexts": False,
}


def cobertura(path: Path, megabytes: float) -> None:
    """Write a Cobertura report of about `megabytes` MB, laid out as Istanbul and coverage.py do."""
    head = (
        '<?xml version="1.0" ?>\n'
        '<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">\n'
        '<coverage version="7.17.3" timestamp="1795414723952" line-rate="0.8" complexity="0">\n'
        "<sources><source>/src</source></sources>\n<packages>\n"
        '<package name="app" line-rate="0.8" branch-rate="0.5" complexity="0"><classes>\n'
    )
    _write(path, megabytes, head, _classes(), lambda: "</classes></package></packages></coverage>\n")


def coverage_py(path: Path, megabytes: float) -> None:
    """Write a coverage.py JSON report of about `megabytes` MB (format 3: with functions and classes)."""
    totals = _summary(0, 0, 0, 0)
    head = f'{{"meta": {json.dumps(_META)}, "files": {{'
    _write(path, megabytes, head, _files(totals), lambda: f'}}, "totals": {json.dumps(totals)}}}')


def coverage_py_of_files(count: int) -> str:
    """The same report of `count` files."""
    totals = _summary(0, 0, 0, 0)
    files = "".join(islice(_files(totals), count))
    return f'{{"meta": {json.dumps(_META)}, "files": {{{files}}}, "totals": {json.dumps(totals)}}}'


def lcov(path: Path, megabytes: float) -> None:
    """Write an LCOV tracefile of about `megabytes` MB: one record per file, as c8 and nyc lay it out."""
    _write(path, megabytes, "TN:\n", _records(), lambda: "")


def _write(path: Path, megabytes: float, head: str, pieces: Iterator[str], tail: Callable[[], str]) -> None:
    room = megabytes * 1_000_000 - len(head)
    with path.open("w", encoding="ascii") as out:
        out.write(head)
        while room > 0:
            piece = next(pieces)
            out.write(piece)
            room -= len(piece)
        out.write(tail())


def _rows(chance: random.Random) -> list[tuple[int, int]]:
    """(line, hits) of one file: 60 to 600 statements with gaps, runs of missed lines."""
    line, hits, rows = 0, 1, []
    for _ in range(chance.randrange(60, 600)):
        line += chance.choice((1, 1, 1, 2, 3))
        if chance.random() < 0.15:
            hits = chance.choice((0, 1, 1, 4, 12, 250))
        rows.append((line, hits))
    return rows


def _classes() -> Iterator[str]:
    chance, number = random.Random(_SEED), 0  # noqa: S311 - a fixed seed is the point
    while True:
        number += 1
        name = f"app/package_{number % 97}/module_{number}.py"
        rows = _rows(chance)
        out = [f'<class name="module_{number}" filename="{name}" complexity="0">\n<methods/>\n<lines>\n']
        for line, hits in rows:
            if line % 9:
                out.append(f'\t\t<line number="{line}" hits="{hits}"/>\n')
            else:
                taken = 2 if hits > 1 else min(hits, 1)
                rate = f"{50 * taken}% ({taken}/2)"
                out.append(
                    f'\t\t<line number="{line}" hits="{hits}" branch="true" condition-coverage="{rate}"/>\n'
                )
        out.append("</lines>\n</class>\n")
        yield "".join(out)


def _summary(covered: int, total: int, taken: int, branches: int) -> dict[str, Any]:
    rate = 100.0 * covered / total if total else 100.0
    return {
        "covered_lines": covered,
        "num_statements": total,
        "percent_covered": rate,
        "percent_covered_display": f"{rate:.0f}",
        "missing_lines": total - covered,
        "excluded_lines": 0,
        "percent_statements_covered": rate,
        "percent_statements_covered_display": f"{rate:.0f}",
        "num_branches": branches,
        "num_partial_branches": 0,
        "covered_branches": taken,
        "missing_branches": branches - taken,
    }


def _region(rows: list[tuple[int, int]]) -> dict[str, Any]:
    ran = [line for line, hits in rows if hits]
    missed = [line for line, hits in rows if not hits]
    taken = [[line, line + 1] for line in ran if line % 9 == 0]
    untaken = [[line, line + 1] for line in missed if line % 9 == 0]
    return {
        "executed_lines": ran,
        "summary": _summary(len(ran), len(rows), len(taken), len(taken) + len(untaken)),
        "missing_lines": missed,
        "excluded_lines": [],
        "executed_branches": taken,
        "missing_branches": untaken,
    }


def _files(totals: dict[str, Any]) -> Iterator[str]:
    chance, number = random.Random(_SEED), 0  # noqa: S311 - a fixed seed is the point
    while True:
        number += 1
        rows = _rows(chance)
        parts = [rows[start : start + 40] for start in range(0, len(rows), 40)]
        file = _region(rows)
        file["functions"] = {f"function_{at}": _region(part) for at, part in enumerate(parts)}
        file["classes"] = {"": _region(rows)}
        for key, value in file["summary"].items():
            if isinstance(value, int):
                totals[key] += value
        name = f"app/package_{number % 97}/module_{number}.py"
        yield f"{', ' if number > 1 else ''}{json.dumps(name)}: {json.dumps(file)}"


def _records() -> Iterator[str]:
    chance, number = random.Random(_SEED), 0  # noqa: S311 - a fixed seed is the point
    while True:
        number += 1
        rows = _rows(chance)
        functions = rows[::40]
        branches = [(line, hits) for line, hits in rows if line % 9 == 0]
        out = [f"SF:app/package_{number % 97}/module_{number}.js\n"]
        out += [f"FN:{line},function_{line}\n" for line, _ in functions]
        out.append(f"FNF:{len(functions)}\nFNH:{sum(1 for _, hits in functions if hits)}\n")
        out += [f"FNDA:{hits},function_{line}\n" for line, hits in functions]
        out += [f"DA:{line},{hits}\n" for line, hits in rows]
        out.append(f"LF:{len(rows)}\nLH:{sum(1 for _, hits in rows if hits)}\n")
        out += [f"BRDA:{line},0,0,{hits}\nBRDA:{line},0,1,0\n" for line, hits in branches]
        out.append(f"BRF:{2 * len(branches)}\nBRH:{sum(1 for _, hits in branches if hits)}\nend_of_record\n")
        yield "".join(out)
