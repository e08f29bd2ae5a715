"""The checked syntax tree of a CEL expression, read from the bytes that the engine writes, and written back.

The bytes are `cel.expr.CheckedExpr` in a `google.protobuf.Any` (cel-spec, proto/cel/expr). Only what the
subset of `expression_subset` needs is read; anything else is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MAX_DEPTH = 100
"""Levels of a tree; a sum of so many terms is one."""

_TYPE_URL = b"type.googleapis.com/cel.expr.CheckedExpr"
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class UnknownTree(Exception):
    """The bytes hold something that is not read here, or are nested too deep."""


@dataclass(frozen=True)
class Constant:
    """A literal. `type` is its CEL type; `raw` are its bytes."""

    type: str
    raw: bytes
    text: str | None = None
    """The content of a string."""


@dataclass(frozen=True)
class Ident:
    """A variable, by its whole name: `sca.findings`."""

    name: str


@dataclass(frozen=True)
class Select:
    """`operand.field`, or `has(operand.field)`."""

    operand: "Node"
    field: str
    is_test: bool


@dataclass(frozen=True)
class Call:
    """A function or operator; `x.f(y)` has the target x."""

    function: str
    target: "Node | None"
    args: tuple["Node", ...]


@dataclass(frozen=True)
class ListOf:
    """A list written out."""

    elements: tuple["Node", ...]


@dataclass(frozen=True)
class Loop:
    """What `all`, `exists`, `exists_one`, `filter` and `map` are made of."""

    variable: str
    over: "Node"
    result: str
    start: "Node"
    condition: "Node"
    step: "Node"
    end: "Node"


Node = Constant | Ident | Select | Call | ListOf | Loop

_CONSTANTS = {1: "null", 2: "bool", 3: "int", 4: "uint", 5: "double", 6: "string", 7: "bytes"}


def read_tree(data: bytes) -> Node:
    """The tree in what `serialize()` of the engine gives.

    Raises:
        UnknownTree: it holds something else, or is nested deeper than MAX_DEPTH.
    """
    outer = dict(_fields(data))
    if outer.get(1) != _TYPE_URL:
        raise UnknownTree("not a checked expression")
    found = [value for number, value in _fields(_sub(outer.get(2))) if number == 4]
    if len(found) != 1:
        raise UnknownTree("no expression")
    return _node(_sub(found[0]), 0)


def tree_bytes(node: Node) -> bytes:
    """`node` in the form that the engine's `deserialize` reads."""
    body, _ = _written(node, 1)
    return _field(1, _TYPE_URL) + _field(2, _field(4, body))


def _node(data: bytes, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise UnknownTree(f"nested deeper than {MAX_DEPTH} levels")
    for number, value in _fields(data):
        if number == 2:  # the id of the node
            continue
        inner = _sub(value)
        match number:
            case 3:
                return _constant(inner)
            case 4:
                return Ident(name=_text(dict(_fields(inner)).get(1, b"")))
            case 5:
                return _select(inner, depth)
            case 6:
                return _call(inner, depth)
            case 7:
                return ListOf(tuple(_node(_sub(v), depth + 1) for n, v in _fields(inner) if n == 1))
            case 9:
                return _loop(inner, depth)
            case _:
                raise UnknownTree("a map or a message is made")
    raise UnknownTree("an empty node")


def _constant(data: bytes) -> Constant:
    number, value = next(_fields(data), (0, b""))
    if number not in _CONSTANTS:
        raise UnknownTree("a constant of an unknown type")
    return Constant(_CONSTANTS[number], data, _text(value) if number == 6 else None)


def _select(data: bytes, depth: int) -> Select:
    parts = dict(_fields(data))
    return Select(_node(_sub(parts.get(1)), depth + 1), _text(parts.get(2, b"")), bool(parts.get(3)))


def _call(data: bytes, depth: int) -> Call:
    parts = list(_fields(data))
    target = [_node(_sub(value), depth + 1) for number, value in parts if number == 1]
    names = [_text(value) for number, value in parts if number == 2]
    args = tuple(_node(_sub(value), depth + 1) for number, value in parts if number == 3)
    return Call(names[0] if names else "", target[0] if target else None, args)


def _loop(data: bytes, depth: int) -> Loop:
    parts = dict(_fields(data))
    if 8 in parts:
        raise UnknownTree("a loop over two variables")
    over, start, condition, step, end = (_node(_sub(parts.get(n)), depth + 1) for n in (2, 4, 5, 6, 7))
    return Loop(_text(parts.get(1, b"")), over, _text(parts.get(3, b"")), start, condition, step, end)


def _written(node: Node, number: int) -> tuple[bytes, int]:
    """The bytes of a node whose id is `number`, and the first number that is free afterwards."""
    free = number + 1

    def sub(field: int, child: Node) -> bytes:
        nonlocal free
        body, free = _written(child, free)
        return _field(field, body)

    match node:
        case Constant():
            body = _field(3, node.raw)
        case Ident():
            body = _field(4, _field(1, node.name.encode()))
        case Select():
            test = b"\x18\x01" if node.is_test else b""
            body = _field(5, sub(1, node.operand) + _field(2, node.field.encode()) + test)
        case Call():
            target = b"" if node.target is None else sub(1, node.target)
            args = b"".join(sub(3, arg) for arg in node.args)
            body = _field(6, target + _field(2, node.function.encode()) + args)
        case ListOf():
            body = _field(7, b"".join(sub(1, element) for element in node.elements))
        case Loop():
            parts = ((2, node.over), (4, node.start), (5, node.condition), (6, node.step), (7, node.end))
            names = _field(1, node.variable.encode()) + _field(3, node.result.encode())
            body = _field(9, names + b"".join(sub(field, child) for field, child in parts))
    return b"\x10" + _varint(number) + body, free


def _fields(data: bytes) -> Iterator[tuple[int, bytes | int]]:
    """The fields of a protobuf message as (number, value); fixed-width values as bytes."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _read_varint(data, at)
        elif wire in (_EIGHT, _FOUR):
            size = 8 if wire == _EIGHT else 4
        else:
            raise UnknownTree("not protobuf")
        if at + size > len(data):
            raise UnknownTree("cut off")
        yield number, data[at : at + size]
        at += size


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise UnknownTree("cut off")


def _sub(value: bytes | int | None) -> bytes:
    if not isinstance(value, bytes):
        raise UnknownTree("a part is missing")
    return value


def _text(value: bytes | int) -> str:
    return _sub(value).decode()


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
