"""Shapes of answers: metrics as `inspect` shows them, names that agree with the client's types."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.cli.values import plain_value
from gatekeeper.client import model
from gatekeeper.evidence import Problem, Ratio
from gatekeeper.receipt import EvidenceSet as ReceivedSet
from gatekeeper.service import answers
from gatekeeper_api.description import described
from gatekeeper_api.schemas.components import components
from gatekeeper_api.schemas.evidence import EvidenceSet, said, shown


@given(n=st.integers(0, 10**6), d=st.integers(1, 10**6))
def test_percentages_are_those_of_inspect(n: int, d: int) -> None:
    """Rounded down in the same way, so that nobody sees two numbers for one report."""
    assert shown(Ratio(n, d)) == plain_value(Ratio(n, d))
    assert shown(n) == plain_value(n)


def test_a_problem_is_told_in_words() -> None:
    """Also one that another version of the server wrote."""
    known = said(Problem(code="too-large", params={"bytes": 7, "limit": 5}))
    assert known.text == "the report is 7 bytes; the limit is 5"
    assert said(Problem(code="of-tomorrow", params={"files": ("a", ("b", 2))})).model_dump() == {
        "code": "of-tomorrow",
        "params": {"files": ["a", ("b", 2)]},
        "text": "of-tomorrow",
    }


@pytest.mark.parametrize(
    ("received", "parts", "is_closed", "minute", "state"),
    [
        ((1,), 2, False, 0, "open"),
        ((1,), None, False, 0, "open"),
        ((1, 2), 2, False, 0, "complete"),
        ((1,), None, True, 0, "complete"),
        ((1,), 2, True, 0, "incomplete"),
        ((1,), 2, False, 60, "incomplete"),
        ((1,), None, False, 60, "incomplete"),
    ],
)
def test_the_state_of_a_set(
    received: tuple[int, ...], parts: int | None, is_closed: bool, minute: int, state: str
) -> None:
    """Open while parts may come; whole when all are there or it was ended; else incomplete."""
    begun = datetime(2026, 11, 23, 2, tzinfo=UTC)
    one = ReceivedSet(
        id="set_1",
        project_id="prj_1",
        sender="",
        tree="b2" * 20,
        name="unit",
        run="",
        attempt="",
        parts=parts,
        received=received,
        first_at=begun,
        deadline_at=begun.replace(hour=3),
        closed_at=begun if is_closed else None,
    )
    now = begun.replace(hour=2 + minute // 60, minute=minute % 60)
    assert EvidenceSet.of("pay/api", one, now).state == state


CLIENTS = {
    "Project": model.Project,
    "Evidence": model.Evidence,
    "Build": model.Build,
    "EvidenceSet": model.EvidenceSet,
    "PolicyVersion": model.PolicyVersion,
    "Token": model.Token,
    "NewToken": model.NewToken,
    "Whoami": model.Whoami,
    "Gate": model.Gate,
}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_client_knows_every_field_that_it_demands(name: str) -> None:
    """What its type requires, the server always sends."""
    sent = components()[name]
    for field in msgspec.structs.fields(CLIENTS[name]):
        if field.required:
            assert field.encode_name in sent["required"], field
        if (name, field.encode_name) != ("GateReason", "mode"):
            assert field.encode_name in sent["properties"], field


def test_every_reference_of_the_description_leads_somewhere() -> None:
    """A schema that is missing would check nothing."""
    document = json.loads(described())
    known = set(document["components"]["schemas"])

    def references(node: object) -> set[str]:
        match node:
            case {"$ref": str(target)}:
                return {target.removeprefix("#/components/schemas/")}
            case dict():
                return set().union(*map(references, node.values())) if node else set()
            case list():
                return set().union(*map(references, node)) if node else set()
            case _:
                return set()

    assert references(document) <= known
    assert "Problem" in references(document)
    assert answers.Gate.__name__ in references(document)
