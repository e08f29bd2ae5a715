"""The part of CEL that rules may use, and what a checked expression reads.

The engine alone is not enough, which was measured with its version 0.1.3: findings are maps to it, so a wrong
key or a comparison with a wrong type compiles; `||` hides the error beside it; and `map` with sums of strings
takes all memory in 230 characters, within its budget of iterations. What stands here has a type in every
place, cannot make values that grow, and cannot hide an error.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from gatekeeper.finding import Severity
from gatekeeper.metrics import FINDING_KINDS
from gatekeeper.policy.diagnostic import nearest
from gatekeeper.policy.expression_strict import counted, kept_by
from gatekeeper.policy.expression_tree import Call, Constant, Ident, ListOf, Loop, Node, Select

BOOL, INT, DOUBLE, STRING, NULL = "bool", "int", "double", "string", "null"
FINDING = "finding"
FINDINGS = "list of finding"

FIELDS: Mapping[str, str] = {
    "kind": STRING, "rule": STRING, "severity": STRING, "path": STRING, "line": INT, "package": STRING,
    "version": STRING, "fixable": BOOL, "new": BOOL, "advisories": "list of string", "cwe": "list of int",
    "tool": STRING,
}  # fmt: skip
"""Keys of a finding and their types. `package` is written `pypi/lxml`."""

MAY_BE_NULL = frozenset({"path", "line", "package", "version"})
"""Keys whose value is null for some findings. Anything but `==` and `!=` on null is an error."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "severity": tuple(Severity),
    "kind": tuple(FINDING_KINDS),
}
"""Keys with few possible values: another word would never be equal."""

_COMPARED = ("_<_", "_<=_", "_>_", "_>=_")
_COUNTED = ("_+_", "_-_", "_*_", "_/_", "_%_")
_ON_TEXT = ("startsWith", "endsWith", "contains", "matches")


class NotAllowed(Exception):
    """The expression uses something that rules may not use; the text says what and what to write instead."""


@dataclass
class Reads:
    """What an expression reads."""

    variables: dict[str, int] = field(default_factory=dict)
    """How often each is named."""
    fields: set[str] = field(default_factory=set)
    """Keys of findings."""


def understand(tree: Node, types: Mapping[str, str]) -> Reads:
    """What the tree reads, once it is certain that its value is true or false.

    Raises:
        NotAllowed: it uses more of CEL than rules may, or compares what is never equal.
    """
    reads = Reads()
    _want(BOOL, _type(tree, dict(types), reads), "the expression")
    return reads


def _type(node: Node, scope: dict[str, str], reads: Reads) -> str:
    match node:
        case Constant():
            if node.type not in (BOOL, INT, DOUBLE, STRING, NULL):
                raise NotAllowed(f"a value of type {node.type} cannot be compared with anything here")
            return node.type
        case Ident():
            return _variable(node.name, scope, reads)
        case Select():
            return _key(node, scope, reads)
        case ListOf():
            return _list(node, scope, reads)
        case Loop():
            return _loop(node, scope, reads)
        case Call():
            return _call(node, scope, reads)


def _variable(name: str, scope: Mapping[str, str], reads: Reads) -> str:
    if name not in scope:
        raise NotAllowed(f"{name!r} is not in `needs`")
    reads.variables[name] = reads.variables.get(name, 0) + 1
    return scope[name]


def _key(node: Select, scope: dict[str, str], reads: Reads) -> str:
    _want(FINDING, _type(node.operand, scope, reads), f"what stands before `.{node.field}`")
    if node.field not in FIELDS:
        raise NotAllowed(f"a finding has no {node.field!r}; {nearest(node.field, FIELDS)}")
    if node.is_test:
        raise NotAllowed(f"`has` is always true: every finding has {node.field!r}; compare it with null")
    reads.fields.add(node.field)
    return FIELDS[node.field]


def _list(node: ListOf, scope: dict[str, str], reads: Reads) -> str:
    kinds = {_type(element, scope, reads) for element in node.elements}
    if len(kinds) != 1 or not kinds <= {INT, DOUBLE, STRING}:
        raise NotAllowed(
            "a list that is written out holds numbers or texts, all of one type, and is not empty"
        )
    return f"list of {kinds.pop()}"


