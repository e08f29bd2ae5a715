"""A question to a gate that may be too early: asked again until it can be decided or the time is over."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self, TypeVar

from gatekeeper.cli.identity import Identity
from gatekeeper.cli.output import one_line, say
from gatekeeper.client import calls
from gatekeeper.client.call import API, Call
from gatekeeper.client.client import Client
from gatekeeper.client.errors import ServerFailed, Unauthorised, Unreachable
from gatekeeper.client.model import Gate, GateReason, GateStanding
from gatekeeper.decision import Decision, Mode, Status

T = TypeVar("T")

_PAUSE_S = 5.0
"""Between two questions, where the server names no time."""
_MOST_PAUSE_S = 30.0
_LEAST_PAUSE_S = 0.2


class Question:
    """May this subject enter this stage? `connect` opens a client with a credential of now."""

    def __init__(
        self,
        *,
        connect: Callable[[], Client],
        about: Identity,
        stage: str,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._client = connect()
        self._sleep = sleep
        self._clock = clock
        self._ends_at = clock()
        self._was_answered = False
        subject = {"commit": about.commit, "tree": about.tree, "artifact": about.artifact}
        self._subject = {"project": about.project, "stage": stage}
        self._subject |= {name: value for name, value in subject.items() if value is not None}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    @property
    def url(self) -> str:
        """Where decisions can be fetched."""
        return f"{self._client.address.url}{API}/decisions"

    def decided(self, wait_s: float) -> Decision | Gate:
        """The recorded decision; the pending gate when the wait ended before there could be one.

        While there is time, it looks without having anything recorded. What fails for another reason than
        missing evidence is decided at once: waiting would not mend it.
        """
        self._ends_at = self._clock() + wait_s
        told = ""
        while self._rest_s > 0:
            gate = self._ask(calls.gate(**self._subject))
            waits_for = waiting_words(gate)
            if waits_for is None:
                break
            if waits_for != told:
                say(f"waiting: {waits_for}")
                told = waits_for
            self._pause(gate)
        answer = self._ask(calls.decide(**self._subject))
        while isinstance(answer, Gate) and self._rest_s > 0:
            self._pause(answer)
            answer = self._ask(calls.decide(**self._subject))
        return answer

    @property
    def _rest_s(self) -> float:
        return self._ends_at - self._clock()

    def _pause(self, gate: Gate) -> None:
        asked = gate.retry_after_s if gate.retry_after_s is not None else _PAUSE_S
        self._sleep(min(self._rest_s, _MOST_PAUSE_S, max(_LEAST_PAUSE_S, asked)))

    def _ask(self, call: Call[T]) -> T:
        """The answer to `call`.

        A server that has answered and goes away, as in an update, is waited for while there is time. An
        identity of a job lives for minutes, less than many waits: it is renewed when it has expired.
        """
        while True:
            try:
                answer = self._client.ask(call)
            except Unauthorised as error:
                if error.code != "token-expired" or not self._was_answered:
                    raise
                self._client.close()
                self._client = self._connect()
                answer = self._client.ask(call)
            except (Unreachable, ServerFailed) as error:
                if not self._was_answered or self._rest_s <= 0:
                    raise
                say(f"note: {one_line(error.message)}; asking again")
                self._sleep(min(self._rest_s, _PAUSE_S))
                continue
            self._was_answered = True
            return answer


def waiting_words(gate: Gate) -> str | None:
    """What a later answer could know that this one does not; None when waiting is vain.

    A rule that blocks for another reason than missing evidence will block then too. Rules that only warn,
    score or are observed stop no wait, nor does a reason of the whole decision, such as a score that is too
    low: it can follow from what is missing.
    """
    if gate.state is GateStanding.PENDING:
        return _joined(said.text or said.code for said in gate.pending) or "an answer"
    if gate.allowed:
        return None
    missing = [reason for reason in gate.reasons if reason.status == Status.MISSING]
    if not missing or any(_blocks_anyway(reason) for reason in gate.reasons):
        return None
    return _joined(dict.fromkeys(reason.text or reason.code for reason in missing))


def _blocks_anyway(reason: GateReason) -> bool:
    is_failing = reason.status in (Status.FAIL, Status.ERROR)
    return reason.rule is not None and is_failing and reason.mode in (None, Mode.BLOCK)


def _joined(texts: Iterable[str]) -> str:
    return one_line("; ".join(texts), 300)
