"""Questions that are being answered: each at most once at a time, and nobody waits long for one."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

A = TypeVar("A")

PATIENCE_S = 0.05
"""How long a question waits for its answer; each time that was not enough, four times as long."""
MOST_PATIENCE_S = 5.0
_MOST_MISSES = 4
_MAX_KEPT = 10_000


class Evaluations(Generic[A]):
    """One for each server; only for its event loop."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[A]] = {}
        self._misses: dict[Hashable, int] = {}

    async def answer(
        self,
        question: Hashable,
        evaluate: Callable[[], Coroutine[Any, Any, A]],
        at_hand: Callable[[], Awaitable[A | None]],
    ) -> A | None:
        """The answer, or None when there is none in time; then it is still being worked out.

        Whoever comes while the question is evaluated waits for the end of that, and then looks what is at
        hand or evaluates himself: what runs may have looked before something arrived of which he knows.

        Raises:
            Whatever `evaluate` raises.
        """
        now = asyncio.get_running_loop().time
        misses = self._misses.get(question, 0)
        until = now() + min(PATIENCE_S * 4**misses, MOST_PATIENCE_S)
        while (left := until - now()) > 0:
            other = self._running.get(question)
            task = other or self._begun(question, evaluate())
            done, _ = await asyncio.wait({task}, timeout=left)
            if not done:
                break
            if other is None:
                self._misses.pop(question, None)
                return task.result()
            if (found := await at_hand()) is not None:
                return found
        if len(self._misses) >= _MAX_KEPT:
            self._misses.clear()
        self._misses[question] = min(misses + 1, _MOST_MISSES)
        return None

    def _begun(self, question: Hashable, evaluation: Coroutine[Any, Any, A]) -> "asyncio.Task[A]":
        task = asyncio.create_task(evaluation)
        self._running[question] = task
        task.add_done_callback(lambda ended: self._ended(question, ended))
        return task

    def _ended(self, question: Hashable, task: "asyncio.Task[A]") -> None:
        if self._running.get(question) is task:
            del self._running[question]
        if not task.cancelled():
            task.exception()  # seen; whoever asks again hears of it himself
