"""A large JUnit report like those of a big suite: 4 % of the cases fail with a trace of 1 KB."""

import random
from pathlib import Path

_CASES_PER_SUITE = 200
_TRACE = "\n".join(
    f'  File "app/module_{n}.py", line {10 * n}, in call_{n}\n    value = handler(request, {n})'
    for n in range(13)
)


def junit(path: Path, megabytes: float) -> None:
    """Write a report of at least `megabytes` MB to `path`; the same bytes every time."""
    rng = random.Random(7)  # noqa: S311 - the same file every time, not a secret
    limit = int(megabytes * 1_000_000)
    with path.open("w", encoding="utf-8", newline="\n") as out:
        written = out.write("<?xml version='1.0' encoding='utf-8'?>\n<testsuites name=\"all\">\n")
        suite = 0
        while written < limit:
            written += out.write(_suite(rng, suite))
            suite += 1
        out.write("</testsuites>\n")


def _suite(rng: random.Random, number: int) -> str:
    rows = []
    failures = skipped = 0
    for case in range(_CASES_PER_SUITE):
        head = (
            f'<testcase classname="tests.unit.area_{number % 40}.test_module_{number}.TestThing" '
            f'name="test_case_{case}[param-{rng.randrange(1000)}]" time="{rng.random():.3f}"'
        )
        chance = rng.random()
        if chance < 0.04:
            failures += 1
            rows.append(
                f'{head}><failure message="assert {case} == {case + 1}">{_TRACE}</failure></testcase>'
            )
        elif chance < 0.06:
            skipped += 1
            rows.append(f'{head}><skipped message="not on this platform"/></testcase>')
        else:
            rows.append(head + "/>")
    start = (
        f'<testsuite name="suite-{number}" tests="{_CASES_PER_SUITE}" failures="{failures}" errors="0" '
        f'skipped="{skipped}" time="10.0" timestamp="2026-11-20T10:00:00+00:00">'
    )
    return "\n".join((start, *rows, "</testsuite>\n"))
