"""`gatekeeper policy test`: the examples that policy files carry."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree as Xml

import typer

from gatekeeper.cli import exits
from gatekeeper.cli.output import clean, put, put_or_save, say
from gatekeeper.cli.policy_files import policy_at
from gatekeeper.policy.testing import TestOutcome, never_failed, run_tests
from gatekeeper.reports.detection import POLICY_TEST_SUITES


def run_examples(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Policy files, or names of shipped ones.")
    ],
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the results as JUnit XML too.")
    ] = None,
) -> None:
    """Run the tests in policy files; name the rules that no test sees failing.

    Ends with 1 when a test fails, or when a file is refused or has no tests.

    Examples:
      gatekeeper policy test policy.yaml
      gatekeeper policy test rules/policies/*.yaml --junit policy-tests.xml
    """
    results = []
    for file in files:
        policy = policy_at(file)
        outcomes = run_tests(policy)
        results.append((file, outcomes))
        put("".join(_lines(file, outcomes)))
        if unseen := never_failed(policy):
            say(f"note: {file}: no test sees these rules failing: {', '.join(unseen)}")
    if junit is not None:
        put_or_save(_junit(results), junit)
    bad = sum(not outcome.passed for _, outcomes in results for outcome in outcomes)
    empty = [str(file) for file, outcomes in results if not outcomes]
    if empty:
        say(f"no tests in {', '.join(empty)}", hint="a policy without tests has shown nothing; add `tests:`")
    raise typer.Exit(exits.NO if bad or empty else exits.ALLOWED)


def _lines(file: Path, outcomes: Sequence[TestOutcome]) -> list[str]:
    passed = sum(outcome.passed for outcome in outcomes)
    lines = [f"{file}: {passed} of {len(outcomes)} passed\n"]
    for outcome in outcomes:
        lines.append(f"  {'pass' if outcome.passed else 'FAIL'}  {outcome.name}\n")
        lines += [f"        {difference}\n" for difference in _differences(file, outcome)]
    return [clean(line) for line in lines]


def _differences(file: Path, outcome: TestOutcome) -> list[str]:
    return [
        f"{file}:{outcome.line}: {one.key}: expected {one.expected}, got {one.actual}"
        for one in outcome.differences
    ]


def _junit(results: Sequence[tuple[Path, Sequence[TestOutcome]]]) -> str:
    root = Xml.Element("testsuites", {"name": POLICY_TEST_SUITES})
    for file, outcomes in results:
        suite = Xml.SubElement(
            root,
            "testsuite",
            {
                "name": clean(str(file)),
                "tests": str(len(outcomes)),
                "failures": str(sum(not outcome.passed for outcome in outcomes)),
                "errors": "0",
                "skipped": "0",
            },
        )
        for outcome in outcomes:
            case = Xml.SubElement(
                suite, "testcase", {"classname": clean(str(file)), "name": clean(outcome.name), "time": "0"}
            )
            if not outcome.passed:
                text = clean("\n".join(_differences(file, outcome)))
                Xml.SubElement(case, "failure", {"message": text.splitlines()[0]}).text = text
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"
