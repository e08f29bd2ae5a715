"""Reading one mapping of a policy file: every fault is noted with its place, and reading goes on."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from gatekeeper.policy.diagnostic import Diagnostic, nearest
from gatekeeper.policy.keys import NOT_YET, SECTIONS
from gatekeeper.policy.tree import Decimal, Value, join

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class Faults:
    """The faults of one file, collected while it is read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Diagnostic] = []

    def add(self, line: int, key: str, message: str, *, hint: str = "") -> None:
        """Note one fault."""
        self._found.append(Diagnostic(file=self.file, line=line, key=key, message=message, hint=hint))

    def all(self) -> tuple[Diagnostic, ...]:
        """Every fault so far, in file order, each once."""
        return tuple(sorted(set(self._found)))


class Section:
    """One mapping, its keys as in `keys.SECTIONS`. A reading that fails is noted and gives the default."""

    def __init__(self, value: Value, faults: Faults, name: str | None) -> None:
        self.line, self.path, self._faults = value.line, value.path, faults
        self._entries: Mapping[str, Value] = {}
        if isinstance(value.content, dict):
            self._entries = value.content
            if name is not None:
                self._check_keys(name)
        else:
            faults.add(value.line, value.path, f"must be a mapping, not {value.type_name()}")

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def fault(self, key: str, message: str, *, hint: str = "") -> None:
        """Note a fault at `key` of this section, or at the section when the key is absent."""
        value = self._entries.get(key)
        line = value.line if value else self.line
        self._faults.add(line, join(self.path, key) if key else self.path, message, hint=hint)

    def text(self, key: str, default: str) -> str:
        """A text that is not empty."""
        value = self._entries.get(key)
        if value is None:
            return default
        if not isinstance(value.content, str) or not value.content.strip():
            self.fault(key, f"must be text, not {value.type_name()}" if value.content != "" else "is empty")
            return default
        return value.content

    def spelled(self, key: str, reader: Callable[[str], T], default: T, *, hint: str = "") -> T:
        """A text or number read by a function of `spelling`."""
        value = self._entries.get(key)
        return default if value is None else self._spelled(value, reader, default, hint)

    def integer(self, key: str, default: int, *, least: int, most: int) -> int:
        """A whole number within bounds."""
        value = self._entries.get(key)
        if value is None:
            return default
        content = value.content
        if isinstance(content, bool) or not isinstance(content, int) or not least <= content <= most:
            self.fault(key, f"must be a whole number from {least} to {most}")
            return default
        return content

    def truth(self, key: str) -> bool | None:
        """A truth value, or None when the key is absent."""
        value = self._entries.get(key)
        if value is None:
            return None
        if not isinstance(value.content, bool):
            self.fault(key, f"must be true or false, not {value.type_name()}")
            return None
        return value.content

    def choice(self, key: str, options: Sequence[E], default: E) -> E:
        """One of `options`."""
        word = self.text(key, default)
        for option in options:
            if option == word:
                return option
        self.fault(key, f"{word!r} is not valid here", hint=nearest(word, options))
        return default

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of different texts, or None when the key is absent."""
        value = self._entries.get(key)
        if value is None:
            return None
        items = self.items(key)
        texts = [item.content for item in items if isinstance(item.content, str) and item.content.strip()]
        if len(texts) != len(items):
            self.fault(key, "must be a list of texts")
        if len(set(texts)) != len(texts):
            self.fault(key, "names something twice")
        return tuple(dict.fromkeys(texts))

    def items(self, key: str) -> tuple[Value, ...]:
        """The items of a list; none when the key is absent."""
        value = self._entries.get(key)
        if value is None:
            return ()
        if not isinstance(value.content, tuple):
            self.fault(key, f"must be a list, not {value.type_name()}")
            return ()
        return value.content

    def entries(self, key: str) -> Mapping[str, Value]:
        """The entries of a mapping with free keys; none when the key is absent."""
        value = self._entries.get(key)
        if value is None:
            return {}
        if not isinstance(value.content, dict):
            self.fault(key, f"must be a mapping, not {value.type_name()}")
            return {}
        return value.content

    def spelled_entries(self, key: str, reader: Callable[[str], T]) -> dict[str, T]:
        """The entries of a mapping with free keys, each read by a function of `spelling`."""
        found = {}
        for name, value in self.entries(key).items():
            read = self._spelled(value, reader, None, "")
            if read is not None:
                found[name] = read
        return found

    def section(self, key: str, name: str | None) -> "Section | None":
        """A mapping inside this one, or None when the key is absent; with `name` None its keys are free."""
        value = self._entries.get(key)
        return None if value is None else Section(value, self._faults, name)

    def _spelled(self, value: Value, reader: Callable[[str], T], default: T, hint: str) -> T:
        match value.content:
            case bool() | None | tuple() | dict():
                self._faults.add(value.line, value.path, f"must be text, not {value.type_name()}", hint=hint)
                return default
            case Decimal(text):
                text = text
            case str() | int() as content:
                text = str(content)
        try:
            return reader(text)
        except ValueError as exc:
            self._faults.add(value.line, value.path, str(exc), hint=hint)
            return default

    def _check_keys(self, name: str) -> None:
        keys = SECTIONS[name]
        valid = {key.name for key in keys}
        for key in self._entries:
            if key in NOT_YET.get(name, ()):
                self.fault(key, "not supported in this version", hint="remove it; a later version brings it")
            elif key not in valid:
                self.fault(key, "unknown key", hint=nearest(key, valid))
        for key_ in keys:
            if key_.is_required and key_.name not in self._entries:
                self._faults.add(self.line, self.path, f"the key `{key_.name}` is missing", hint=key_.text)
