"""Many clients at once, each with its own connection, who do a list of things and note how long each took."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from service.figures import percentile
from service.servers import Client

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Timed:
    """What the clients saw."""

    wall_s: float
    each_ms: Sequence[float]

    @property
    def rate(self) -> float:
        """Things done per second."""
        return len(self.each_ms) / self.wall_s

    def at(self, percent: float) -> float:
        """A percentile of the milliseconds."""
        return percentile(self.each_ms, percent)


def timed(
    url: str, token: str, things: Sequence[T], do: Callable[[Client, T], None], *, clients: int
) -> Timed:
    """Do every thing once, by so many clients.

    Raises:
        RuntimeError: the first failure of a client; the others finish what they do.
    """
    left, each, failures = list(reversed(things)), list[float](), list[Exception]()

    def work() -> None:
        client = Client(url, token)
        try:
            while left and not failures:
                try:
                    thing = left.pop()
                except IndexError:
                    return
                began = time.perf_counter()
                do(client, thing)
                each.append((time.perf_counter() - began) * 1000)
        except Exception as error:  # noqa: BLE001 - it is raised below, in the thread that waits
            failures.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall_s = time.perf_counter() - began
    if failures:
        raise RuntimeError(f"a client of {url} failed: {failures[0]}") from failures[0]
    return Timed(wall_s=wall_s, each_ms=each)
