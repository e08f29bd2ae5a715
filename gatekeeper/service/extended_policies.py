"""Where policies on the server find what they extend: among its stored versions, which never change."""

from gatekeeper.policy.load import Pin, Resolve, Resolved, Unresolved
from gatekeeper.recorded import PolicyVersion
from gatekeeper.store import policies
from gatekeeper.store.database import Connection, Database


def stored(database: Database) -> Resolve:
    """Finds stored versions, each in a short read of its own."""

    def resolve(name: str, pin: Pin) -> Resolved:
        return _resolved(name, pin, database.read(lambda connection: _found(connection, name, pin)))

    return resolve


def stored_in(connection: Connection) -> Resolve:
    """Finds stored versions with a connection that is open already."""

    def resolve(name: str, pin: Pin) -> Resolved:
        return _resolved(name, pin, _found(connection, name, pin))

    return resolve


def _found(connection: Connection, name: str, pin: Pin) -> PolicyVersion | None:
    if pin.version is not None:
        return policies.version(connection, name, pin.version)
    return policies.with_digest(connection, name, pin.digest or "")


def _resolved(name: str, pin: Pin, found: PolicyVersion | None) -> Resolved:
    if found is None:
        hint = f"`gatekeeper policy list` shows the versions; import {name} first"
        raise Unresolved(f"this server has no policy {name}@{pin}", hint=hint)
    return Resolved(data=found.text, file=f"{found.name}@{found.version}", version=found.version)
