"""Who signed, when accounts that signed apart turned out to be one person."""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from gatekeeper.store.statements import table

_PERSON = table("person")


def signers(connection: Connection, people: Iterable[str | None]) -> dict[str, str]:
    """The person that each of these turned out to be; itself where nothing is known."""
    ids = {one for one in people if one}
    if not ids:
        return {}
    joined = select(_PERSON.c.id, _PERSON.c.joined_into).where(
        _PERSON.c.id.in_(ids), _PERSON.c.joined_into.is_not(None)
    )
    return {one: one for one in ids} | {row[0]: row[1] for row in connection.execute(joined)}
