"""`Client` and `AsyncClient`: the same calls over httpx, blocking or not. Everything else is shared and pure.

TLS is always verified, `SSL_CERT_FILE` names other roots; proxies come from the environment, except for a
server on this machine. Redirects are never followed: the token goes to the address that was named.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Iterator
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import httpx

from gatekeeper.client import calls
from gatekeeper.client.address import Address
from gatekeeper.client.answers import Answer, error_of
from gatekeeper.client.call import Call
from gatekeeper.client.exchange import Collected, Counted, answer_from, request_for, unreachable
from gatekeeper.client.model import Page
from gatekeeper.client.retries import Attempts, Timing

T = TypeVar("T")
P = ParamSpec("P")


def _blocking(build: Callable[P, Call[T]]) -> "Callable[Concatenate[Client, P], T]":
    @functools.wraps(build)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.ask(build(*args, **kwargs))

    return method


def _awaited(build: Callable[P, Call[T]]) -> "Callable[Concatenate[AsyncClient, P], Awaitable[T]]":
    @functools.wraps(build)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.ask(build(*args, **kwargs))

    return method


class Client:
    """Asks one server. Each method has the arguments of the function of that name in `calls`.

    Raises, from every method:
        Unreachable, Unauthorised, ServerFailed, NotUnderstood: there is no answer.
        ServerRefused: the server refuses what was asked.
    """

    def __init__(
        self,
        address: Address,
        *,
        timing: Timing | None = None,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.address = address
        self._timing = timing or Timing()
        self._sleep = sleep
        self._http = httpx.Client(
            trust_env=not address.is_loopback, follow_redirects=False, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def ask(self, call: Call[T]) -> T:
        """The answer to `call`, after as many tries as it takes and the deadline allows."""
        attempts = Attempts(self._timing, allowance_s=call.allowance_s)
        while True:
            tell = Counted(call.tell)
            fault: httpx.TransportError | int
            header = None
            try:
                answer = self._once(call, attempts, tell)
                if answer.status in call.statuses:
                    return call.read(answer)
                fault, header = answer.status, answer.headers.get("retry-after")
                failure: Exception = error_of(answer)
            except httpx.TransportError as error:
                fault, failure = error, unreachable(self.address, error)
            pause = attempts.pause_after(fault, header, is_idempotent=call.is_idempotent)
            if pause is None:
                raise failure from (fault if isinstance(fault, Exception) else None)
            tell.take_back()
            self._sleep(pause)

    def pages(self, build: Callable[[str | None], Call[Page[T]]]) -> Iterator[T]:
        """All items of a list; `build` makes the call for the page at a cursor."""
        cursor: str | None = None
        while True:
            page = self.ask(build(cursor))
            yield from page.items
            if page.next is None or page.next == cursor:
                return
            cursor = page.next

    def _once(self, call: Call[T], attempts: Attempts, tell: Counted) -> Answer:
        request = request_for(call, self.address, attempts, self._timing, tell)
        response = self._http.send(request, stream=True)
        try:
            collected = Collected(request, attempts)
            for chunk in response.iter_bytes():
                collected.take(chunk)
        finally:
            response.close()
        return answer_from(response, collected)

    submit = _blocking(calls.submit)
    close_set = _blocking(calls.close_set)
    link = _blocking(calls.link)
    gate = _blocking(calls.gate)
    decide = _blocking(calls.decide)
    decision = _blocking(calls.decision)
    evidence = _blocking(calls.evidence)
    evidence_of = _blocking(calls.evidence_of)
    projects = _blocking(calls.projects)
    create_project = _blocking(calls.create_project)
    assign_policy = _blocking(calls.assign_policy)
    import_policy = _blocking(calls.import_policy)
    policies = _blocking(calls.policies)
    policy_versions = _blocking(calls.policy_versions)
    history = _blocking(calls.history)
    document = _blocking(calls.document)
    policy_document = _blocking(calls.policy_document)
    order_backtest = _blocking(calls.order_backtest)
    backtest = _blocking(calls.backtest)
    create_token = _blocking(calls.create_token)
    tokens = _blocking(calls.tokens)
    rotate_token = _blocking(calls.rotate_token)
    revoke_token = _blocking(calls.revoke_token)
    whoami = _blocking(calls.whoami)
    health = _blocking(calls.health)


class AsyncClient:
    """`Client` for an event loop of asyncio."""

    def __init__(
        self,
        address: Address,
        *,
        timing: Timing | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.address = address
        self._timing = timing or Timing()
        self._sleep = sleep
        self._http = httpx.AsyncClient(
            trust_env=not address.is_loopback, follow_redirects=False, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def ask(self, call: Call[T]) -> T:
        """The answer to `call`, after as many tries as it takes and the deadline allows."""
        attempts = Attempts(self._timing, allowance_s=call.allowance_s)
        while True:
            tell = Counted(call.tell)
            fault: httpx.TransportError | int
            header = None
            try:
                answer = await self._once(call, attempts, tell)
                if answer.status in call.statuses:
                    return call.read(answer)
                fault, header = answer.status, answer.headers.get("retry-after")
                failure: Exception = error_of(answer)
            except httpx.TransportError as error:
                fault, failure = error, unreachable(self.address, error)
            pause = attempts.pause_after(fault, header, is_idempotent=call.is_idempotent)
            if pause is None:
                raise failure from (fault if isinstance(fault, Exception) else None)
            tell.take_back()
            await self._sleep(pause)

    async def _once(self, call: Call[T], attempts: Attempts, tell: Counted) -> Answer:
        request = request_for(call, self.address, attempts, self._timing, tell)
        response = await self._http.send(request, stream=True)
        try:
            collected = Collected(request, attempts)
            async for chunk in response.aiter_bytes():
                collected.take(chunk)
        finally:
            await response.aclose()
        return answer_from(response, collected)

    submit = _awaited(calls.submit)
    close_set = _awaited(calls.close_set)
    link = _awaited(calls.link)
    gate = _awaited(calls.gate)
    decide = _awaited(calls.decide)
    decision = _awaited(calls.decision)
    evidence = _awaited(calls.evidence)
    evidence_of = _awaited(calls.evidence_of)
    projects = _awaited(calls.projects)
    create_project = _awaited(calls.create_project)
    assign_policy = _awaited(calls.assign_policy)
    import_policy = _awaited(calls.import_policy)
    policies = _awaited(calls.policies)
    policy_versions = _awaited(calls.policy_versions)
    history = _awaited(calls.history)
    document = _awaited(calls.document)
    policy_document = _awaited(calls.policy_document)
    order_backtest = _awaited(calls.order_backtest)
    backtest = _awaited(calls.backtest)
    create_token = _awaited(calls.create_token)
    tokens = _awaited(calls.tokens)
    rotate_token = _awaited(calls.rotate_token)
    revoke_token = _awaited(calls.revoke_token)
    whoami = _awaited(calls.whoami)
    health = _awaited(calls.health)
