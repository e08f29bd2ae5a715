"""Starts things at the same moment, in real threads."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


def at_once(works: Sequence[Callable[[], object]]) -> list[object]:
    """What each returned or raised, in the order of `works`. None begins before all are ready."""
    ready = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        ready.wait(30)
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - what is raised is a result here
            return error

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))
