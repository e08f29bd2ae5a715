"""A question of the API as a value, and how its answer is read. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from gatekeeper.client.answers import Answer, decoded
from gatekeeper.client.body import Body
from gatekeeper.client.errors import NotUnderstood
from gatekeeper.client.model import Gate, Health
from gatekeeper.client.retries import seconds_of
from gatekeeper.decision import Decision, decision_from

T = TypeVar("T")

API = "/api/v1"
_SLOWEST_BYTES_PER_S = 200_000


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One question."""

    method: str
    path: str
    read: Callable[[Answer], T]
    """What an answer with a wanted status means."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    statuses: frozenset[int] = frozenset({200})
    """Those that `read` understands; every other one is an error."""
    is_idempotent: bool = True
    """False when a second arrival does more than the first; it is sent again only if it never arrived."""
    tell: Callable[[int], None] | None = None
    """Hears how many more bytes of the body were sent. A try that failed is told with its negative count."""

    @property
    def allowance_s(self) -> float:
        """Time for the body, over a slow line."""
        return self.body.size_bytes / _SLOWEST_BYTES_PER_S if self.body is not None else 0.0


def get(path: str, wanted: type[T], query: Mapping[str, str] | None = None) -> Call[T]:
    """A call that only reads."""
    return Call(
        method="GET", path=f"{API}{path}", query=query or {}, read=lambda answer: decoded(answer, wanted)
    )


def post(
    path: str,
    content: Mapping[str, Any],
    wanted: type[T],
    statuses: frozenset[int],
    *,
    is_idempotent: bool = True,
) -> Call[T]:
    """A call that sends JSON."""
    return Call(
        method="POST",
        path=f"{API}{path}",
        body=json_body(content),
        statuses=statuses,
        is_idempotent=is_idempotent,
        read=lambda answer: decoded(answer, wanted),
    )


def json_body(content: Mapping[str, Any]) -> Body:
    """`content` as a body."""
    return Body(contents=(msgspec.json.encode(content),), content_type="application/json")


def given(**values: Any) -> dict[str, Any]:
    """What has a value; the API gives meaning to what is left out."""
    return {name: value for name, value in values.items() if value is not None}


def segment(id: str) -> str:  # noqa: A002 - the word of the API
    """An id as one segment of a path, whatever is in it; `.` and `..` cannot climb."""
    return quote(id, safe="").replace(".", "%2E")


def read_gate(answer: Answer, project: str, stage: str) -> Gate:
    """The gate in `answer`, with its `Retry-After`.

    Raises:
        NotUnderstood: it is none, or one of another project or stage.
    """
    found = decoded(answer, Gate)
    refuse_other(
        answer, {"project": project, "stage": stage}, {"project": found.project, "stage": found.stage}
    )
    if found.retry_after_s is None:
        pause = seconds_of(answer.headers.get("retry-after"))
        return msgspec.structs.replace(found, retry_after_s=pause)
    return found


def read_decision(answer: Answer) -> Decision:
    """The decision in `answer`.

    Raises:
        NotUnderstood: it is none, or one of `gatekeeper evaluate`.
    """
    try:
        found = decision_from(answer.body)
    except (ValueError, RecursionError) as error:
        raise NotUnderstood(
            f"{answer.url} answered {answer.status} with something that is not a decision: "
            f"{' '.join(str(error).split())[:200]}",
            hint="the server may be of another version: `gatekeeper doctor` looks at it",
        ) from error
    if not found.gate:
        raise NotUnderstood(f"{answer.url} answered with a decision that is marked as not of a gate")
    return found


def refuse_other(answer: Answer, asked: Mapping[str, str], told: Mapping[str, str | None]) -> None:
    """Refuse an answer to another question, such as one that a cache on the way kept."""
    for name, value in asked.items():
        if told[name] != value:
            raise NotUnderstood(
                f"{answer.url} answered for the {name} {told[name]!r}, asked was {value!r}",
                hint="something between here and the server gives wrong answers; nothing may rely on them",
            )


def read_health(answer: Answer) -> Health:
    """What the answer of `/readyz` says."""
    return Health(
        is_ready=answer.status == 200,
        says=_failing_parts(answer.body),
        date=_date(answer.headers.get("date")),
    )


class _Part(msgspec.Struct, frozen=True):
    name: str
    ok: bool
    detail: str = ""


class _Readiness(msgspec.Struct, frozen=True):
    parts: tuple[_Part, ...]


def _failing_parts(body: bytes) -> str:
    """`blobs: the disk is full`; the beginning of whatever else was answered."""
    try:
        found = msgspec.json.decode(body, type=_Readiness)
    except (ValueError, RecursionError):
        return body[:300].decode("utf-8", "replace")
    return "; ".join(f"{part.name}: {part.detail}" for part in found.parts if not part.ok)


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
