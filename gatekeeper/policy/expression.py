"""Conditions in CEL: the one place that knows the engine `cel-expr-python`.

An answer is true, false, or a failure; nothing else counts. The engine returns errors as values, and those
are truthy, so only a BOOL that `is True` is a yes.
"""

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatekeeper.finding import Finding
from gatekeeper.metrics import METRICS, Unit
from gatekeeper.policy.expression_strict import TIMES, each_of, strict
from gatekeeper.policy.expression_subset import (
    DOUBLE,
    FINDINGS,
    INT,
    MAY_BE_NULL,
    NotAllowed,
    Reads,
    understand,
)
from gatekeeper.policy.expression_tree import UnknownTree, read_tree, tree_bytes
from gatekeeper.policy.finding_rows import FindingRows, Row
from gatekeeper.policy.model import Expression, Need

MAX_SOURCE = 2_000
"""Characters."""

Fact = int | float | FindingRows
"""A count, a percentage, or the open findings of a kind."""

_LARGEST = 2**63
_ABOUT = {
    "divide by zero": "division-by-zero",
    "modulus by zero": "division-by-zero",
    "overflow": "too-large",
    "out of int64 range": "too-large",
    "Iteration budget": "too-many-findings",
    "Index error": "no-such-element",
    "No matching overloads": "null",
    "regular expression": "pattern",
}
"""What the engine's words are about; the words themselves may change with its version."""
_ARROWS = re.compile(r"\n \|[^\n]*")


@dataclass(frozen=True)
class NoAnswer:
    """The expression has no value: a code, which stays the same whatever version the engine has."""

    code: str


class NotUsable(Exception):
    """The expression cannot be a condition of a rule; the text says why and what to write."""


@dataclass(frozen=True)
class _Ready:
    program: Any
    reads: Reads
    on_each: str | None


def check_expression(expression: Expression) -> str | None:
    """What is wrong with `expression`, in words for its author; None when it can be judged.

    It must be true or false for good facts, for facts of zero, and for findings without place and package.
    """
    try:
        ready = _ready(expression)
    except NotUsable as exc:
        return str(exc)
    if not expression.needs:
        return "reads no facts, so it proves nothing"
    for need in expression.needs:
        if need.variable not in ready.reads.variables:
            return f"does not read {need.variable!r}, which `needs` names"
    for what, number, samples in _SAMPLES:
        values = {need.variable: _sample(need, number, samples) for need in expression.needs}
        answer = _run(ready, values)
        if isinstance(answer, NoAnswer):
            return f"has no value {what}: {_HINTS.get(answer.code, answer.code)}"
    return None


def holds(expression: Expression, values: Mapping[str, Fact]) -> bool | NoAnswer:
    """True or false for `values`, which has every variable of `needs`; else why there is no answer."""
    try:
        ready = _ready(expression)
    except NotUsable:
        return NoAnswer("not-usable")
    facts: dict[str, Any] = {}
    for need in expression.needs:
        value = values.get(need.variable)
        if isinstance(value, FindingRows):
            facts[need.variable] = value.distinct(frozenset(ready.reads.fields))
        else:
            facts[need.variable] = value
    return _run(ready, facts)


def breaking(expression: Expression, values: Mapping[str, Fact]) -> tuple[Finding, ...]:
    """The findings that make `expression` false, in their order; empty when it is no condition on each."""
    ready = _ready(expression)
    variable = ready.on_each
    rows = None if variable is None else values.get(variable)
    if variable is None or not isinstance(rows, FindingRows):
        return ()
    facts = {name: value for name, value in values.items() if not isinstance(value, FindingRows)}
    return rows.findings_of(
        frozenset(ready.reads.fields), lambda row: _run(ready, facts | {variable: [row]}) is False
    )


def _run(ready: _Ready, facts: Mapping[str, Any]) -> bool | NoAnswer:
    if not all(_is_fact(value) for value in facts.values()):
        return NoAnswer("not-a-number")
    try:
        value = ready.program.eval(data=dict(facts))
        plain = value.value()
    except (RuntimeError, TypeError, ValueError, OverflowError, MemoryError) as exc:
        return NoAnswer(_about(str(exc)))
    if value.type() == _engine().Type.BOOL and (plain is True or plain is False):
        return bool(plain)
    return NoAnswer(_about(str(plain)))


