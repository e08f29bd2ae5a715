"""People and grants as lines, rows and JSON for a terminal."""

from datetime import UTC, datetime

import msgspec

from gatekeeper.cli.output import escaped, one_line
from gatekeeper.client.model import Grant, Person

_WIDE = 1_000


def lines_of(person: Person) -> str:
    """The person, then a line for each account and each grant."""
    lines = [one_line(f"{person.id}  {person.name}  {_state(person)}")]
    for one in person.identities:
        mail = f"  {one.email}{'' if one.email_verified else ' (not verified)'}" if one.email else ""
        lines.append("  account  " + one_line(f"{one.subject} of {one.issuer}{mail}", 400))
    lines += [f"  {grant_line(each)}" for each in person.grants]
    return "\n".join(lines) + "\n"


def grant_line(grant: Grant) -> str:
    """The grant with its id, and its end when it has one."""
    return one_line(f"{grant.id}  {_words(grant)}", _WIDE)


def row_of(person: Person) -> tuple[str, ...]:
    """Id, name, accounts, what is held now, state."""
    accounts = ", ".join(
        one.subject if one.issuer == "local" else f"{one.subject} of {one.issuer}"
        for one in person.identities
    )
    holds = "; ".join(_words(one) for one in person.grants if _holds(one)) or "nothing"
    return (person.id, person.name, accounts, holds, _state(person))


def as_json_text(found: object) -> str:
    """What the server answered, as JSON that no terminal obeys."""
    return escaped(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()) + "\n"


def _words(grant: Grant) -> str:
    what = ([f"role {grant.role}"] if grant.role else []) + list(grant.scopes)
    ends = f", until {grant.expires_at:%Y-%m-%d}" if grant.expires_at is not None else ""
    gone = f", revoked {grant.revoked_at:%Y-%m-%d}" if grant.revoked_at is not None else ""
    return f"{', '.join(what)} on {', '.join(grant.projects)}{ends}{gone}"


def _holds(grant: Grant) -> bool:
    return grant.revoked_at is None and (grant.expires_at is None or grant.expires_at > datetime.now(UTC))


def _state(person: Person) -> str:
    return ("active" if person.is_active else "shut out") + (", second factor" if person.has_totp else "")
