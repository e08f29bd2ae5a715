"""One parser process as the server sees it: started, asked, timed, killed."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, cast

import msgspec

from gatekeeper.service.parsing.wire import (
    LENGTH_BYTES,
    MAX_FRAME_BYTES,
    Answer,
    Defect,
    Order,
    Progress,
    Ready,
    Refusal,
    Said,
    framed,
)

START_S = 60.0
"""How long a process may take to import what it needs, on a machine that is busy."""

_CHUNK_BYTES = 1024 * 1024
_SAID: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)
_ENVIRONMENT = frozenset(
    {"PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH"}
)
"""All that a parser process gets of the server's environment; everything else may be a secret."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The process said what came of it, and can be asked again unless it `is_last`."""

    known: Progress | None
    answer: Answer | Refusal | Defect
    document: bytes

    @property
    def is_last(self) -> bool:
        """True when the process ends now."""
        return isinstance(self.answer, Answer) and self.answer.is_last


@dataclass(frozen=True, kw_only=True)
class Died:
    """The process ended by itself. `known` is None when it had not begun: then the upload is not to blame."""

    known: Progress | None
    how: str


@dataclass(frozen=True, kw_only=True)
class TookTooLong:
    """The process had to be killed."""

    known: Progress


Outcome = Answered | Died | TookTooLong


class _Ended(Exception):
    """Nothing more comes from the process."""


class _Late(Exception):
    """The time is over."""


class ParserProcess:
    """A child process, for one thread at a time."""

    def __init__(self, *, memory_bytes: int) -> None:
        """Start it; it gets ready while others work.

        Raises:
            OSError: the system has no room for another process.
        """
        self._memory_bytes = memory_bytes
        self._is_ready = False
        lifeline, self._lifeline = os.pipe()
        try:
            self._process = _started(memory_bytes, lifeline)
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(lifeline)
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = cast("IO[bytes]", self._process.stdout)
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, order: Order, *, wall_s: float) -> Outcome:
        """Have `order` carried out. After anything but `Answered` the process is dead and reaped."""
        known: Progress | None = None
        deadline = time.monotonic() + START_S
        try:
            if not self._is_ready:
                self._is_ready = isinstance(self._said(deadline), Ready)
            self._input.write(framed(order))
            while isinstance(said := self._said(deadline), Progress):
                if known is None:
                    deadline = time.monotonic() + wall_s
                known = said
            if isinstance(said, Ready):
                raise _Ended
            length = said.document_bytes if isinstance(said, Answer) else 0
            if length > self._memory_bytes:
                raise _Ended
            return Answered(known=known, answer=said, document=bytes(self._bytes(length, deadline)))
        except _Late:
            self.kill()
            return TookTooLong(known=known) if known else Died(known=None, how="did not start in time")
        except (_Ended, BrokenPipeError, msgspec.DecodeError):
            return self._ended(known)

    def end(self) -> None:
        """Have it end now, whoever is asking it."""
        self._process.kill()

    def kill(self) -> None:
        """End it, wait until it is gone and close its pipes. Only for the thread that has it."""
        self._process.kill()
        self._process.wait()
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1
        self._input.close()
        self._output.close()

    def _ended(self, known: Progress | None) -> Died | TookTooLong:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)  # it closes its pipe a moment before it is dead
        status = self._process.poll()
        self.kill()
        if status == -signal.SIGXCPU and known is not None:
            return TookTooLong(known=known)
        if status is None:
            return Died(known=known, how="answer out of turn")
        how = signal.Signals(-status).name if status < 0 else f"exit {status}"
        return Died(known=known, how=how)

    def _said(self, deadline: float) -> Said:
        length = int.from_bytes(self._bytes(LENGTH_BYTES, deadline), "big")
        if length > MAX_FRAME_BYTES:
            raise _Ended
        return _SAID.decode(self._bytes(length, deadline))

    def _bytes(self, size: int, deadline: float) -> bytearray:
        data = bytearray()
        while len(data) < size:
            left_ms = max(0, int((deadline - time.monotonic()) * 1000))
            if not self._poll.poll(left_ms):
                raise _Late
            chunk = os.read(self._output.fileno(), min(_CHUNK_BYTES, size - len(data)))
            if not chunk:
                raise _Ended
            data += chunk
        return data


def _started(memory_bytes: int, lifeline: int) -> subprocess.Popen[bytes]:
    # exec after fork: none of the server's threads, locks and sockets get into the child. In a session of its
    # own, Ctrl-C in a terminal does not reach it.
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        [
            *(sys.executable, "-P", "-m", "gatekeeper.service.parsing.child"),
            *(str(memory_bytes), str(lifeline)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd="/",
        env=_environment(os.environ),
        bufsize=0,
        pass_fds=(lifeline,),
        start_new_session=True,
    )


def _environment(server: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in server.items() if name in _ENVIRONMENT}
