"""Each call: what it sends, and which answers it believes."""

import base64
import json
from typing import Any

import msgspec
import pytest

from gatekeeper.client import calls
from gatekeeper.client.answers import Answer
from gatekeeper.client.call import Call
from gatekeeper.client.errors import NotUnderstood
from gatekeeper.client.model import Gate, GateStanding

GATE = {"project": "pay/api", "stage": "uat", "state": "decided", "allowed": True, "outcome": "pass"}


def answer(content: object, status: int = 200, **headers: str) -> Answer:
    """An answer with JSON."""
    return Answer(status=status, headers=headers, body=msgspec.json.encode(content), url="https://x/y")


def sent(call: Call[Any]) -> dict[str, Any]:
    """The JSON that the call sends."""
    assert call.body is not None
    return json.loads(b"".join(call.body.chunks()))


def test_what_is_not_known_is_left_out() -> None:
    """The API gives meaning to a missing member, none to null."""
    call = calls.link(project="pay/api", commit="c", tree="t", artifact="a", commit_object=b"tree \xff")
    assert sent(call) == {
        "project": "pay/api",
        "commit": "c",
        "tree": "t",
        "artifact": "a",
        "commit_object": base64.b64encode(b"tree \xff").decode(),
    }
    closing = calls.close_set(project="pay/api", commit="c", tree="t", name="unit", run="7")
    assert sent(closing) == {"project": "pay/api", "commit": "c", "tree": "t", "set": "unit", "run": "7"}
    assert calls.gate(project="p", stage="s", artifact="a").query == {
        "project": "p",
        "stage": "s",
        "artifact": "a",
    }


def test_a_gate_that_is_not_decided_cannot_allow() -> None:
    """Whatever it says."""
    call = calls.gate(project="pay/api", stage="uat", commit="c")
    for wrong in ({"state": "pending"}, {"outcome": None}, {"state": "unheard-of"}):
        with pytest.raises(NotUnderstood):
            call.read(answer(GATE | wrong))


def test_the_header_says_when_to_ask_again_too() -> None:
    """For servers that leave it out of the body."""
    pending = {"project": "pay/api", "stage": "uat", "state": "pending", "allowed": False}
    call = calls.gate(project="pay/api", stage="uat", commit="c")
    assert call.read(answer(pending, 202, **{"retry-after": "3"})).retry_after_s == 3
    assert call.read(answer(pending | {"retry_after_s": 9}, 202)).retry_after_s == 9


@pytest.mark.parametrize("wrong", [{"stage": "test"}, {"project": "pay/web"}])
def test_an_answer_to_another_question_is_refused(wrong: dict[str, str]) -> None:
    """A cache on the way must not let one build pass for another."""
    call = calls.gate(project="pay/api", stage="uat", commit="c")
    with pytest.raises(NotUnderstood, match="asked was"):
        call.read(answer(GATE | wrong))


def test_deciding_too_early_gives_the_gate() -> None:
    """Which never allows."""
    call = calls.decide(project="pay/api", stage="uat", commit="c")
    pending = {"project": "pay/api", "stage": "uat", "state": "pending", "allowed": False}
    found = call.read(answer(pending, 202))
    assert isinstance(found, Gate)
    assert found.state is GateStanding.PENDING


@pytest.mark.parametrize("content", [{}, [], {"allowed": True}, GATE])
def test_only_a_decision_is_a_decision(content: object) -> None:
    """Half of one is none."""
    call = calls.decide(project="pay/api", stage="uat", commit="c")
    with pytest.raises(NotUnderstood):
        call.read(answer(content, 201))


def test_health_says_which_part_is_ill() -> None:
    """And what time the server has, where its answer tells."""
    parts = [{"name": "blobs", "ok": False, "detail": "the disk is full"}, {"name": "database", "ok": True}]
    found = calls.health().read(
        answer({"ready": False, "parts": parts}, 503, date="Mon, 23 Nov 2026 10:00:00 GMT")
    )
    assert (found.is_ready, found.says) == (False, "blobs: the disk is full")
    assert found.date is not None
    assert found.date.isoformat() == "2026-11-23T10:00:00+00:00"
    assert calls.health().read(answer({}, 200, date="no time")).date is None