def _is_fact(value: object) -> bool:
    """True for what the engine may see: no truth values for counts, no NaN, nothing beyond 64 bits."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    return isinstance(value, list) or (isinstance(value, float) and math.isfinite(value))


def _about(words: str) -> str:
    return next((code for part, code in _ABOUT.items() if part in words), "error")


@functools.lru_cache(maxsize=1_000)
def _ready(expression: Expression) -> _Ready:
    """Compiled, understood, and made strict.

    Raises:
        NotUsable: it does not compile, or is not in the subset for rules.
    """
    source = expression.source
    if len(source) > MAX_SOURCE:
        raise NotUsable(f"is {len(source):,} characters long; the limit is {MAX_SOURCE:,}")
    cel = _engine()
    types = {need.variable: _type_of(need) for need in expression.needs}
    known = {
        INT: cel.Type.INT,
        DOUBLE: cel.Type.DOUBLE,
        FINDINGS: cel.Type.List(cel.Type.Map(cel.Type.STRING, cel.Type.DYN)),
    }
    try:
        env = cel.NewEnv(variables={name: known[kind] for name, kind in types.items()})
        compiled = env.compile(source)
        tree = read_tree(compiled.serialize())
        reads = understand(tree, types)
        findings = frozenset(name for name, kind in types.items() if kind == FINDINGS)
        program = env.deserialize(tree_bytes(strict(tree, findings)))
    except (RuntimeError, TypeError, ValueError) as exc:
        raise NotUsable(_in_words(str(exc))) from exc
    except UnknownTree as exc:
        raise NotUsable(f"is more than a rule may say: {exc}") from exc
    except NotAllowed as exc:
        raise NotUsable(str(exc)) from exc
    each = each_of(tree)
    return _Ready(program, reads, each if each and reads.variables[each] == 1 else None)


@functools.cache
def _engine() -> Any:
    """The engine, loaded when the first expression needs it: most policies have none."""
    from cel_expr_python import cel  # type: ignore[import-untyped]  # its wheel has no py.typed

    return cel


def _in_words(error: str) -> str:
    """What the engine says of a fault, without its wrapping; the place is line:column."""
    if "recursion limit" in error:
        return "is nested too deep"
    if "incompatible function arguments" in error:
        return "holds characters that have no UTF-8 form"
    text = _ARROWS.sub("", error).replace("INVALID_ARGUMENT: ", "").replace(" [INVALID_ARGUMENT]", "")
    text = text.replace("ERROR: <input>:", "at ").replace(" (in container '')", "").split("\n")[0][:300]
    if "(double, int)" in text or "(int, double)" in text:
        text += "; percentages are compared with numbers that have a point, such as 80.0"
    return text


def _type_of(need: Need) -> str:
    if need.metric is None:
        return FINDINGS
    return DOUBLE if METRICS[need.metric.metric].unit is Unit.PERCENT else INT


_FULL: Row = {
    "kind": "sca", "rule": "R1", "severity": "high", "path": "app/pay.py", "line": 3, "package": "pypi/lxml",
    "version": "5.2.1", "fixable": True, "new": True, "advisories": ["CVE-2026-1"], "cwe": [79], "tool": "t",
    TIMES: 1,
}  # fmt: skip
_BARE: Row = _FULL | dict.fromkeys(MAY_BE_NULL) | {"advisories": [], "cwe": [], "fixable": False}
_SAMPLES: tuple[tuple[str, int, list[Row]], ...] = (
    ("for good facts", 1, [_FULL, _FULL | {"severity": "low", "new": False}]),
    ("when everything is zero", 0, []),
    ("for a finding without path, line and package", 1, [_BARE]),
)
_HINTS = {
    "division-by-zero": "it divides by zero; write `b != 0 && a / b ...`",
    "null": "path, line, package and version can be null; write `f.path != null && ...`",
    "no-such-element": "it takes an element that is not there; look at `size` first",
    "too-large": "a number becomes too large",
    "pattern": "the pattern of `matches` is none (RE2 syntax)",
}


def _sample(need: Need, number: int, rows: list[Row]) -> Any:
    if need.metric is None:
        return rows
    return float(number) if _type_of(need) == DOUBLE else number
