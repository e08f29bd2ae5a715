"""Clients that send what they wish until it is answered, over any number of deaths of the server."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from ci_traffic import Wish
from server_process import WITHIN_S, ServerProcess

PAUSE_S = 0.05
COME_AGAIN = (429, 503)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the server acknowledged: status and body, as they came."""

    status: int
    body: bytes


@dataclass
class Told:
    """What was said to the clients. Read it when they are done."""

    answers: dict[Wish, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    lost: int = 0
    """Requests without an answer: the server died, or had not begun yet."""
    given_up: set[Wish] = field(default_factory=set)
    """Wishes that are never repeated, and whose answer was lost: nobody knows what became of them."""
    refused: list[str] = field(default_factory=list)
    """Answers that nobody should get."""


class Clients:
    """Threads that take one wish after the other."""

    def __init__(self, server: ServerProcess, token: str, wishes: Sequence[Wish], *, threads: int) -> None:
        self.told = Told()
        self._server, self._token = server, token
        self._wishes = iter(wishes)
        self._done = 0
        self._stopped = False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._work, name=f"client-{n}") for n in range(threads)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """They begin; at the end of the block they are done, or stopped when it failed."""
        for thread in self._threads:
            thread.start()
        try:
            yield
            self.wait_for_end()
        finally:
            with self._changed:
                self._stopped = True
            for thread in self._threads:
                thread.join(WITHIN_S)

    def wait_for(self, count: int) -> None:
        """Return when so many wishes are settled."""
        self._wait(lambda: self._done >= count)

    def wait_for_end(self) -> None:
        """Return when all wishes are settled."""
        for thread in self._threads:
            while thread.is_alive():
                thread.join(0.2)
                assert not self.told.refused, self.told.refused[:5]
        assert not self.told.refused, self.told.refused[:5]

    def _wait(self, is_so: "object") -> None:
        ends = time.monotonic() + WITHIN_S
        with self._changed:
            while not is_so():  # type: ignore[operator]
                assert not self.told.refused, self.told.refused[:5]
                assert time.monotonic() < ends, f"only {self._done} requests were settled within {WITHIN_S} s"
                self._changed.wait(1)

    def _work(self) -> None:
        headers = {"authorization": f"Bearer {self._token}"}
        with httpx.Client(headers=headers, timeout=WITHIN_S, trust_env=False) as client:
            while (wish := self._next()) is not None:
                try:
                    self._settle(client, wish)
                except Exception as error:  # noqa: BLE001 - the edge of a thread: the test must hear of it
                    self._note(refused=f"{wish}: {error!r}")

    def _next(self) -> Wish | None:
        with self._changed:
            return None if self._stopped else next(self._wishes, None)

    def _settle(self, client: httpx.Client, wish: Wish) -> None:
        ends = time.monotonic() + WITHIN_S
        last = "nothing"
        while time.monotonic() < ends and not self._stopped:
            try:
                response = wish.send(client, self._server.url())
            except httpx.TransportError as error:
                last = repr(error)
                self._note(lost=1)
                if wish.once:
                    self._note(given_up=wish)
                    return
                time.sleep(PAUSE_S)
                continue
            if wish.is_answer(response):
                self._note(answer=(wish, Answer(status=response.status_code, body=response.content)))
                return
            if response.status_code not in COME_AGAIN:
                raise AssertionError(f"{response.status_code} {response.text[:500]}")
            last = response.text
            time.sleep(PAUSE_S)
        raise AssertionError(f"not answered within {WITHIN_S} s; the last try: {last}")

    def _note(
        self,
        *,
        answer: tuple[Wish, Answer] | None = None,
        lost: int = 0,
        given_up: Wish | None = None,
        refused: str | None = None,
    ) -> None:
        with self._changed:
            self.told.lost += lost
            if answer is not None:
                self.told.answers[answer[0]].append(answer[1])
            if given_up is not None:
                self.told.given_up.add(given_up)
            if refused is not None:
                self.told.refused.append(refused)
            self._done += lost == 0
            self._changed.notify_all()
