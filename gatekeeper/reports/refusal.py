"""How a reader refuses bytes; below `source`, which refuses what is too large."""

from gatekeeper.evidence import Param, Problem


class UnreadableReport(Exception):
    """The bytes are not a report that can be used; `problem` says why."""

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code, params)
        self.problem = Problem(code=code, params=params)
