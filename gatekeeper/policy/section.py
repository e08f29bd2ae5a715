"""Reading one mapping of a policy file: every fault is noted with its place, and reading goes on."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from gatekeeper.policy.diagnostic import Diagnostic, nearest
from gatekeeper.policy.key import NAME_PATTERN
from gatekeeper.policy.keys import ELSEWHERE, NOT_YET, ONE_OF, SECTIONS
from gatekeeper.policy.tree import Decimal, Value, join

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class Faults:
    """The faults of one file and of those that it extends, collected while it is read."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []

    def add(self, value: Value, message: str, *, hint: str = "", key: str = "") -> None:
        """Note one fault at `value`, or at the entry `key` of it that is not there or has its place."""
        path = join(value.path, key) if key else value.path
        self._found.append(Diagnostic(file=value.file, line=value.line, key=path, message=message, hint=hint))

    def all(self) -> tuple[Diagnostic, ...]:
        """Every fault so far, in file order, each once."""
        return tuple(sorted(set(self._found)))


class Section:
    """One mapping, its keys as in `keys.SECTIONS`. A reading that fails is noted and gives the default."""

    def __init__(self, value: Value, faults: Faults, name: str | None) -> None:
        self.value, self._faults = value, faults
        self._entries: Mapping[str, Value] = {}
        if isinstance(value.content, dict):
            self._entries = value.content
            if name is not None:
                self._check_keys(name)
        else:
            faults.add(value, f"must be a mapping, not {value.type_name()}")

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def fault(self, key: str, message: str, *, hint: str = "") -> None:
        """Note a fault at `key` of this section, or at the section when the key is absent."""
        value = self._entries.get(key)
        # What was taken over from another file stands there, but the fault is in what this one makes of it.
        if value is not None and value.file == self.value.file:
            self._faults.add(value, message, hint=hint)
        else:
            self._faults.add(self.value, message, hint=hint, key=key)

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

    @property
    def line(self) -> int:
        """Where it stands."""
        return self.value.line

    def at(self, key: str) -> Value | None:
        """What stands at `key`, unread; None when the key is absent."""
        return self._entries.get(key)

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

    def choices(self, key: str, options: Sequence[E]) -> tuple[E, ...]:
        """A list of different words among `options`; none when the key is absent."""
        found = []
        for word in self.texts(key) or ():
            if word in options:
                found.append(next(option for option in options if option == word))
            else:
                self.fault(key, f"{word!r} is not valid here", hint=nearest(word, options))
        return tuple(found)

    def names(self, key: str) -> tuple[str, ...] | None:
        """A list of different ids, or None when the key is absent."""
        names = self.texts(key)
        for name in names or ():
            self.check_name(key, name)
        return names

    def name(self, key: str, default: str) -> str:
        """An id."""
        name = self.text(key, default)
        if key in self._entries:
            self.check_name(key, name)
        return name

    def sections(self, key: str, name: str) -> "Iterator[Section]":
        """The mappings in a list."""
        for item in self.items(key):
            yield Section(item, self._faults, name)

    def named_sections(self, key: str, name: str) -> "Iterator[tuple[str, Section]]":
        """The mappings in a mapping with free keys, with those."""
        for entry, value in self.entries(key).items():
            yield entry, Section(value, self._faults, name)

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

    def check_name(self, key: str, name: str) -> None:
        """Note a fault when `name` is not an id."""
        if not re.fullmatch(NAME_PATTERN, name):
            self.fault(key, f"{name!r} is not a name: lowercase letters, digits, `.`, `_` and `-`")

    def _spelled(self, value: Value, reader: Callable[[str], T], default: T, hint: str) -> T:
        match value.content:
            case bool() | None | tuple() | dict():
                self._faults.add(value, f"must be text, not {value.type_name()}", hint=hint)
                return default
            case Decimal(text):
                text = text
            case str() | int() as content:
                text = str(content)
        try:
            return reader(text)
        except ValueError as exc:
            self._faults.add(value, str(exc), hint=hint)
            return default

    def _check_keys(self, name: str) -> None:
        keys = SECTIONS[name]
        valid = {key.name for key in keys}
        for key in self._entries:
            if key in NOT_YET.get(name, ()):
                self.fault(key, "not supported in this version", hint="remove it; a later version brings it")
            elif key in ELSEWHERE.get(name, {}):
                self.fault(key, "does not belong here", hint=ELSEWHERE[name][key])
            elif key not in valid:
                self.fault(key, "unknown key", hint=nearest(key, valid))
        for key_ in keys:
            if key_.is_required and key_.name not in self._entries:
                self.fault("", f"the key `{key_.name}` is missing", hint=key_.text)
        if name in ONE_OF and not any(key in self._entries for key in ONE_OF[name]):
            self.fault("", "one of these keys is missing: " + ", ".join(f"`{key}`" for key in ONE_OF[name]))
