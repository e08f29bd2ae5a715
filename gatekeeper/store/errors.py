"""How the store says that it cannot."""

from gatekeeper.errors import GatekeeperError


class StoreUnavailable(GatekeeperError):
    """The database is locked, full, gone or unreachable. What was asked for was not done."""

    code = "unavailable"


class RowDamaged(StoreUnavailable):
    """What a row holds has been cut or changed on its disk. Nothing is answered from it."""


class SchemaOutdated(GatekeeperError):
    """The tables are not those of this version."""

    code = "schema-outdated"
