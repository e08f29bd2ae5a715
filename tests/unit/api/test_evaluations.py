"""Questions that are evaluated once at a time: what the second asker gets, and nobody waits long."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gatekeeper_api import evaluations
from gatekeeper_api.evaluations import Evaluations


async def nothing() -> str | None:
    """What is at hand when nothing is."""
    return None


def slow(begun: list[int], gate: asyncio.Event) -> Callable[[], Coroutine[Any, Any, str]]:
    """An evaluation that ends when `gate` opens, and says which one it was."""

    async def evaluate() -> str:
        begun.append(len(begun))
        mine = begun[-1]
        await gate.wait()
        return f"answer {mine}"

    return evaluate


def test_an_answer_in_time_is_given_to_its_asker() -> None:
    """And so is what it raises."""

    async def right() -> str:
        return "yes"

    async def wrong() -> str:
        raise LookupError("no such stage")

    async def main() -> None:
        running: Evaluations[str] = Evaluations()
        assert await running.answer("q", right, nothing) == "yes"
        with pytest.raises(LookupError):
            await running.answer("q", wrong, nothing)

    asyncio.run(main())


def test_an_answer_that_takes_longer_goes_on_and_is_not_begun_twice() -> None:
    """Askers meanwhile are told to come again; they wait a little longer each time."""

    async def main() -> None:
        running: Evaluations[str] = Evaluations()
        begun: list[int] = []
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        waits = []
        for _ in range(3):
            at = loop.time()
            assert await running.answer("q", slow(begun, gate), nothing) is None
            waits.append(loop.time() - at)
        assert begun == [0]
        assert waits[0] < waits[1] < waits[2]
        assert waits[0] >= evaluations.PATIENCE_S
        gate.set()

    asyncio.run(main())


def test_who_comes_later_is_not_given_what_looked_before_he_asked() -> None:
    """What the running one leaves at hand is checked anew; without that, the second evaluates himself."""

    async def main(is_kept: bool) -> tuple[str | None, str | None, int]:
        running: Evaluations[str] = Evaluations()
        begun: list[int] = []
        gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, gate.set)

        async def at_hand() -> str | None:
            return "at hand" if is_kept else None

        first, second = await asyncio.gather(
            running.answer("q", slow(begun, gate), nothing), running.answer("q", slow(begun, gate), at_hand)
        )
        return first, second, len(begun)

    assert asyncio.run(main(True)) == ("answer 0", "at hand", 1)
    assert asyncio.run(main(False)) == ("answer 0", "answer 1", 2)


def test_other_questions_do_not_wait() -> None:
    """Each has its own evaluation."""

    async def main() -> None:
        running: Evaluations[str] = Evaluations()
        begun: list[int] = []
        closed, opened = asyncio.Event(), asyncio.Event()
        opened.set()
        assert await running.answer("slow", slow(begun, closed), nothing) is None
        assert await running.answer("quick", slow(begun, opened), nothing) == "answer 1"
        closed.set()

    asyncio.run(main())


def test_an_evaluation_that_fails_with_nobody_waiting_says_nothing() -> None:
    """Asyncio would log `exception was never retrieved`; the next asker hears of it himself."""

    async def main() -> None:
        running: Evaluations[str] = Evaluations()
        gate = asyncio.Event()
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))

        async def fails() -> str:
            await gate.wait()
            raise LookupError("no such stage")

        assert await running.answer("q", fails, nothing) is None
        gate.set()
        with pytest.raises(LookupError):
            await running.answer("q", fails, nothing)
        import gc

        gc.collect()
        await asyncio.sleep(0)
        assert complaints == []

    asyncio.run(main())


def test_what_is_remembered_of_impatient_askers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many different questions cannot fill the memory."""
    monkeypatch.setattr(evaluations, "PATIENCE_S", 0.0)
    monkeypatch.setattr(evaluations, "_MAX_KEPT", 10)

    async def main() -> int:
        running: Evaluations[str] = Evaluations()
        for number in range(100):
            await running.answer(number, slow([], asyncio.Event()), nothing)
        return len(running._misses)

    assert asyncio.run(main()) <= 10
