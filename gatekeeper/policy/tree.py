"""YAML bytes to a tree of plain values that know their line; everything surprising in YAML is refused.

No tags, no merge keys, no duplicate keys, no keys that are not text, no infinities; aliases are followed
within a budget. Decimals stay text, because a float would round them.
"""

import re
from collections.abc import Iterator
from io import StringIO

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from gatekeeper.policy.diagnostic import Diagnostic, PolicyRefused

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 50_000

_PREFIX = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,9}")
_DEEP = re.compile(rb"[\[{]{%d,}" % (MAX_DEPTH + 1))


class Decimal(msgspec.Struct, frozen=True):
    """A number with a point, as it stands in the file."""

    text: str


Plain = str | int | bool | Decimal | None


class Value(msgspec.Struct, frozen=True, kw_only=True):
    """A scalar, a list or a mapping at a place in the file."""

    file: str
    line: int
    path: str
    content: "Plain | tuple[Value, ...] | dict[str, Value]"

    def type_name(self) -> str:
        """The kind of value, for people."""
        match self.content:
            case None:
                return "nothing"
            case bool():
                return "a truth value"
            case int() | Decimal():
                return "a number"
            case str():
                return "text"
            case tuple():
                return "a list"
            case dict():
                return "a mapping"


def read_tree(data: bytes, *, file: str) -> Value:
    """The file as a tree.

    Raises:
        PolicyRefused: too large, not UTF-8, not YAML, or one of the constructs that are refused.
    """
    if len(data) > MAX_BYTES:
        raise _refused(file, 1, "", f"the file is {len(data):,} bytes; the limit is {MAX_BYTES:,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise PolicyRefused((Diagnostic(file=file, line=1, key="", message=f"not UTF-8: {exc}"),)) from exc
    return _Walk(file).value(_root(text, file), "", 0)


def _root(text: str, file: str) -> Node:
    # A directive could switch to YAML 1.1, where `no` is a truth value and 010 is eight.
    if text.lstrip().startswith("%") or "\n%YAML" in text:
        raise _refused(file, 1, "", "YAML directives are not supported")
    if _DEEP.search(re.sub(rb"\s", b"", text.encode())):
        raise _refused(file, 1, "", f"nested deeper than {MAX_DEPTH} levels")
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(StringIO(text))
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        detail = " ".join(part for part in (exc.context, exc.problem) if part)
        raise PolicyRefused(
            (Diagnostic(file=file, line=line, key="", message=f"not valid YAML: {detail}"),)
        ) from exc
    except (YAMLError, ValueError, RecursionError, AttributeError, IndexError) as exc:
        # ruamel raises plain Python errors for some malformed tokens.
        message = f"not valid YAML: {str(exc).splitlines()[0] if str(exc) else type(exc).__name__}"
        raise PolicyRefused((Diagnostic(file=file, line=1, key="", message=message),)) from exc
    if node is None:
        raise _refused(file, 1, "", "the file is empty")
    return node


class _Walk:
    def __init__(self, file: str) -> None:
        self.file = file
        self.nodes = 0

    def value(self, node: Node, path: str, depth: int) -> Value:
        line = node.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _refused(self.file, line, path, f"more than {MAX_NODES:,} values, aliases followed")
        if depth > MAX_DEPTH:
            raise _refused(self.file, line, path, f"nested deeper than {MAX_DEPTH} levels")
        match node:
            case MappingNode():
                self._check_tag(node, path, "map")
                return Value(
                    file=self.file, line=line, path=path, content=dict(self._items(node, path, depth))
                )
            case SequenceNode():
                self._check_tag(node, path, "seq")
                items = (self.value(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(node.value))
                return Value(file=self.file, line=line, path=path, content=tuple(items))
            case ScalarNode():
                return Value(file=self.file, line=line, path=path, content=self._scalar(node, path))
            case _:
                raise _refused(self.file, line, path, "not a value")

    def _items(self, node: MappingNode, path: str, depth: int) -> Iterator[tuple[str, Value]]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode) or key_node.tag != _PREFIX + "str":
                shown = key_node.value if isinstance(key_node, ScalarNode) else "a list or mapping"
                raise _refused(
                    self.file, line, path, f"a key must be text, not {shown!r}", hint="put it in quotes"
                )
            key = key_node.value
            if key in seen:
                raise _refused(self.file, line, join(path, key), f"written twice; first on line {seen[key]}")
            seen[key] = line
            value = self.value(value_node, join(path, key), depth + 1)
            # The place of an entry is that of its key: an alias or a block value stands elsewhere.
            yield key, msgspec.structs.replace(value, line=line)

    def _scalar(self, node: ScalarNode, path: str) -> Plain:
        text: str = node.value
        line = node.start_mark.line + 1
        match str(node.tag).removeprefix(_PREFIX):
            case "str" | "timestamp":
                if any("\ud800" <= character <= "\udfff" for character in text):
                    raise _refused(self.file, line, path, "half of a surrogate pair is not a character")
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" if _INTEGER.fullmatch(text):
                return int(text)
            case "float" if _DECIMAL.fullmatch(text):
                return Decimal(text.removeprefix("+"))
            case "int" | "float":
                raise _refused(
                    self.file, line, path, f"{text} is not a plain decimal number of at most 15 digits"
                )
            case _:
                raise _refused(self.file, line, path, f"the tag {node.tag} is not supported")

    def _check_tag(self, node: Node, path: str, expected: str) -> None:
        if str(node.tag) != _PREFIX + expected:
            raise _refused(self.file, node.start_mark.line + 1, path, f"the tag {node.tag} is not supported")


def join(path: str, key: str) -> str:
    """The path of an entry: `rules[0]` and `pass` give `rules[0].pass`."""
    return f"{path}.{key}" if path else key


def _refused(file: str, line: int, key: str, message: str, *, hint: str = "") -> PolicyRefused:
    return PolicyRefused((Diagnostic(file=file, line=line, key=key, message=message, hint=hint),))
