"""Runs `.http` files: the requests in their order against a server, and what they must answer.

```
@name = value                         a variable for the whole file

### Title                             begins a request
# expect 201                          its status
# expect token.id = "..."             a member of the JSON answer, by a dotted path; the value is JSON
# expect header name = value          a header that begins with the value
# keep id = token.id                  a variable for what follows
POST {{base}}/api/v1/projects
Content-Type: application/json

{"path": "pay/api"}                   the body; `< file` sends the file beside this one
```
"""

import re
import time
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_EXPECT = re.compile(r"(?P<header>header\s+)?(?P<path>[\w.-]+)\s*=\s*(?P<value>.+)")
_KEEP = re.compile(r"(?P<name>\w+)\s*=\s*(?P<path>[\w.-]+)")


class ExampleWrong(AssertionError):
    """An answer is not what its example says, or the file cannot be read; names file and request."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request with its expectations, variables not yet put in."""

    place: str
    rules: tuple[str, ...]
    head: tuple[str, ...]
    body: str


def run(file: Path, variables: MutableMapping[str, str], client: httpx.Client) -> int:
    """Send every request of `file`; how many there were. `variables` grows by what is kept.

    Raises:
        ExampleWrong: at the first answer that is not as expected.
    """
    text = file.read_text(encoding="utf-8")
    for name, value in re.findall(r"^@(\w+)\s*=\s*(.*)$", text, re.MULTILINE):
        variables[name] = _filled(value.strip(), variables, file.name)
    count = 0
    for count, step in enumerate(_steps(file.name, text), 1):  # noqa: B007 - the number of the last one
        _check(step, variables, _sent(step, file.parent, variables, client))
    if not count:
        raise ExampleWrong(f"{file.name}: there is no request in it")
    return count


def _steps(name: str, text: str) -> Iterator[Step]:
    for block in re.split(r"^###", text, flags=re.MULTILINE)[1:]:
        title, _, rest = block.partition("\n")
        before, _, body = rest.strip("\n").partition("\n\n")
        lines = before.splitlines()
        rules = tuple(line.lstrip("# ").strip() for line in lines if line.startswith("#"))
        head = tuple(line for line in lines if line and not line.startswith("#"))
        yield Step(place=f"{name}: {title.strip()}", rules=rules, head=head, body=body.rstrip("\n"))


def _sent(
    step: Step, folder: Path, variables: MutableMapping[str, str], client: httpx.Client
) -> httpx.Response:
    if not step.head:
        raise ExampleWrong(f"{step.place}: there is no request line")
    first, *lines = (_filled(line, variables, step.place) for line in step.head)
    method, _, url = first.partition(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    if step.body.startswith("< "):
        content = (folder / step.body[2:].strip()).read_bytes()
    else:
        content = _filled(step.body, variables, step.place).encode()
    while True:
        answer = client.request(method, url, headers=headers, content=content or None)
        if '"code":"evaluating"' not in answer.text:
            return answer
        time.sleep(0.1)  # on a slow machine the gate asks for a moment more


def _check(step: Step, variables: MutableMapping[str, str], answer: httpx.Response) -> None:
    said = f"{step.place}: {answer.status_code} {answer.text[:1000]}"
    statuses = [rule.split()[1] for rule in step.rules if re.fullmatch(r"expect \d{3}", rule)]
    if len(statuses) != 1:
        raise ExampleWrong(f"{step.place}: it needs exactly one `# expect <status>`")
    if str(answer.status_code) != statuses[0]:
        raise ExampleWrong(f"{said}\nexpected status {statuses[0]}")
    for rule in step.rules:
        word, _, rest = rule.partition(" ")
        if word == "expect" and not rest.isdecimal():
            _expect(rest, step, variables, answer, said)
        elif word == "keep":
            if not (found := _KEEP.fullmatch(rest)):
                raise ExampleWrong(f"{step.place}: `keep` takes `name = path`, not {rest!r}")
            kept = _member(answer, found["path"], said)
            variables[found["name"]] = kept if isinstance(kept, str) else msgspec.json.encode(kept).decode()


def _expect(
    rest: str, step: Step, variables: MutableMapping[str, str], answer: httpx.Response, said: str
) -> None:
    if not (found := _EXPECT.fullmatch(rest)):
        raise ExampleWrong(f"{step.place}: `expect` takes `path = value`, not {rest!r}")
    wanted = _filled(found["value"], variables, step.place)
    if found["header"]:
        if not answer.headers.get(found["path"], "").startswith(wanted):
            raise ExampleWrong(f"{said}\nexpected {rest}, found {answer.headers.get(found['path'])!r}")
    elif (value := _member(answer, found["path"], said)) != msgspec.json.decode(wanted):
        raise ExampleWrong(f"{said}\nexpected {rest}, found {value!r}")


def _member(answer: httpx.Response, path: str, said: str) -> Any:
    """The member at a dotted path; numbers are positions of lists."""
    value: Any = answer.json()
    for part in path.split("."):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ExampleWrong(f"{said}\nthere is no {path}") from error
    return value


def _filled(text: str, variables: MutableMapping[str, str], place: str) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in variables:
            raise ExampleWrong(f"{place}: nothing has given the variable {found[1]!r}")
        return variables[found[1]]

    return _VARIABLE.sub(value, text)
