"""What a traced process asked of the kernel, in the order in which it was done."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

TRACED = "read,recvfrom,recvmsg,readv,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync,link,linkat,rename"
READS = ("read", "recvfrom", "recvmsg", "readv")
WRITES = ("write", "writev", "sendto", "sendmsg", "pwrite64")
SYNCS = ("fsync", "fdatasync")

_WHOLE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)\b.*")
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*?) *<unfinished \.\.\.>")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)\b.*")
_DESCRIPTOR = re.compile(r"\d+<(.*?)>(?:\(deleted\))?(?:,|$)")
_NAMES = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call that succeeded. It began and ended at these lines of the trace."""

    name: str
    about: str
    """The file or socket behind its descriptor; for a link, the new name."""
    text: str
    """All of its arguments, cut where strace cuts."""
    began: int
    ended: int


def strace(program: str, trace: object, *, chars: int = 80) -> list[str]:
    """The command that runs another one, with all its threads and children, and writes `trace`."""
    return [
        program,
        "-f",
        "--seccomp-bpf",
        "-yy",
        "-s",
        str(chars),
        "-e",
        f"trace={TRACED}",
        "-o",
        str(trace),
    ]


def calls_in(lines: Iterable[str]) -> list[Call]:
    """The calls of a trace, by the line at which they ended. What failed is left out."""
    return sorted(_calls(lines), key=lambda call: call.ended)


def answered(calls: Sequence[Call], request: str, nth: int = 0) -> tuple[list[Call], Call]:
    """What was done from the arrival of the `nth` request that begins so until its answer, and the answer.

    The answer is the first thing that was written to the socket of the request: from when that call begins,
    the client may have it.
    """
    asked = [call for call in calls if call.name in READS and f'"{request}' in call.text][nth]
    answer = min(
        (c for c in calls if c.name in WRITES and c.about == asked.about and c.began > asked.ended),
        key=lambda call: call.began,
    )
    return [c for c in calls if c.began > asked.ended and c.ended < answer.began], answer


def _calls(lines: Iterable[str]) -> Iterator[Call]:
    begun: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines):
        if part := _BEGUN.fullmatch(line):
            begun[part[1]] = number, part[3]
        elif (rest := _RESUMED.fullmatch(line)) and rest[1] in begun:
            began, first = begun.pop(rest[1])
            if int(rest[4]) >= 0:
                yield _call(rest[2], first + rest[3], began, number)
        elif (whole := _WHOLE.fullmatch(line)) and int(whole[4]) >= 0:
            yield _call(whole[2], whole[3], number, number)


def _call(name: str, text: str, began: int, ended: int) -> Call:
    if name in ("link", "linkat", "rename"):
        about = _NAMES.findall(text)[-1]
    else:
        descriptor = _DESCRIPTOR.match(text)
        about = descriptor[1] if descriptor else ""
    return Call(name=name, about=about, text=text, began=began, ended=ended)