def _loop(node: Loop, scope: dict[str, str], reads: Reads) -> str:
    if node.variable in scope:
        raise NotAllowed(f"{node.variable!r} is the name of something else already")
    element = _element(_type(node.over, scope, reads), "`all`, `exists` and `filter`")
    inner = scope | {node.variable: element}
    start = node.start.type if isinstance(node.start, Constant) else None
    match node.step:
        case Call(function="_&&_" | "_||_", args=(_, condition)) if start == BOOL:
            _want(BOOL, _type(condition, inner, reads), "the condition of `all` or `exists`")
            return BOOL
        case Call(function="_?_:_", args=(condition, _, _)) if start == INT:
            _want(BOOL, _type(condition, inner, reads), "the condition of `exists_one`")
            return BOOL
    if kept_by(node) is not None:
        raise NotAllowed("`filter` is for counting: write `x.filter(f, ...).size()`, or `all` or `exists`")
    raise NotAllowed("`map` is not for rules; use `all`, `exists`, `exists_one`, or `filter` with `size`")


def _call(node: Call, scope: dict[str, str], reads: Reads) -> str:
    counting = counted(node)
    if counting is not None:
        _loop(counting, scope, reads)
        return INT
    operands = (*([node.target] if node.target is not None else []), *node.args)
    types = [_type(operand, scope, reads) for operand in operands]
    name = node.function.strip("_@")
    match node.function, types:
        case ("!_" | "_&&_" | "_||_", _) if all(one == BOOL for one in types):
            return BOOL
        case ("_==_" | "_!=_", [left, right]):
            _check_equal(operands[0], operands[1], left, right)
            return BOOL
        case (function, [left, right]) if function in _COMPARED and left == right and left in (INT, DOUBLE):
            return BOOL
        case ("@in", [left, right]) if right == f"list of {left}":
            for element in operands[1].elements if isinstance(operands[1], ListOf) else ():
                _check_word(operands[0], element)
            return BOOL
        case ("_/_", ["double", "double"]) if not _is_number(operands[1]):
            # Divided by zero it is infinite, which is above every bound.
            raise NotAllowed("a division by what may be 0.0; write `a >= 0.5 * b` for `a / b >= 0.5`")
        case (function, [left, right]) if function in _COUNTED and left == right and left in (INT, DOUBLE):
            return left
        case ("-_", [only]) if only in (INT, DOUBLE):
            return only
        case ("_?_:_", [found, left, right]) if found == BOOL and left == right:
            return left
        case ("size", [only]) if only == STRING or only.startswith("list of "):
            return INT
        case ("_[_]", ["list of finding", _]):
            raise NotAllowed("findings are not taken by their position; use `all` or `exists`")
        case ("_[_]", [found, index]) if found.startswith("list of ") and index == INT:
            return _element(found, "`[ ]`")
        case ("double" | "int", [only]) if only in (INT, DOUBLE):
            return node.function
        case (function, [left, right]) if function in _ON_TEXT and left == right == STRING:
            if function == "matches" and not isinstance(operands[1], Constant):
                raise NotAllowed("`matches` takes a pattern that is written out")
            return BOOL
    raise NotAllowed(f"`{name}` cannot be used here on {', '.join(types) or 'nothing'}")


def _is_number(node: Node) -> bool:
    """True for a number that is written out and is not zero."""
    return isinstance(node, Constant) and len(node.raw) == 9 and struct.unpack("<d", node.raw[1:])[0] != 0


def _check_equal(one: Node, other: Node, left: str, right: str) -> None:
    for operand, null in ((one, right), (other, left)):
        if null == NULL and not (isinstance(operand, Select) and operand.field in MAY_BE_NULL):
            raise NotAllowed(f"only {', '.join(sorted(MAY_BE_NULL))} of a finding can be null")
    if NULL not in (left, right) and (left != right or left not in (BOOL, INT, DOUBLE, STRING)):
        raise NotAllowed(f"{left} and {right} cannot be compared")
    _check_word(one, other)
    _check_word(other, one)


def _check_word(key: Node, word: Node) -> None:
    if not isinstance(key, Select) or not isinstance(word, Constant) or word.text is None:
        return
    words = _WORDS.get(key.field)
    if words is not None and word.text not in words:
        raise NotAllowed(f"no finding has the {key.field} {word.text!r}; {nearest(word.text, words)}")


def _element(found: str, what: str) -> str:
    if not found.startswith("list of "):
        raise NotAllowed(f"{what} are for lists, and this is a {found}")
    return found.removeprefix("list of ")


def _want(wanted: str, found: str, what: str) -> None:
    if found != wanted:
        raise NotAllowed(f"{what} must be a {wanted}, and is a {found}")
